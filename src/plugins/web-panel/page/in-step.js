import { byId, setText } from './build-element.js';
import { buildFix } from './fix.js';

/** The virtual microphone's id among the links. */
const MICROPHONE = 'virtual-mic.microphone';
/** The ruler reaches so far to both sides, in ms. */
const REACH_MS = 100;
/** Off by less than this nobody sees; by less than the second, hardly anybody. In ms. */
const GOOD_MS = 15;
const FAIR_MS = 45;

/**
 * Whether voice and lips meet: how late each is, how far apart they are on a ruler, and how that wanders. A calibration
 * measures it where other programs see and hear it.
 */
export function createInStep(run, toasts) {
  const button = byId('calibrate');
  button.addEventListener('click', () => calibrate(run, toasts));
  return {
    update(status, changed) {
      if (!changed.has('links') && !changed.has('latency')) return;
      show((status.links ?? []).find(({ id }) => id === MICROPHONE));
    },
    /** @param known ids of the commands that there are. */
    learn(known) {
      button.hidden = !known.has('sync.calibrate');
    },
  };
}

function show(microphone) {
  const isKnown = Number.isFinite(microphone?.delayMs) && Number.isFinite(microphone?.offsetMs);
  byId('in-step').dataset.known = String(isKnown);
  showAbsence(isKnown ? undefined : microphone);
  if (!isKnown) return;
  const { delayMs, offsetMs, driftMsPerHour } = microphone;
  setText(byId('step-picture'), `${Math.round(delayMs - offsetMs)} ms`);
  setText(byId('step-voice'), `${Math.round(delayMs)} ms`);
  setText(byId('step-drift'), Number.isFinite(driftMsPerHour) ? `${signed(driftMsPerHour)} ms` : 'in 5 min');
  const words = describe(offsetMs);
  setText(byId('step-words'), words);
  const ruler = byId('step-ruler');
  ruler.dataset.tone = toneOf(offsetMs);
  ruler.setAttribute('aria-label', words);
  const place = Math.max(-1, Math.min(1, offsetMs / REACH_MS));
  byId('step-mark').setAttribute('transform', `translate(${(place * 100).toFixed(1)} 0)`);
}

/** Where there is no microphone: why, and what would give one. */
function showAbsence(microphone) {
  const absence = byId('step-absence');
  const key = JSON.stringify([microphone?.state, microphone?.detail, microphone?.fix]);
  if (absence.dataset.key === key) return;
  absence.dataset.key = key;
  if (!microphone) return absence.replaceChildren();
  const why = microphone.detail ?? (microphone.state === 'ready' ? 'Measuring' : 'No virtual microphone');
  const words = document.createElement('p');
  words.textContent = `${why[0]?.toUpperCase()}${why.slice(1)}.`.replace('..', '.');
  absence.replaceChildren(words, ...(microphone.fix ? [buildFix(microphone.fix)] : []));
}

function toneOf(offsetMs) {
  const off = Math.abs(offsetMs);
  if (off < GOOD_MS) return 'ready';
  return off < FAIR_MS ? 'degraded' : 'failed';
}

function describe(offsetMs) {
  if (Math.abs(offsetMs) < 1) return 'Voice and picture meet';
  const side = offsetMs > 0 ? 'after' : 'before';
  return `The voice is ${Math.abs(offsetMs).toFixed(0)} ms ${side} the picture`;
}

function signed(number) {
  const rounded = Math.round(number * 10) / 10;
  return rounded > 0 ? `+${rounded}` : String(rounded === 0 ? 0 : rounded).replace('-', '−');
}

async function calibrate(run, toasts) {
  const dialog = byId('calibrate-dialog');
  dialog.returnValue = 'cancel';
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener('close', resolve, { once: true }));
  if (dialog.returnValue !== 'start') return;
  const button = byId('calibrate');
  button.disabled = true;
  setText(button, 'Measuring…');
  try {
    tell(await run('sync.calibrate', {}), toasts);
  } catch {
    // Told by run.
  } finally {
    button.disabled = false;
    setText(button, 'Measure it');
  }
}

function tell({ picture, pictureFrom, offset, soundFrom, extraMilliseconds }, toasts) {
  const seen = `The picture is seen ${Math.round(picture.p50Ms)} ms after its sound, on ${pictureFrom}.`;
  if (!offset) {
    toasts.show({ key: 'calibration', tone: 'good', title: 'Measured', text: seen });
    return;
  }
  const isGood = Math.abs(offset.p50Ms) < GOOD_MS;
  const advice = { text: `${seen} Heard from ${soundFrom}; 95 of 100 within ${offset.p95Ms.toFixed(0)} ms.` };
  if (!isGood)
    advice.fix = `Have them meet from the next start on: musecam calibrate --apply (${extraMilliseconds} ms)`;
  toasts.show({ key: 'calibration', tone: isGood ? 'good' : 'warning', title: describe(offset.p50Ms), ...advice });
}
