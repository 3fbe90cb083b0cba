import { LANDMARK_COUNT } from '../../api/avatar.ts';
import { heightOf } from '../choose-face.ts';
import { faceTopology } from '../face-topology.ts';
import type { FaceTrack } from './clip.ts';
import { type FrameRange, runsOf, shotsOf } from './face-track.ts';
import { landmarksAround } from './mesh-rings.ts';
import { fromReference, type HeadPlace, placeOf, referenceOf, STILL_LANDMARKS, toReference } from './rigid-motion.ts';
import { CALM_TRUST, noiseOf, QUICK_TRUST, smoothSignals, type Trust } from './smooth-signals.ts';

/** How far from the lips, in edges of the mesh, speech moves the face. */
const JAW_RINGS = 5;
/** The parts of a face that move each on their own: lips, lids and irises quickly, chin and skull slowly. */
const PARTS = chooseParts();
/** Noise is never believed to be smaller, in pixels: without any the decision would be a division by zero. */
const LEAST_NOISE_PX = 0.02;
/**
 * What a head does below this share of the face's height is not followed: the whole mesh sags by a pixel or two in a blink
 * and breathes with the lips, and nobody sees a head that is a quarter of a percent off.
 */
const LEAST_HEAD_NOISE = 0.0025;
/** What lips and lids do is mostly speech and blinks: their noise is that of the still landmarks, or little more. */
const MOST_NOISE_RATIO = 1.5;
const VALUES = LANDMARK_COUNT * 3;

/**
 * Takes the tremble out of a track without making it late: the place of the head (a similarity of the still landmarks) and
 * the shape of each part of the face are smoothed for themselves, each as strongly as its motion allows. Lips and lids keep
 * their quick moves. Frames before a cut or beside a fault know nothing of those behind it; frames with a fault stay.
 */
export function smoothTrack(track: FaceTrack): FaceTrack {
  const points = track.points.slice();
  for (const shot of shotsOf(track))
    for (const run of runsOf(track.faults, shot)) if (track.faults[run.start] === undefined) smoothRun(points, run);
  return { ...track, points };
}

function smoothRun(points: Float32Array, { start, end }: FrameRange): void {
  const frames = Array.from({ length: end - start }, (_, i) =>
    points.subarray((start + i) * VALUES, (start + i + 1) * VALUES),
  );
  const reference = referenceOf(frames);
  const places = frames.map((frame) => placeOf(reference, frame));
  const height = heightOf(frames[0]!);
  const leastNoise = height * LEAST_HEAD_NOISE;
  const smoothPlaces = smoothHead(places, height / 2, leastNoise);
  const shapes = shapeSignals(frames, places);
  const stillNoise = medianOf(STILL_LANDMARKS.flatMap((i) => [noiseOf(shapes[i * 3]!), noiseOf(shapes[i * 3 + 1]!)]));
  for (const part of PARTS.quick)
    smoothPart(shapes, part, [LEAST_NOISE_PX, stillNoise * MOST_NOISE_RATIO], QUICK_TRUST);
  for (const part of PARTS.slow) smoothPart(shapes, part, [leastNoise, Infinity], CALM_TRUST);
  frames.forEach((frame, i) => {
    const place = smoothPlaces[i]!;
    for (let at = 0; at < VALUES; at += 3) {
      const [x, y] = fromReference(place, shapes[at]![i]!, shapes[at + 1]![i]!);
      frame[at] = x;
      frame[at + 1] = y;
      frame[at + 2] = shapes[at + 2]![i]! * place.scale;
    }
  });
}

/** Place, angle and size, each as strongly as it allows. All in pixels: angle and size at `radius` from the middle. */
function smoothHead(places: readonly HeadPlace[], radius: number, leastNoise: number): HeadPlace[] {
  const signal = (pick: (place: HeadPlace) => number) => Float64Array.from(places, pick);
  const smooth = (...signals: Float64Array[]) =>
    smoothSignals(signals, signals.length, noisesOf(signals, leastNoise, Infinity));
  const [x, y] = smooth(
    signal((place) => place.x),
    signal((place) => place.y),
  );
  const [turn] = smooth(unwrap(signal((place) => place.angle)).map((angle) => angle * radius));
  const [growth] = smooth(signal((place) => Math.log(place.scale) * radius));
  return places.map((_, i) => ({
    x: x![i]!,
    y: y![i]!,
    angle: turn![i]! / radius,
    scale: Math.exp(growth![i]! / radius),
  }));
}

/** Every landmark in the reference's coordinates: 478 x 3 signals over the frames. */
function shapeSignals(frames: readonly Float32Array[], places: readonly HeadPlace[]): Float64Array[] {
  const signals = Array.from({ length: VALUES }, () => new Float64Array(frames.length));
  frames.forEach((frame, i) => {
    const place = places[i]!;
    for (let at = 0; at < VALUES; at += 3) {
      const [u, v] = toReference(place, frame[at]!, frame[at + 1]!);
      signals[at]![i] = u;
      signals[at + 1]![i] = v;
      signals[at + 2]![i] = frame[at + 2]! / place.scale;
    }
  });
  return signals;
}

/** Smooths one part in place: x and y decide how strongly, depth follows. */
function smoothPart(
  shapes: Float64Array[],
  landmarks: readonly number[],
  noiseRange: readonly [number, number],
  trust: Trust,
): void {
  const flat = landmarks.flatMap((i) => [i * 3, i * 3 + 1]);
  const order = [...flat, ...landmarks.map((i) => i * 3 + 2)];
  const signals = order.map((at) => shapes[at]!);
  const noise = noisesOf(signals.slice(0, flat.length), ...noiseRange);
  smoothSignals(signals, flat.length, noise, trust).forEach((signal, i) => {
    shapes[order[i]!] = signal;
  });
}

function noisesOf(signals: readonly Float64Array[], least: number, most: number): Float64Array {
  return Float64Array.from(signals, (signal) => Math.max(least, Math.min(most, noiseOf(signal))));
}

/** Angles without jumps by a whole turn. */
function unwrap(angles: Float64Array): Float64Array {
  let turns = 0;
  return angles.map((angle, i) => {
    const step = i > 0 ? angle - angles[i - 1]! : 0;
    turns -= Math.round(step / (2 * Math.PI));
    return angle + turns * 2 * Math.PI;
  });
}

function medianOf(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1]!;
}

function chooseParts(): { quick: number[][]; slow: number[][] } {
  const { refinedLips, refinedRightEye, refinedLeftEye, rightIris, leftIris } = faceTopology;
  const own = [refinedLips, refinedRightEye, refinedLeftEye, rightIris, leftIris].map((part) => [...new Set(part)]);
  const taken = new Set(own.flat());
  const free = Array.from({ length: LANDMARK_COUNT }, (_, i) => i).filter((i) => !taken.has(i));
  const still = new Set(STILL_LANDMARKS);
  const jaw = landmarksAround(refinedLips, JAW_RINGS);
  const skull = free.filter((i) => !jaw.has(i) || still.has(i));
  return { quick: own, slow: [free.filter((i) => jaw.has(i) && !still.has(i)), skull] };
}
