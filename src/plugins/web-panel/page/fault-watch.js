import { isFault, isPage } from './link-state.js';

/**
 * Tells of links that break and links that are well again. What was broken before the page was opened is shown by the
 * chain and needs no message.
 */
export function createFaultWatch(toasts) {
  const faults = new Map();
  let isFirst = true;

  function watch(key, name, link) {
    const before = faults.get(key);
    if (!isFault(link.state)) {
      if (before === undefined || link.state !== 'ready') return;
      faults.delete(key);
      toasts.dismiss(key);
      toasts.show({ key, tone: 'good', title: `${name} works again` });
      return;
    }
    const now = `${link.state} ${link.detail}`;
    if (before === now) return;
    faults.set(key, now);
    if (isFirst) return;
    const title = link.state === 'failed' ? `${name} failed` : `${name} needs attention`;
    const tone = link.state === 'failed' ? 'fault' : 'warning';
    toasts.show({ key, tone, title, text: link.detail ?? link.label, fix: link.fix });
  }

  /** Beside the chain: OBS, the microphone, plugins. A link that is gone is no fault any more: its plugin is well, or out. */
  function watchLinks(links) {
    for (const link of links) watch(`link ${link.id}`, link.label, link);
    const there = new Set(links.map(({ id }) => `link ${id}`));
    for (const key of faults.keys()) {
      if (!key.startsWith('link ') || there.has(key)) continue;
      faults.delete(key);
      toasts.dismiss(key);
    }
  }

  return {
    update(status, changed) {
      if (changed.has('input')) watch('input', 'The microphone', status.input);
      if (changed.has('engine')) watch('engine', 'The face', status.engine);
      if (changed.has('outputs')) {
        for (const output of status.outputs) watch(output.id, isPage(output) ? 'This page' : output.label, output);
      }
      if (changed.has('links')) watchLinks(status.links);
      isFirst = false;
    },
  };
}
