import { LOOK_BYTES, MOUTH_COUNT } from './face-look.ts';

/** Frames that decide what the bare face looks like: more say nothing new. */
const MAX_REFERENCE_FRAMES = 250;
/** Below this no face can be told from what is in front of it, in frames. */
const MIN_REFERENCE_FRAMES = 10;
/** A hand is at the lips this many frames before it covers enough to be sure. */
const EDGE_FRAMES = 2;
/**
 * A landmark is covered when a channel is further from its usual colour than this (0 … 255), or than this many times its
 * usual deviation where shadows play on it. Speech and blinks move them by up to 15.
 */
const COVERED_STEP = 22;
const COVERED_DEVIATIONS = 5;
/**
 * Share of the mouth's surroundings that is covered when a fault begins, and when it ends. A hand of the skin's own colour
 * comes to 0.3 … 0.5, faces that talk, lean and sway to at most 0.02.
 */
const HIDDEN_SHARE = { from: 0.14, until: 0.07 } as const;

/**
 * Frames in which something is in front of the mouth: its surroundings have other colours than in most of the shot.
 * What hides it most of the time cannot be told from the face.
 * @param looks per frame of one shot (face-look.ts); undefined where the face cannot be judged.
 * @returns per frame.
 */
export function findHidden(looks: readonly (Uint8Array | undefined)[]): boolean[] {
  const known = looks.filter((look) => look !== undefined);
  if (known.length < MIN_REFERENCE_FRAMES) return looks.map(() => false);
  const step = Math.ceil(known.length / MAX_REFERENCE_FRAMES);
  const reference = known.filter((_, i) => i % step === 0);
  const usual = perByte((i) => medianOf(reference.map((look) => look[i]!)));
  const evened = reference.map((look) => evenLook(look, usual));
  const limits = perByte((i) =>
    Math.max(COVERED_STEP, COVERED_DEVIATIONS * medianOf(evened.map((look) => Math.abs(look[i]! - usual[i]!)))),
  );
  let isHidden = false;
  const hidden = looks.map((look) => {
    if (!look) return false;
    const share = coveredShare(evenLook(look, usual), usual, limits);
    isHidden = share > (isHidden ? HIDDEN_SHARE.until : HIDDEN_SHARE.from);
    return isHidden;
  });
  return hidden.map((_, i) => hidden.slice(Math.max(0, i - EDGE_FRAMES), i + EDGE_FRAMES + 1).includes(true));
}

function coveredShare(look: Float32Array, usual: Float32Array, limits: Float32Array): number {
  let covered = 0;
  for (let i = 0; i < MOUTH_COUNT * 3; i += 3)
    if ([0, 1, 2].some((channel) => Math.abs(look[i + channel]! - usual[i + channel]!) > limits[i + channel]!))
      covered++;
  return covered / MOUTH_COUNT;
}

/** A look at the usual brightness: a lamp or automatic exposure is nothing in front of the face. */
function evenLook(look: Uint8Array, usual: Float32Array): Float32Array {
  const ratios: number[] = [];
  for (let i = 0; i < LOOK_BYTES; i += 3) ratios.push((usual[i + 1]! + 8) / (look[i + 1]! + 8));
  const gain = Math.min(2, Math.max(0.5, medianOf(ratios)));
  return Float32Array.from(look, (value) => value * gain);
}

function perByte(makeByte: (i: number) => number): Float32Array {
  return Float32Array.from({ length: LOOK_BYTES }, (_, i) => makeByte(i));
}

function medianOf(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1]!;
}
