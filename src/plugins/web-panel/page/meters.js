import { byId, setText } from './build-element.js';

/** Quietest level shown, in dB of full scale. */
const FLOOR_DB = -60;
/** How fast a bar follows, as time constants in ms. */
const RISE_MS = 35;
const FALL_MS = 160;
/** How long the peak stands before it falls, in ms, and how fast it falls then. */
const PEAK_HOLD_MS = 1_500;
const PEAK_FALL_DB_PER_S = 30;
/** Numbers change this often at most, in ms: faster cannot be read. */
const NUMBER_MS = 200;

/** Level meter in dB of full scale with peak hold, and how far the mouth is open. */
export function createMeters() {
  const level = createBar(byId('level-fill'));
  const mouth = createBar(byId('mouth-fill'));
  const peak = createPeak(byId('level-peak'));
  const now = { levelDb: FLOOR_DB, openness: 0 };
  let lastMs = performance.now();
  let numbersAtMs = 0;

  function tick(nowMs) {
    const elapsedMs = Math.min(100, nowMs - lastMs);
    lastMs = nowMs;
    const levelShare = level.follow(shareOf(now.levelDb), elapsedMs);
    const openness = mouth.follow(now.openness, elapsedMs);
    peak.follow(now.levelDb, nowMs, elapsedMs);
    if (nowMs - numbersAtMs > NUMBER_MS) {
      numbersAtMs = nowMs;
      writeNumbers(FLOOR_DB * (1 - levelShare), openness);
    }
    requestAnimationFrame(tick);
  }
  requestAnimationFrame(tick);

  return {
    update(status) {
      now.levelDb = status.levelDb ?? FLOOR_DB;
      now.openness = Math.min(1, Math.max(0, status.openness ?? 0));
    },
    /** Nothing is known any more: everything falls to rest. */
    rest() {
      now.levelDb = FLOOR_DB;
      now.openness = 0;
    },
  };
}

/** Position of a level on the meter, 0 … 1. */
function shareOf(levelDb) {
  return Math.min(1, Math.max(0, 1 - levelDb / FLOOR_DB));
}

function createBar(element) {
  let share = 0;
  return {
    follow(target, elapsedMs) {
      const timeMs = target > share ? RISE_MS : FALL_MS;
      share += (target - share) * (1 - Math.exp(-elapsedMs / timeMs));
      element.style.clipPath = `inset(0 ${(100 * (1 - share)).toFixed(1)}% 0 0)`;
      return share;
    },
  };
}

function createPeak(element) {
  let peakDb = FLOOR_DB;
  let heldUntilMs = 0;
  return {
    follow(levelDb, nowMs, elapsedMs) {
      if (levelDb >= peakDb) {
        peakDb = levelDb;
        heldUntilMs = nowMs + PEAK_HOLD_MS;
      } else if (nowMs > heldUntilMs) {
        peakDb = Math.max(levelDb, FLOOR_DB, peakDb - (PEAK_FALL_DB_PER_S * elapsedMs) / 1_000);
      }
      element.style.left = `${(100 * shareOf(peakDb)).toFixed(1)}%`;
      element.style.opacity = peakDb > FLOOR_DB ? '1' : '0';
    },
  };
}

/** The numbers say what the bars show. */
function writeNumbers(levelDb, openness) {
  const db = Math.max(FLOOR_DB, Math.round(levelDb));
  const percent = Math.round(openness * 100);
  setText(byId('level-number'), db <= FLOOR_DB ? 'quiet' : `${String(db).replace('-', '−')} dB`);
  setText(byId('mouth-number'), percent === 0 ? 'closed' : `${percent} %`);
  byId('level').value = db;
  byId('mouth').value = percent;
}
