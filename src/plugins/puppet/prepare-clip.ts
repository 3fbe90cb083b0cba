import { LANDMARK_COUNT, type PreparedFace } from '../../api/avatar.ts';
import { smoothstep } from './curves.ts';
import { POINT } from './face-points.ts';
import { workOutFields } from './fields.ts';
import { type FaceLooks, FRAME_NUMBERS, type PuppetFields, quantisePositions, SHUT_STEP } from './fields-file.ts';
import { type LipMeasure, LipRuler, moveLips, opennessOf, smoothMeasures } from './lip-measure.ts';
import { measureLooks, middleLooks } from './measure-looks.ts';
import { keepInside, placeVertices, VERTEX_COUNT } from './mesh.ts';
import { type LipTrack, ShutMoves } from './shut-moves.ts';
import { steadyLips } from './steady-lips.ts';

const NUMBERS = LANDMARK_COUNT * 3;
/** Over how many frames the drawn face comes and goes beside frames that are shown as they are. */
const DRIVE_FRAMES = 5;
/** Frames whose colours are measured. */
const LOOKS_FRAMES = 9;
/** What a mouth open by this many half mouth widths costs as a reference, and a head turned by this share of its width. */
const REFERENCE_OPENING = 0.05;
const REFERENCE_TURN = 0.04;

/**
 * Works out the fields of a clip: lips found in every frame that is driven, each frame's way to the clip's shut mouth, and
 * the moves of every control from that mouth. Moves are the same for all frames, in coordinates that follow the skull: what
 * a jaw does does not depend on what it just did in the clip.
 */
export async function prepareClip(face: PreparedFace, signal: AbortSignal): Promise<PuppetFields> {
  const size = { width: face.width, height: face.height };
  const drives = drivesOf(face);
  const steady = face.landmarks.slice();
  steadyLips(steady, runsOf(drives));
  const { measures, looks } = await measureFrames(face, steady, drives, signal);
  const points = new Float32Array(face.frameCount * NUMBERS);
  const openings = new Float32Array(face.frameCount);
  for (let index = 0; index < face.frameCount; index++) {
    const measure = measures[index];
    const landmarks = landmarksOf(steady, index);
    points.set(measure ? moveLips(landmarks, measure) : landmarks, index * NUMBERS);
    openings[index] = measure?.opening ?? 0;
  }
  signal.throwIfAborted();
  const track: LipTrack = { frameCount: face.frameCount, points, openings, drives };
  const reference = chooseReference(track);
  const moves = new ShutMoves(track, reference, size, opennessOf);
  const frames = new Float32Array(face.frameCount * FRAME_NUMBERS);
  const positions = new Uint16Array(face.frameCount * VERTEX_COUNT * 2);
  const shut = new Int16Array(face.frameCount * VERTEX_COUNT * 2);
  for (let index = 0; index < face.frameCount; index++) {
    const at = index * VERTEX_COUNT * 2;
    const { x, y, acrossX, acrossY, downX, downY } = moves.places[index]!;
    const numbers = [x, y, acrossX, acrossY, downX, downY, drives[index]!, moves.amounts[index]!];
    frames.set(numbers, index * FRAME_NUMBERS);
    const vertices = placeVertices(landmarksOf(points, index), size);
    keepInside(vertices, size);
    positions.set(quantisePositions(vertices, size), at);
    moves.write(index, shut.subarray(at, at + VERTEX_COUNT * 2));
    if (index % 64 === 63) await nextTurn(signal);
  }
  const own = shut.subarray(reference * VERTEX_COUNT * 2, (reference + 1) * VERTEX_COUNT * 2);
  const shutFace = shutLandmarks(landmarksOf(points, reference), own, moves.places[reference]!);
  const fields = workOutFields(shutFace, placeVertices(shutFace, size), size);
  return { ...size, frameCount: face.frameCount, looks, positions, shut, frames, fields };
}

/** How far every frame may be driven: 0 where it is shown as it is, rising over the frames beside. */
function drivesOf({ frameCount, passthrough }: PreparedFace): Float32Array {
  const distance = new Float32Array(frameCount).fill(DRIVE_FRAMES);
  for (const frame of passthrough) if (frame < frameCount) distance[frame] = 0;
  for (let index = 1; index < frameCount; index++)
    distance[index] = Math.min(distance[index]!, distance[index - 1]! + 1);
  for (let index = frameCount - 2; index >= 0; index--) {
    distance[index] = Math.min(distance[index]!, distance[index + 1]! + 1);
  }
  return distance.map((frames) => smoothstep(0, DRIVE_FRAMES, frames));
}

/** Looks at every frame that is driven, once and in order. */
async function measureFrames(
  face: PreparedFace,
  steady: Float32Array,
  drives: Float32Array,
  signal: AbortSignal,
): Promise<{ measures: (LipMeasure | undefined)[]; looks: FaceLooks }> {
  const size = { width: face.width, height: face.height };
  const ruler = new LipRuler(size);
  const driven = [...drives.keys()].filter((index) => drives[index]! > 0);
  const looksEvery = Math.max(1, Math.floor(driven.length / LOOKS_FRAMES));
  const looks: FaceLooks[] = [];
  const measures: (LipMeasure | undefined)[] = Array.from({ length: face.frameCount }, () => undefined);
  for (const [order, index] of driven.entries()) {
    signal.throwIfAborted();
    const pixels = await face.pixels(index);
    const landmarks = landmarksOf(steady, index);
    measures[index] = ruler.measure(landmarks, pixels);
    if (order % looksEvery === 0) looks.push(measureLooks(landmarks, pixels, size));
  }
  if (looks.length === 0) looks.push(measureLooks(landmarksOf(steady, 0), await face.pixels(0), size));
  for (const { start, end } of runsOf(drives)) {
    const run = measures.slice(start, end).filter((measure) => measure !== undefined);
    for (const [step, measure] of smoothMeasures(run).entries()) measures[start + step] = measure;
  }
  return { measures, looks: middleLooks(looks) };
}

/** Stretches of frames that are driven. */
function runsOf(drives: Float32Array): { start: number; end: number }[] {
  const runs: { start: number; end: number }[] = [];
  for (const [index, drive] of drives.entries()) {
    if (drive <= 0) continue;
    const last = runs.at(-1);
    if (last?.end === index) last.end++;
    else runs.push({ start: index, end: index + 1 });
  }
  return runs;
}

/** The frame all moves are measured in: mouth shut, head turned as it mostly is. */
function chooseReference({ points, openings, drives, frameCount }: LipTrack): number {
  const turns = Array.from({ length: frameCount }, (_, index) => turnOf(landmarksOf(points, index)));
  const driven = [...turns.keys()].filter((index) => drives[index]! > 0);
  const middle = (axis: 0 | 1) => driven.map((index) => turns[index]![axis]).sort((a, b) => a - b)[driven.length >> 1];
  const [x, y] = [middle(0) ?? 0, middle(1) ?? 0];
  let [best, least] = [0, Number.POSITIVE_INFINITY];
  for (const index of driven) {
    const cost =
      (openings[index]! / REFERENCE_OPENING) ** 2 +
      ((turns[index]![0] - x) / REFERENCE_TURN) ** 2 +
      ((turns[index]![1] - y) / REFERENCE_TURN) ** 2;
    if (cost < least) [best, least] = [index, cost];
  }
  return best;
}

/** Where the nose's tip is between the sides of the face, and between bridge and root of the nose: grows with the turn. */
function turnOf(landmarks: Float32Array): readonly [number, number] {
  const at = (point: number) => ({ x: landmarks[point * 3]!, y: landmarks[point * 3 + 1]! });
  const [tip, right, left] = [at(POINT.noseTip), at(POINT.rightSide), at(POINT.leftSide)];
  const [dx, dy] = [left.x - right.x, left.y - right.y];
  const width = Math.max(1, Math.hypot(dx, dy));
  const [fromX, fromY] = [tip.x - (right.x + left.x) / 2, tip.y - (right.y + left.y) / 2];
  return [(fromX * dx + fromY * dy) / (width * width), (fromY * dx - fromX * dy) / (width * width)];
}

/** A frame's landmarks with its own mouth shut. */
function shutLandmarks(landmarks: Float32Array, shut: Int16Array, place: ShutMoves['places'][number]): Float32Array {
  const moved = landmarks.slice();
  const { acrossX, acrossY, downX, downY } = place;
  for (let point = 0; point < 468; point++) {
    const [u, v] = [shut[point * 2]! * SHUT_STEP, shut[point * 2 + 1]! * SHUT_STEP];
    moved[point * 3] = moved[point * 3]! + u * acrossX + v * downX;
    moved[point * 3 + 1] = moved[point * 3 + 1]! + u * acrossY + v * downY;
  }
  return moved;
}

function landmarksOf(all: Float32Array, index: number): Float32Array {
  return all.subarray(index * NUMBERS, (index + 1) * NUMBERS);
}

/** Lets timers and sockets have their turn. */
async function nextTurn(signal: AbortSignal): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  signal.throwIfAborted();
}
