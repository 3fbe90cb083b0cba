import { build } from './build-element.js';
import { buildEngines } from './engines.js';
import { buildFix } from './fix.js';
import { cameraOf, STATE_WORDS } from './link-state.js';

const SVG = 'http://www.w3.org/2000/svg';

/** One stroke path per link, on a 24x24 field. */
const ICONS = {
  Voice: 'M12 3a3 3 0 0 1 3 3v6a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3zM6 11v1a6 6 0 0 0 12 0v-1M12 18v3',
  Face: 'M12 3c5 0 8 4 8 9s-3 9-8 9-8-4-8-9 3-9 8-9zM9 10v.5M15 10v.5M8.5 14.5c2 2.3 5 2.3 7 0',
  Camera: 'M4 7h10a1 1 0 0 1 1 1v8a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V8a1 1 0 0 1 1-1zM15 11l6-3.5v9L15 13',
};

/** The three links from voice to camera, each with its state in colour and words, and its fix where there is one. */
export function createChain(list) {
  const links = Object.keys(ICONS).map((name) => createLink(name));
  list.replaceChildren(...links.map((link) => link.element));
  return {
    update(status, changed) {
      if (changed.has('input')) links[0].show(status.input);
      if (changed.has('engine') || changed.has('engines')) showFace(links[1], status);
      if (changed.has('outputs')) links[2].show(cameraOf(status.outputs));
    },
  };
}

function showFace(link, { engine, engines }) {
  link.show(engine, restartsIn(engine), buildEngines(engine, engines), engines);
}

function createLink(name) {
  const word = build('span', { class: 'state-word' }, 'Waiting');
  const label = build('span', { class: 'link-label' }, '…');
  const more = build('div', { class: 'link-more' });
  const head = build('div', { class: 'link-head' }, build('span', { class: 'link-name' }, name), word);
  const body = build('div', { class: 'link-body' }, head, label, more);
  const element = build('li', { class: 'link', 'data-state': 'starting' }, buildIcon(ICONS[name]), body);
  let shown = '';
  return {
    element,
    /** @param parts shown below, made of `facts`. */
    show(link, note, parts = [], facts = undefined) {
      const key = JSON.stringify([link.state, link.label, link.detail, link.fix, note, facts]);
      if (key === shown) return;
      shown = key;
      element.dataset.state = link.state;
      word.textContent = STATE_WORDS[link.state];
      label.textContent = link.label;
      more.replaceChildren(...buildMore(link, note), ...parts);
    },
  };
}

/** Detail, note and fix of a link: a fix is shown unless all is well. */
function buildMore({ state, detail, fix }, note) {
  const parts = [];
  if (detail) parts.push(build('p', {}, detail));
  if (note) parts.push(build('p', {}, note));
  if (fix && state !== 'ready') parts.push(buildFix(fix));
  return parts;
}

function restartsIn({ restarts }) {
  return restarts > 0 ? `Restarted ${restarts === 1 ? 'once' : `${restarts} times`}.` : undefined;
}

function buildIcon(path) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', 'link-icon');
  svg.setAttribute('aria-hidden', 'true');
  const shape = document.createElementNS(SVG, 'path');
  shape.setAttribute('d', path);
  svg.append(shape);
  return svg;
}
