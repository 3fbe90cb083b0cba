import { fileURLToPath } from 'node:url';
import { LANDMARK_COUNT } from '../api/avatar.ts';
import { type OnnxSession, type OnnxSessionOptions, openSession } from '../onnx/open-session.ts';
import { type DetectedFace, detectFaces } from './detect-faces.ts';
import { faceTopology } from './face-topology.ts';
import type { Picture, Square } from './picture.ts';
import { PicturePyramid, pointInSquare } from './picture-pyramid.ts';

/** Where a face's landmarks are. */
export interface FaceLandmarks {
  /** Float32 `[478, 3]`: x, y in pixels of the picture, z in the same scale, smaller = nearer. */
  readonly points: Float32Array;
  /** How sure the mesh is that it looks at a face, 0 … 1. */
  readonly score: number;
}

/** Side of the square the mesh looks at, in samples. */
const SIDE = 192;
/** Times the mesh looks at a still: each pass starts from the landmarks of the one before; after three they stand still. */
const STILL_PASSES = 3;
/** The mesh was trained on squares of this many times the face. */
const SQUARE_SCALE = 1.5;

/**
 * Finds faces (BlazeFace) and their landmarks (MediaPipe's face mesh with attention). Owns two models.
 * A picture may be given as it is or, where it is looked at more than once, as a pyramid.
 */
export class FaceFinder implements AsyncDisposable {
  readonly #detector: OnnxSession;
  readonly #mesh: OnnxSession;
  readonly #samples = new Float32Array(SIDE * SIDE * 3);

  private constructor(detector: OnnxSession, mesh: OnnxSession) {
    this.#detector = detector;
    this.#mesh = mesh;
  }

  /** @throws AppError ONNX_RUNTIME_MISSING, MODEL_BROKEN. */
  static async open(options: OnnxSessionOptions = { threads: 2 }): Promise<FaceFinder> {
    const detector = await openSession(modelPath('blazeface.onnx'), options);
    try {
      return new FaceFinder(detector, await openSession(modelPath('face-mesh.onnx'), options));
    } catch (thrown) {
      await detector[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  /** Every face, best score first. `finest`: see {@link detectFaces}; 2 leaves out faces far away and takes a tenth of the time. */
  detect(picture: Picture | PicturePyramid, finest?: number): Promise<DetectedFace[]> {
    return detectFaces(this.#detector, pyramidOf(picture), finest);
  }

  /**
   * The landmarks of a face: from what the detector saw (three passes), or from the landmarks of the picture before (one
   * pass, for the frames of a video).
   */
  async landmarks(picture: Picture | PicturePyramid, start: DetectedFace | FaceLandmarks): Promise<FaceLandmarks> {
    const pyramid = pyramidOf(picture);
    if ('points' in start) return this.#look(pyramid, squareAround(start.points));
    let square = squareOf(start);
    let found = await this.#look(pyramid, square);
    for (let pass = 1; pass < STILL_PASSES; pass++) {
      square = squareAround(found.points);
      found = await this.#look(pyramid, square);
    }
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#detector[Symbol.asyncDispose]();
    await this.#mesh[Symbol.asyncDispose]();
  }

  async #look(pyramid: PicturePyramid, square: Square): Promise<FaceLandmarks> {
    pyramid.sample(square, SIDE, this.#samples);
    const out = await this.#mesh.run({ picture: { data: this.#samples, dims: [1, SIDE, SIDE, 3] } });
    const points = new Float32Array(LANDMARK_COUNT * 3);
    const place = (landmark: number, x: number, y: number) => {
      const point = pointInSquare(square, x / SIDE, y / SIDE);
      points[landmark * 3] = point.x;
      points[landmark * 3 + 1] = point.y;
    };
    const mesh = out.mesh!.data;
    for (let i = 0; i < mesh.length / 3; i++) {
      place(i, mesh[i * 3]!, mesh[i * 3 + 1]!);
      points[i * 3 + 2] = (mesh[i * 3 + 2]! / SIDE) * square.side;
    }
    // The attention heads know lips, eyes and irises better than the mesh; depth stays the mesh's.
    for (const [name, landmarks] of HEADS) {
      const head = out[name]!.data;
      landmarks.forEach((landmark, i) => {
        place(landmark, head[i * 2]!, head[i * 2 + 1]!);
      });
    }
    giveDepth(points, faceTopology.rightIris, faceTopology.rightEye);
    giveDepth(points, faceTopology.leftIris, faceTopology.leftEye);
    return { points, score: out.score!.data[0]! };
  }
}

const HEADS: readonly (readonly [string, readonly number[]])[] = [
  ['lips', faceTopology.refinedLips],
  ['right_eye', faceTopology.refinedRightEye],
  ['left_eye', faceTopology.refinedLeftEye],
  ['right_iris', faceTopology.rightIris],
  ['left_iris', faceTopology.leftIris],
];

/** An iris lies as deep as the rim of its eye: the mean, as MediaPipe does it. */
function giveDepth(points: Float32Array, iris: readonly number[], eye: readonly number[]): void {
  const depth = eye.reduce((sum, landmark) => sum + points[landmark * 3 + 2]!, 0) / eye.length;
  for (const landmark of iris) points[landmark * 3 + 2] = depth;
}

function squareOf(face: DetectedFace): Square {
  return {
    centre: face.centre,
    side: Math.max(face.width, face.height) * SQUARE_SCALE,
    angle: Math.atan2(face.leftEye.y - face.rightEye.y, face.leftEye.x - face.rightEye.x),
  };
}

/** The square round all mesh points, turned so that the outer eye corners (33, 263) lie level. */
function squareAround(points: Float32Array): Square {
  const angle = Math.atan2(points[263 * 3 + 1]! - points[33 * 3 + 1]!, points[263 * 3]! - points[33 * 3]!);
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  const across = { least: Infinity, most: -Infinity };
  const down = { least: Infinity, most: -Infinity };
  for (let i = 0; i < 468; i++) {
    const x = points[i * 3]!;
    const y = points[i * 3 + 1]!;
    stretch(across, cos * x + sin * y);
    stretch(down, cos * y - sin * x);
  }
  const u = (across.least + across.most) / 2;
  const v = (down.least + down.most) / 2;
  return {
    centre: { x: cos * u - sin * v, y: sin * u + cos * v },
    side: Math.max(across.most - across.least, down.most - down.least) * SQUARE_SCALE,
    angle,
  };
}

function stretch(range: { least: number; most: number }, value: number): void {
  range.least = Math.min(range.least, value);
  range.most = Math.max(range.most, value);
}

function pyramidOf(picture: Picture | PicturePyramid): PicturePyramid {
  return picture instanceof PicturePyramid ? picture : new PicturePyramid(picture);
}

function modelPath(name: string): string {
  return fileURLToPath(new URL(`./models/${name}`, import.meta.url));
}
