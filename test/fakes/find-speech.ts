/** Where and how well a known sound was found in what was heard. */
export interface FoundSpeech {
  /** Position of its first sample, in samples. */
  readonly position: number;
  /** Correlation of the waves over the whole sound, -1 … 1. */
  readonly correlation: number;
  /** The same for the worst piece of half a second that is not a pause, at the same position. */
  readonly worstPieceCorrelation: number;
  /** How loud it is compared with the original. */
  readonly gain: number;
}

const RATE_HZ = 16_000;
const COARSE_STEP = 16;

/** Finds a known sound in what was heard (both 16 kHz): by loudness first, then sample by sample. */
export function findSpeech(speech: Float32Array, heard: Float32Array): FoundSpeech {
  const coarse = bestLag(loudness(speech), loudness(heard), 0, Math.max(0, heard.length - speech.length) / COARSE_STEP);
  const position = bestLag(speech, heard, (coarse - 8) * COARSE_STEP, (coarse + 8) * COARSE_STEP);
  const whole = compare(speech, heard.subarray(Math.max(0, position)));
  let worst = 1;
  for (let at = 0; at + RATE_HZ / 2 <= speech.length; at += RATE_HZ / 2) {
    const piece = speech.subarray(at, at + RATE_HZ / 2);
    const power = piece.reduce((sum, sample) => sum + sample * sample, 0) / piece.length;
    if (power > 1e-4) worst = Math.min(worst, compare(piece, heard.subarray(Math.max(0, position + at))).correlation);
  }
  return { position, ...whole, worstPieceCorrelation: worst };
}

function loudness(samples: Float32Array): Float32Array {
  return Float32Array.from({ length: Math.floor(samples.length / COARSE_STEP) }, (_, n) => {
    let sum = 0;
    for (let i = 0; i < COARSE_STEP; i++) sum += Math.abs(samples[n * COARSE_STEP + i]!);
    return sum;
  });
}

function bestLag(sound: Float32Array, heard: Float32Array, from: number, to: number): number {
  let best = -1;
  let bestCorrelation = Number.NEGATIVE_INFINITY;
  for (let lag = Math.max(0, Math.floor(from)); lag <= to; lag++) {
    const { correlation } = compare(sound, heard.subarray(lag));
    if (correlation > bestCorrelation) [best, bestCorrelation] = [lag, correlation];
  }
  return best;
}

function compare(sound: Float32Array, heard: Float32Array): { readonly correlation: number; readonly gain: number } {
  let [xy, xx, yy] = [0, 0, 0];
  for (let n = 0; n < sound.length; n++) {
    const x = sound[n]!;
    const y = heard[n] ?? 0;
    xy += x * y;
    xx += x * x;
    yy += y * y;
  }
  return { correlation: xy / Math.sqrt(xx * yy + 1e-12), gain: Math.sqrt(yy / (xx + 1e-12)) };
}
