import { readFileSync } from 'node:fs';

/** Three landmark indices. */
type Triangle = readonly [number, number, number];

/** Which landmarks form which part of the face. Right and left are the person's; rings go round in order, unclosed. */
export interface FaceTopology {
  /** 852 triangles over the 468 mesh points; eyes and mouth are holes. */
  readonly triangles: readonly Triangle[];
  /** Outline of the face, from the top of the forehead (10) by the left cheek to the chin (152) and back. */
  readonly faceOval: readonly number[];
  readonly outerLips: readonly number[];
  readonly innerLips: readonly number[];
  readonly rightEye: readonly number[];
  readonly leftEye: readonly number[];
  /** Centre, then four points on the rim. */
  readonly rightIris: readonly number[];
  readonly leftIris: readonly number[];
  /** Which landmark the k-th point of an attention head is. */
  readonly refinedLips: readonly number[];
  readonly refinedRightEye: readonly number[];
  readonly refinedLeftEye: readonly number[];
}

/** MediaPipe's face mesh; the file is written by scripts/landmarks/topology.mjs. */
export const faceTopology = JSON.parse(
  readFileSync(new URL('./models/face-topology.json', import.meta.url), 'utf8'),
) as FaceTopology;
