import { build, byId, setText } from './build-element.js';
import { buildFix } from './fix.js';
import { isPage, STATE_WORDS } from './link-state.js';

/** OBS has a card of its own. */
const HAS_CARD = 'obs.link';

/** Every output with its state, its counters, and its fix where one is needed; below them other programs that are there. */
export function createOutputs() {
  const list = byId('outputs');
  let rows = new Map();
  list.replaceChildren(build('li', { class: 'soft' }, 'Waiting for the show'));

  return {
    update(status, changed) {
      if (!changed.has('outputs') && !changed.has('links')) return;
      const kept = new Map();
      const links = (status.links ?? []).filter((link) => link.state !== 'off' && link.id !== HAS_CARD);
      for (const output of [...status.outputs, ...links]) {
        const row = rows.get(output.id) ?? createRow();
        row.show(output);
        kept.set(output.id, row);
      }
      const isSame = kept.size === rows.size && [...kept.keys()].every((id) => rows.has(id));
      rows = kept;
      if (isSame) return;
      const elements = [...kept.values()].map((row) => row.element);
      list.replaceChildren(...(elements.length > 0 ? elements : [build('li', { class: 'soft' }, 'No outputs')]));
    },
  };
}

function createRow() {
  const name = build('span', { class: 'output-name' });
  const word = build('span', { class: 'state-word' });
  const counts = build('span', { class: 'output-counts number' });
  const more = build('div', { class: 'link-more' });
  const element = build('li', { class: 'output' }, build('div', { class: 'output-head' }, name, word), counts, more);
  let shownMore = '';
  return {
    element,
    show(output) {
      element.dataset.state = output.state;
      setText(name, isPage(output) ? 'This page' : output.label);
      setText(word, STATE_WORDS[output.state]);
      setText(counts, countsOf(output));
      const key = JSON.stringify([output.state, output.detail, output.fix]);
      if (key === shownMore) return;
      shownMore = key;
      const fix = output.fix && output.state !== 'ready' ? buildFix(output.fix) : undefined;
      more.replaceChildren(...[output.detail ? build('p', {}, output.detail) : undefined, fix].filter(Boolean));
    },
  };
}

function countsOf({ sent, dropped }) {
  return sent === undefined ? '' : `${sent.toLocaleString('en')} sent · ${dropped.toLocaleString('en')} dropped`;
}
