import { build, byId, setText } from './build-element.js';

/** What the verdict means, in words. */
const VERDICTS = {
  good: 'A good source: it will look convincing.',
  fair: 'Usable. What is marked could be better.',
  poor: 'A poor source: flaws will show.',
};
/** Ratings in the colours and shapes of states. */
const STATES = { good: 'ready', fair: 'degraded', poor: 'failed' };
const WORDS = { good: 'Good', fair: 'Fair', poor: 'Poor' };

/** A small sign of a rating: colour, shape and word. */
export function buildRating(rating) {
  return build('span', { class: 'rating state-word', 'data-state': STATES[rating] }, WORDS[rating]);
}

/** What became of a photo or clip: its picture, the contact sheet, and the quality report. */
export function createAddingResult() {
  const sheet = byId('sheet');
  byId('result-sheet').addEventListener('click', () => {
    byId('sheet-picture').src = byId('result-sheet-picture').src;
    sheet.showModal();
  });
  sheet.addEventListener('click', (event) => event.target === sheet && sheet.close());

  return {
    /** Shows a job that is ready. */
    show({ id, name, report }) {
      const at = `/api/preparations/${encodeURIComponent(id)}`;
      byId('result-preview').src = `${at}/preview`;
      byId('result-preview').alt = `${name}, framed as it will be shown`;
      byId('result-sheet').hidden = false;
      byId('result-sheet-picture').src = `${at}/sheet`;
      const verdict = byId('verdict');
      verdict.replaceChildren(
        ...(report
          ? [buildRating(report.verdict), VERDICTS[report.verdict]]
          : ['It is prepared. There is no quality report.']),
      );
      byId('measures').replaceChildren(...(report ? buildMeasures(report) : []));
    },
  };
}

byId('result-sheet-picture').addEventListener('error', () => {
  byId('result-sheet').hidden = true;
});

/** What could be better comes first, the rest as the report has it. */
const ORDER = { poor: 0, fair: 1, good: 2 };

function buildMeasures({ measures, frames }) {
  const sorted = measures.toSorted((a, b) => ORDER[a.rating] - ORDER[b.rating]);
  const items = sorted.map(({ label, value, unit, rating, advice }) => {
    const head = build(
      'div',
      { class: 'measure-head' },
      build('span', { class: 'measure-label' }, label),
      build('span', { class: 'number soft' }, valueText(value, unit)),
      buildRating(rating),
    );
    return build('li', { 'data-rating': rating }, head, advice ? build('p', { class: 'advice' }, advice) : undefined);
  });
  if (frames.total > 1) {
    const text = `${frames.usable} of ${frames.total} frames can be driven.`;
    items.push(build('li', {}, build('p', { class: 'soft' }, text)));
  }
  return items;
}

/** A number as people write it: no more digits than mean something. */
function valueText(value, unit) {
  const digits = Math.abs(value) >= 20 || Number.isInteger(value) ? 0 : 1;
  const number = value.toFixed(digits).replace('-', '−');
  return unit === '' ? number : unit === '°' ? `${number}°` : `${number} ${unit}`;
}

/** Seconds as a person would say them. */
export function timeLeftText(seconds) {
  if (seconds === undefined || !Number.isFinite(seconds)) return '';
  if (seconds < 5) return 'a few seconds left';
  if (seconds < 60) return `about ${Math.ceil(seconds / 5) * 5} s left`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `about ${minutes} min left` : `about ${(minutes / 60).toFixed(1)} h left`;
}

/** Empties a text that is read out, so that the same words are read again. */
export function announce(text) {
  setText(byId('say-politely'), '');
  setText(byId('say-politely'), text);
}
