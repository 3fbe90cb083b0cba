import type { Size } from '../../api/media.ts';
import { boundsOf } from '../face-box.ts';
import { faceTopology } from '../face-topology.ts';
import type { ColourVote } from './colour-vote.ts';
import type { ColourPlanes } from './guided-filter.ts';

/** How sure it is that a cell is person: surely, perhaps (the colours decide), hardly. */
const BELIEF = { core: 0.97, perhaps: 0.5, outside: 0.03 };
/** How often the colours are asked: each answer sharpens the next question. */
const ROUNDS = 3;
/** Mean certainty, 0 … 1, that the colours must reach where it was open: below it person and background look alike. */
const MIN_CERTAINTY = 0.75;

/**
 * Head and shoulders by the landmarks and the colours alone, for pictures in which the network sees nobody (odd drawings):
 * what lies round the face is person, what is far from it is not, and between them each colour goes with its own.
 * @param out Float32 `[grid height, grid width]`, 0 … 1. @returns whether the colours could tell.
 */
export function guessRegion(
  points: Float32Array,
  picture: Size,
  grid: Size,
  colours: ColourPlanes,
  vote: ColourVote,
  out: Float32Array,
): boolean {
  const face = boundsOf(points, faceTopology.faceOval);
  const middle = face.x + face.width / 2;
  const chin = face.y + face.height;
  for (let row = 0, at = 0; row < grid.height; row++)
    for (let column = 0; column < grid.width; column++, at++) {
      // In faces: across from its middle, down from its chin.
      const across = Math.abs(((column + 0.5) * picture.width) / grid.width - middle) / face.width;
      const down = (((row + 0.5) * picture.height) / grid.height - chin) / face.height;
      out[at] = isCore(across, down) ? BELIEF.core : isPerhaps(across, down) ? BELIEF.perhaps : BELIEF.outside;
    }
  const open = out.reduce((count, value) => count + (value === BELIEF.perhaps ? 1 : 0), 0);
  const wasOpen = Uint8Array.from(out, (value) => (value === BELIEF.perhaps ? 1 : 0));
  for (let round = 0; round < ROUNDS; round++) vote.apply(colours, out);
  let certainty = 0;
  for (let at = 0; at < out.length; at++) certainty += wasOpen[at]! * Math.abs(2 * out[at]! - 1);
  return open === 0 || certainty >= open * MIN_CERTAINTY;
}

/** Face, forehead and neck, and the chest below: half a face wide at the neck, two at the shoulders. */
function isCore(across: number, down: number): boolean {
  if ((across / 0.46) ** 2 + ((down + 0.5) / 0.5) ** 2 < 1) return true;
  return down > -0.3 && across < 0.22 + 0.45 * Math.min(1, Math.max(0, (down - 0.3) / 0.4));
}

/** Hair round the face, and shoulders up to four faces wide. */
function isPerhaps(across: number, down: number): boolean {
  if ((across / 0.95) ** 2 + ((down + 0.6) / 0.95) ** 2 < 1) return true;
  return down > -0.4 && across < 0.9 + 1.1 * Math.min(1, Math.max(0, (down + 0.1) / 0.5));
}
