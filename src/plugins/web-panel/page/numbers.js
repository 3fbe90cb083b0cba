import { build, byId, setText } from './build-element.js';

/** Points of the sparkline, two a second: one minute. */
const HISTORY = 120;
const SAMPLE_MS = 500;
/** The delay this program promises, in ms: the dashed line. */
const BUDGET_MS = 140;
/** Height of the sparkline's field. */
const SPARK_HEIGHT = 40;

/** Delay with its sparkline, the steps it is made of, and the frame counters. */
export function createNumbers() {
  const steps = createFacts(byId('steps'), ['Hear', 'Draw', 'Paste']);
  const frames = createFacts(byId('frames'), ['Shown', 'Fresh', 'Repeated', 'Dropped']);
  const history = [];
  let newest;

  setInterval(() => {
    if (!newest) return;
    history.push(newest);
    if (history.length > HISTORY) history.shift();
    drawSpark(history);
  }, SAMPLE_MS);

  return {
    update(status, changed) {
      if (changed.has('latency')) {
        newest = isKnown(status.latency) ? status.latency : undefined;
        setText(byId('latency-p50'), wholeMs(status.latency?.p50Ms));
        setText(byId('latency-p95'), wholeMs(status.latency?.p95Ms));
      }
      steps.show([status.hear, status.draw, status.paste].map(describeStep));
      if (changed.has('frames')) showFrames(frames, status.frames);
    },
    /** Stops the sparkline while nothing is known. */
    rest() {
      newest = undefined;
    },
  };
}

function showFrames(facts, frames) {
  const { shown, fresh, repeated, dropped, freshPerSecond } = frames;
  setText(byId('frames-rate'), `${freshPerSecond.toFixed(1)} new a second`);
  facts.show([shown, fresh, repeated, dropped].map((count) => count.toLocaleString('en')));
}

/** A row of small numbers with their names. */
function createFacts(list, names) {
  const values = names.map(() => build('dd', { class: 'number' }, '–'));
  list.replaceChildren(...names.map((name, at) => build('div', {}, build('dt', {}, name), values[at])));
  return {
    show(texts) {
      for (const [at, text] of texts.entries()) setText(values[at], text);
    },
  };
}

function describeStep(step) {
  return isKnown(step) ? `${step.p50Ms.toFixed(1)} / ${step.p95Ms.toFixed(1)} ms` : '–';
}

function isKnown(percentiles) {
  return Number.isFinite(percentiles?.p50Ms) && Number.isFinite(percentiles?.p95Ms);
}

function wholeMs(ms) {
  return Number.isFinite(ms) ? String(Math.round(ms)) : '–';
}

function drawSpark(history) {
  const top = Math.max(BUDGET_MS * 1.15, ...history.map((point) => point.p95Ms * 1.1));
  const yOf = (ms) => (SPARK_HEIGHT * (1 - ms / top)).toFixed(1);
  const line = (pick) => history.map((point, at) => `${HISTORY - history.length + at},${yOf(pick(point))}`).join(' ');
  byId('spark-p50').setAttribute(
    'points',
    line((point) => point.p50Ms),
  );
  byId('spark-p95').setAttribute(
    'points',
    line((point) => point.p95Ms),
  );
  byId('spark-budget').setAttribute('y1', yOf(BUDGET_MS));
  byId('spark-budget').setAttribute('y2', yOf(BUDGET_MS));
  const { p50Ms, p95Ms } = history.at(-1);
  byId('spark').setAttribute(
    'aria-label',
    `Delay over the last minute; now ${Math.round(p50Ms)} ms median, ${Math.round(p95Ms)} ms 95th percentile`,
  );
}
