import type { Size } from '../api/media.ts';

/** Weights and sums have 8 bits behind the point after rows, 16 after columns. */
const WEIGHT_ONE = 256;
const HALF = 1 << 15;
/** OpenCV's fixed kernels for widths 1, 3, 5, 7 and 9, from the middle outwards, in 256ths. */
const SMALL_KERNELS: Readonly<Record<number, readonly number[]>> = {
  1: [256],
  3: [128, 64],
  5: [96, 64, 16],
  7: [72, 56, 28, 8],
  9: [60, 51, 30, 13, 4],
};

/**
 * Blurs bytes as OpenCV 4's `GaussianBlur` does with sigma 0 (0.15 n + 0.35) and its default border (mirrored, the edge
 * pixel once), bit for bit: its fixed-point path with weights in 256ths. Checked against cv2 4.9.
 * @param plane Uint8 `[height, width]`. @param kernelSize odd, in pixels, below twice the shorter side.
 * @returns Uint8 `[height, width]`.
 */
export function blurAsOpencv(plane: Uint8Array, size: Size, kernelSize: number): Uint8Array {
  const { width, height } = size;
  const kernel = gaussianWeights(kernelSize);
  const radius = kernel.length - 1;
  const along = new Uint16Array(width * height);
  const isEmpty = Array.from({ length: height }, (_, y) => blurRow(plane, along, y * width, width, kernel));
  const { first, end } = filledColumns(plane, width, radius);
  const blurred = new Uint8Array(width * height);
  const sums = new Int32Array(width);
  for (let y = 0; y < height; y++) {
    sums.fill(HALF);
    for (let tap = -radius; tap <= radius; tap++) {
      const row = mirror(y + tap, height);
      if (isEmpty[row]) continue;
      const weight = kernel[Math.abs(tap)]!;
      const line = row * width;
      for (let x = first; x < end; x++) sums[x] = sums[x]! + along[line + x]! * weight;
    }
    for (let x = first; x < end; x++) blurred[y * width + x] = sums[x]! >> 16;
  }
  return blurred;
}

/** @returns whether the row is empty: masks mostly are. */
function blurRow(plane: Uint8Array, along: Uint16Array, at: number, width: number, kernel: Int32Array): boolean {
  const row = plane.subarray(at, at + width);
  if (!row.some((value) => value !== 0)) return true;
  const radius = kernel.length - 1;
  const wide = new Uint8Array(width + 2 * radius);
  wide.set(row, radius);
  for (let i = 1; i <= radius; i++) {
    wide[radius - i] = row[mirror(-i, width)]!;
    wide[radius + width - 1 + i] = row[mirror(width - 1 + i, width)]!;
  }
  for (let x = 0; x < width; x++) {
    const middle = x + radius;
    let sum = wide[middle]! * kernel[0]!;
    for (let i = 1; i <= radius; i++) sum += (wide[middle - i]! + wide[middle + i]!) * kernel[i]!;
    along[at + x] = sum;
  }
  return false;
}

/** Which columns may hold anything once it is blurred. */
function filledColumns(plane: Uint8Array, width: number, radius: number): { first: number; end: number } {
  let [left, right] = [width, -1];
  for (let start = 0; start < plane.length; start += width)
    for (let x = 0; x < width; x++)
      if (plane[start + x] !== 0) {
        if (x < left) left = x;
        if (x > right) right = x;
      }
  return { first: Math.max(0, left - radius), end: Math.min(width, right + radius + 1) };
}

/** Mirrors a position at the middle of the edge pixels. */
function mirror(at: number, length: number): number {
  if (length === 1) return 0;
  let inside = at;
  while (inside < 0 || inside >= length) inside = inside < 0 ? -inside : 2 * (length - 1) - inside;
  return inside;
}

/** From the middle outwards. What rounding takes from a weight goes on to the next one inwards; the middle takes the rest. */
function gaussianWeights(size: number): Int32Array {
  const small = SMALL_KERNELS[size];
  if (small) return Int32Array.from(small);
  const radius = (size - 1) / 2;
  const sigma = size * 0.15 + 0.35;
  const exact = Array.from({ length: radius }, (_, i) =>
    Math.exp((2 * (radius - i)) ** 2 * (-0.125 / (sigma * sigma))),
  );
  const scale = 1 / (exact.reduce((sum, value) => sum + value, 0) * 2 + 1);
  const weights = new Int32Array(radius + 1);
  let left = WEIGHT_ONE;
  let carried = 0;
  exact.forEach((value, i) => {
    const wanted = value * scale * WEIGHT_ONE + carried;
    const weight = Math.round(wanted);
    carried = wanted - weight;
    weights[radius - i] = weight;
    left -= 2 * weight;
  });
  weights[0] = left;
  return weights;
}
