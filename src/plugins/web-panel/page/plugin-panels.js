import { build, byId, setText } from './build-element.js';
import { buildFix } from './fix.js';
import { isFault, STATE_WORDS } from './link-state.js';
import { createPanelBridge } from './panel-bridge.js';

/** Panels of plugins: each in a frame that is shut off from this page. They come and go with their plugins. */
export function createPluginPanels() {
  const list = byId('panel-list');
  /** By address: a plugin that is loaded anew has another. */
  let panels = new Map();

  window.addEventListener('message', ({ source, data }) => {
    for (const panel of panels.values()) if (panel.owns(source)) panel.hear(data);
  });

  function change(wanted) {
    const kept = new Map();
    for (const about of wanted) kept.set(about.url, panels.get(about.url) ?? createPanel(about));
    for (const [url, panel] of panels) if (!kept.has(url)) panel.close();
    // Only new ones are put in: a frame that is moved begins anew.
    for (const [url, panel] of kept) if (!panels.has(url)) list.append(panel.element);
    panels = kept;
    byId('panels').hidden = panels.size === 0;
  }

  return {
    update(status, changed) {
      const { panels: wanted, ...ofShow } = status;
      if (changed.has('panels')) change(wanted);
      for (const panel of panels.values()) panel.update(ofShow);
    },
  };
}

function createPanel({ id, pluginId, title, url }) {
  const heading = `panel-${id.replaceAll('.', '-')}`;
  const word = build('span', { class: 'state-word' });
  const more = build('div', { class: 'link-more' });
  const place = build('div', { class: 'panel-place' });
  const element = build(
    'section',
    { class: 'card panel', 'aria-labelledby': heading },
    build('div', { class: 'output-head' }, build('h3', { id: heading }, title), word),
    more,
    place,
  );
  let frame;
  let bridge;
  let shown;

  function open() {
    // Its own scripts, and nothing else: no origin, no forms, no windows, no cookies.
    frame = build('iframe', { title, sandbox: 'allow-scripts', src: url, referrerpolicy: 'no-referrer' });
    bridge = createPanelBridge(frame);
    place.replaceChildren(frame);
  }

  function shut() {
    bridge?.close();
    bridge = undefined;
    frame = undefined;
    place.replaceChildren();
  }

  /** What a plugin that does not work has to say takes the place of its panel. */
  function showFault(fault) {
    const key = JSON.stringify(fault ?? null);
    if (key === shown) return;
    shown = key;
    element.dataset.state = fault?.state ?? 'ready';
    setText(word, fault ? STATE_WORDS[fault.state] : '');
    word.hidden = !fault;
    const parts = [fault?.detail && build('p', {}, fault.detail), fault?.fix && buildFix(fault.fix)];
    more.replaceChildren(...parts.filter(Boolean));
    if (fault?.state === 'failed') shut();
    else if (!frame) open();
  }

  return {
    element,
    owns: (source) => bridge?.owns(source) ?? false,
    hear: (message) => bridge?.hear(message),
    update(status) {
      showFault((status.links ?? []).find((link) => link.id === pluginId && isFault(link.state)));
      bridge?.update(status);
    },
    close() {
      shut();
      element.remove();
    },
  };
}
