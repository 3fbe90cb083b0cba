import type { OnnxSession } from '../onnx/open-session.ts';
import type { Point, Square } from './picture.ts';
import { type PicturePyramid, pointInSquare } from './picture-pyramid.ts';

/** A face as the detector saw it, in pixels of the picture. */
export interface DetectedFace {
  /** 0 … 1. */
  readonly score: number;
  readonly centre: Point;
  /** Size of its box: brows to chin, roughly. */
  readonly width: number;
  readonly height: number;
  /** Eyes as the person would say: the right one is on the left of the picture. */
  readonly rightEye: Point;
  readonly leftEye: Point;
}

/** Side of the square the detector looks at, in samples. */
const SIDE = 256;
/** Below this the detector is guessing: MediaPipe's own limit. */
const MIN_SCORE = 0.5;
/** Boxes that overlap more than this share of their union are one face: MediaPipe's own limit. */
const MAX_OVERLAP = 0.3;
/** Below this side, in pixels, a tile would only be blown up without showing more. */
const MIN_TILE_SIDE = 128;
const ANCHORS = makeAnchors();

/**
 * Finds the faces of a picture with BlazeFace, best score first. The whole picture is looked at first, then tiles of half
 * its longer side; only when both show nothing, tiles of a quarter and of an eighth, for a face far away.
 * @param session blazeface.onnx: `picture` [1, 256, 256, 3] → `boxes` [896, 16], `scores` [896] (logits).
 * @param finest the finest tiles that are tried, as a divisor of the longer side: 2 finds faces of about a 25th of it.
 */
export async function detectFaces(session: OnnxSession, pyramid: PicturePyramid, finest = 8): Promise<DetectedFace[]> {
  const samples = new Float32Array(SIDE * SIDE * 3);
  let found: DetectedFace[] = [];
  for (const divisor of [1, 2, 4, 8]) {
    if (divisor > finest || (divisor > 2 && found.length > 0)) break;
    for (const tile of tilesOf(pyramid.base, divisor)) {
      pyramid.sample(tile, SIDE, samples);
      const { boxes, scores } = await session.run({ picture: { data: samples, dims: [1, SIDE, SIDE, 3] } });
      found.push(...decodeFaces(boxes!.data, scores!.data, tile));
    }
    found = mergeFaces(found);
  }
  return found;
}

/** Squares of a fraction of the longer side that cover the picture, each overlapping the next by half. */
export function tilesOf(picture: { width: number; height: number }, divisor: number): Square[] {
  const side = Math.max(picture.width, picture.height) / divisor;
  if (divisor > 1 && side < MIN_TILE_SIDE) return [];
  const tiles: Square[] = [];
  for (const y of tileCentres(picture.height, side))
    for (const x of tileCentres(picture.width, side)) tiles.push({ centre: { x, y }, side, angle: 0 });
  return tiles;
}

function tileCentres(length: number, side: number): number[] {
  if (length <= side) return [length / 2];
  const steps = Math.ceil((length - side) / (side / 2));
  return Array.from({ length: steps + 1 }, (_, i) => side / 2 + (i * (length - side)) / steps);
}

/** One anchor centre for each of the 896 boxes: a 16x16 grid with two a cell, then an 8x8 grid with six a cell. */
function makeAnchors(): Float32Array {
  const anchors: number[] = [];
  for (const [cells, perCell] of [
    [16, 2],
    [8, 6],
  ] as const)
    for (let row = 0; row < cells; row++)
      for (let column = 0; column < cells; column++)
        for (let i = 0; i < perCell; i++) anchors.push((column + 0.5) / cells, (row + 0.5) / cells);
  return Float32Array.from(anchors);
}

/** Box values are centre, size, then six key points, each relative to the anchor, in samples. */
function decodeFaces(boxes: Float32Array, scores: Float32Array, tile: Square): DetectedFace[] {
  const faces: DetectedFace[] = [];
  for (let i = 0; i < scores.length; i++) {
    const score = 1 / (1 + Math.exp(-scores[i]!));
    if (score < MIN_SCORE) continue;
    const at = i * 16;
    const point = (offset: number) =>
      pointInSquare(
        tile,
        boxes[at + offset]! / SIDE + ANCHORS[i * 2]!,
        boxes[at + offset + 1]! / SIDE + ANCHORS[i * 2 + 1]!,
      );
    faces.push({
      score,
      centre: point(0),
      width: (boxes[at + 2]! / SIDE) * tile.side,
      height: (boxes[at + 3]! / SIDE) * tile.side,
      rightEye: point(4),
      leftEye: point(6),
    });
  }
  return faces;
}

/** Boxes of one face become one, averaged by score; a small box inside a better one is a part of that face. */
function mergeFaces(faces: readonly DetectedFace[]): DetectedFace[] {
  const left = [...faces].sort((a, b) => b.score - a.score);
  const merged: DetectedFace[] = [];
  while (left.length > 0) {
    const best = left.shift()!;
    const same = [best];
    for (let i = left.length - 1; i >= 0; i--) {
      const { union, smaller } = overlapOf(best, left[i]!);
      if (union > MAX_OVERLAP) same.push(...left.splice(i, 1));
      else if (smaller > 0.6) left.splice(i, 1);
    }
    merged.push(averageOf(same));
  }
  return merged;
}

/** How much two boxes share: as a part of their union, and as a part of the smaller one. */
function overlapOf(a: DetectedFace, b: DetectedFace): { union: number; smaller: number } {
  const across = (a.width + b.width) / 2 - Math.abs(a.centre.x - b.centre.x);
  const down = (a.height + b.height) / 2 - Math.abs(a.centre.y - b.centre.y);
  if (across <= 0 || down <= 0) return { union: 0, smaller: 0 };
  const areaA = a.width * a.height;
  const areaB = b.width * b.height;
  const shared = Math.min(across, a.width, b.width) * Math.min(down, a.height, b.height);
  return { union: shared / (areaA + areaB - shared), smaller: shared / Math.min(areaA, areaB) };
}

function averageOf(faces: readonly DetectedFace[]): DetectedFace {
  const total = faces.reduce((sum, face) => sum + face.score, 0);
  const mean = (pick: (face: DetectedFace) => number) =>
    faces.reduce((sum, face) => sum + pick(face) * face.score, 0) / total;
  const point = (pick: (face: DetectedFace) => Point) => ({
    x: mean((face) => pick(face).x),
    y: mean((face) => pick(face).y),
  });
  return {
    score: Math.max(...faces.map((face) => face.score)),
    centre: point((face) => face.centre),
    width: mean((face) => face.width),
    height: mean((face) => face.height),
    rightEye: point((face) => face.rightEye),
    leftEye: point((face) => face.leftEye),
  };
}
