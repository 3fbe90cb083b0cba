import type { Size } from '../../api/media.ts';
import { LEFT_EYE, lidRingOf, RIGHT_EYE } from './face-points.ts';
import type { FaceLooks } from './fields-file.ts';

/** Cheeks and forehead, where skin is skin. */
const SKIN_POINTS = [50, 280, 205, 425, 101, 330];
const LIP_POINTS = [72, 302, 85, 315, 16];

/** Measures a face's colours. @param landmarks Float32 `[478, 3]`. @param pixels RGB24. */
export function measureLooks(landmarks: Float32Array, pixels: Uint8Array, size: Size): FaceLooks {
  const colourAt = (x: number, y: number): [number, number, number] => {
    const column = Math.min(size.width - 1, Math.max(0, Math.round(x)));
    const row = Math.min(size.height - 1, Math.max(0, Math.round(y)));
    const at = (row * size.width + column) * 3;
    return [pixels[at]!, pixels[at + 1]!, pixels[at + 2]!];
  };
  const meanAround = (points: readonly number[]): [number, number, number] => {
    const sum: [number, number, number] = [0, 0, 0];
    for (const point of points) {
      for (let dy = -2; dy <= 2; dy++) {
        for (let dx = -2; dx <= 2; dx++) {
          colourAt(landmarks[point * 3]! + dx, landmarks[point * 3 + 1]! + dy).forEach((value, channel) => {
            sum[channel] = sum[channel]! + value / (25 * points.length);
          });
        }
      }
    }
    return sum;
  };
  return { skin: meanAround(SKIN_POINTS), lip: meanAround(LIP_POINTS), eyeWhite: eyeWhiteOf(landmarks, colourAt) };
}

/** The 85th percentile of luma between the lids. */
function eyeWhiteOf(landmarks: Float32Array, colourAt: (x: number, y: number) => [number, number, number]): number {
  const lumas: number[] = [];
  for (const eye of [RIGHT_EYE, LEFT_EYE]) {
    const [cx, cy] = [landmarks[eye.iris[0]! * 3]!, landmarks[eye.iris[0]! * 3 + 1]!];
    for (const lid of lidRingOf(eye)) {
      for (const share of [0.55, 0.65, 0.75, 0.85]) {
        const [x, y] = [landmarks[lid * 3]!, landmarks[lid * 3 + 1]!];
        const [r, g, b] = colourAt(cx + (x - cx) * share, cy + (y - cy) * share);
        lumas.push(0.299 * r + 0.587 * g + 0.114 * b);
      }
    }
  }
  lumas.sort((a, b) => a - b);
  return lumas[Math.floor(lumas.length * 0.85)]!;
}

/** The middle one of several measurements, number by number. */
export function middleLooks(all: readonly FaceLooks[]): FaceLooks {
  const middle = (pick: (looks: FaceLooks) => number) => all.map(pick).sort((a, b) => a - b)[all.length >> 1]!;
  const colour = (part: 'skin' | 'lip') =>
    [middle((one) => one[part][0]), middle((one) => one[part][1]), middle((one) => one[part][2])] as const;
  return { skin: colour('skin'), lip: colour('lip'), eyeWhite: middle((one) => one.eyeWhite) };
}
