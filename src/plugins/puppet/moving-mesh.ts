import type { Rect, Size } from '../../api/media.ts';
import { CONTROLS, type Control } from './controls.ts';
import { FRAME_NUMBERS, FrameNumber, type PuppetFields, positionStepPx, SHUT_STEP } from './fields-file.ts';
import { TriangleOrder, VERTEX_COUNT } from './mesh.ts';

/** What the engine moves of a body that moves by itself: the mouth. */
const CLIP_CONTROLS: readonly Control[] = ['open', 'wide', 'round', 'press', 'upperUp', 'lowerDown', 'tuck'];
/** A vertex of a clip that goes less far than this, all moves together, is left where it is. */
const LEAST_MOVE_PX = 0.15;
const FIELD_LENGTH = VERTEX_COUNT * 2;

/** Which part of the mesh moves at all, with what, and where that part lies in every frame. */
export class MovingMesh {
  /** Indexes of the controls that are used. */
  readonly controls: readonly number[];
  /** Vertices that may move, rising. */
  readonly vertices: Uint16Array;
  /** Triangles with such a vertex. */
  readonly order: TriangleOrder;
  /** Size of the part of the picture that may change, the same for all frames; even. */
  readonly region: Size;
  readonly #fields: PuppetFields;
  /** Left upper corner of the region, Int32 `[frameCount, 2]`. */
  readonly #corners: Int32Array;

  constructor(fields: PuppetFields) {
    this.#fields = fields;
    const isStill = fields.frameCount === 1;
    this.controls = CONTROLS.map((_, index) => index).filter(
      (index) => isStill || CLIP_CONTROLS.includes(CONTROLS[index]!),
    );
    const moves = isStill ? undefined : this.#measureMoves();
    const isMoving = (vertex: number) => !moves || moves[vertex]! >= LEAST_MOVE_PX;
    this.vertices = Uint16Array.from({ length: VERTEX_COUNT }, (_, vertex) => vertex).filter(isMoving);
    this.order = new TriangleOrder((triangle) => triangle.some(isMoving));
    const used = new Uint16Array(this.order.count * 3);
    this.order.write(new Float32Array(FIELD_LENGTH), used);
    const rects = this.#rectsOf([...new Set(used)]);
    const largest = (side: 'width' | 'height') =>
      rects.reduce((most, rect) => Math.max(most, rect[side]), Math.min(16, fields[side]));
    this.region = { width: largest('width'), height: largest('height') };
    this.#corners = Int32Array.from(
      rects.flatMap(({ x, y }) => [
        Math.min(x, fields.width - this.region.width),
        Math.min(y, fields.height - this.region.height),
      ]),
    );
  }

  /** Left edge of a frame's region in pixels; even. */
  xAt(frame: number): number {
    return this.#corners[frame * 2]!;
  }

  /** Its top edge. */
  yAt(frame: number): number {
    return this.#corners[frame * 2 + 1]!;
  }

  /** Where all vertices of a frame lie in its region: Float32 `[VERTEX_COUNT, 2]` into `target`. */
  placeVertices(frame: number, target: Float32Array): void {
    const { positions } = this.#fields;
    const step = positionStepPx(this.#fields);
    const [x, y] = [this.xAt(frame), this.yAt(frame)];
    const at = frame * FIELD_LENGTH;
    for (let index = 0; index < FIELD_LENGTH; index += 2) {
      target[index] = positions[at + index]! * step - x;
      target[index + 1] = positions[at + index + 1]! * step - y;
    }
  }

  /** How far every vertex goes at most in any frame, all controls at 1 and the shutting together; pixels. */
  #measureMoves(): Float32Array {
    const { fields, shut, frames, frameCount } = this.#fields;
    const shutSteps = new Float32Array(VERTEX_COUNT);
    for (let at = 0; at < shut.length; at += 2) {
      const vertex = (at % FIELD_LENGTH) >> 1;
      shutSteps[vertex] = Math.max(shutSteps[vertex]!, Math.abs(shut[at]!), Math.abs(shut[at + 1]!));
    }
    let unitPx = 0;
    for (let frame = 0; frame < frameCount; frame++) {
      const at = frame * FRAME_NUMBERS;
      unitPx = Math.max(unitPx, Math.hypot(frames[at + FrameNumber.acrossX]!, frames[at + FrameNumber.acrossY]!));
    }
    return shutSteps.map((steps, vertex) => {
      const moved = this.controls.reduce((sum, control) => {
        const at = control * FIELD_LENGTH + vertex * 2;
        return sum + Math.hypot(fields[at]!, fields[at + 1]!);
      }, steps * SHUT_STEP);
      return moved * unitPx;
    });
  }

  /** The smallest even rectangle around these vertices in every frame, with a margin of two pixels. */
  #rectsOf(vertices: readonly number[]): Rect[] {
    const { positions, frameCount, width, height } = this.#fields;
    const step = positionStepPx(this.#fields);
    return Array.from({ length: frameCount }, (_, frame) => {
      let [left, top, right, bottom] = [width, height, 0, 0];
      for (const vertex of vertices) {
        const at = frame * FIELD_LENGTH + vertex * 2;
        left = Math.min(left, positions[at]! * step);
        right = Math.max(right, positions[at]! * step);
        top = Math.min(top, positions[at + 1]! * step);
        bottom = Math.max(bottom, positions[at + 1]! * step);
      }
      const x = Math.max(0, Math.floor(left / 2) * 2 - 2);
      const y = Math.max(0, Math.floor(top / 2) * 2 - 2);
      return {
        x,
        y,
        width: Math.min(width, Math.ceil(right / 2) * 2 + 2) - x,
        height: Math.min(height, Math.ceil(bottom / 2) * 2 + 2) - y,
      };
    });
  }
}
