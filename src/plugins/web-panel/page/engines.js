import { build } from './build-element.js';
import { STATE_WORDS } from './link-state.js';
import { sizeText } from './size-text.js';

/** Avatars named one by one; further ones are only counted. */
const AVATARS_NAMED = 4;

/**
 * Under the face: of several engines which one draws, and what engines hold in memory. Nothing for an engine alone that
 * says nothing of itself.
 */
export function buildEngines(drawing, engines) {
  const isLadder = engines.length > 1;
  const rows = engines
    .filter((engine) => isLadder || engine.report)
    .map((engine) => buildRow(engine, drawing, isLadder));
  return rows.length > 0 ? [build('ul', { class: 'engines', 'aria-label': 'Face engines' }, ...rows)] : [];
}

function buildRow(engine, drawing, isNamed) {
  const head = build(
    'span',
    { class: 'engine-head' },
    build('span', { class: 'engine-name' }, engine.label),
    build('span', { class: 'state-word' }, roleOf(engine, drawing)),
  );
  const holds = engine.report ? build('span', { class: 'engine-holds number' }, holdingsOf(engine.report)) : undefined;
  const isIdle = engine.state === 'ready' && engine.id !== drawing.id;
  return build(
    'li',
    { class: 'engine', 'data-state': isIdle ? 'off' : engine.state },
    isNamed ? head : undefined,
    holds,
  );
}

function roleOf({ id, state }, drawing) {
  if (state !== 'ready') return STATE_WORDS[state];
  return id === drawing.id ? 'Draws' : 'Stands by';
}

function holdingsOf({ networkBytes, residents }) {
  const named = residents.slice(0, AVATARS_NAMED).map(describeResident);
  const others = residents.length - named.length;
  const parts = [`Networks ${sizeText(networkBytes)}`, ...named, others > 0 ? `${others} more` : ''];
  return parts.filter(Boolean).join(' · ');
}

function describeResident({ avatarId, bytes, place }) {
  return `${avatarId} ${sizeText(bytes)} ${place === 'gpu' ? 'on the GPU' : 'in memory'}`;
}
