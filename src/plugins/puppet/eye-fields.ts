import { CONTROLS, type Control } from './controls.ts';
import { type EyePoints, lidRingOf } from './face-points.ts';
import { partOf, VERTEX_COUNT } from './mesh.ts';
import { MouthFrame } from './mouth-frame.ts';

/** Fills in lids and gaze, which are measured on the eye itself. */
export class EyeFields {
  readonly #landmarks: Float32Array;
  readonly #fields: Float32Array;
  readonly #frame: MouthFrame;

  constructor(landmarks: Float32Array, fields: Float32Array) {
    this.#landmarks = landmarks;
    this.#fields = fields;
    this.#frame = new MouthFrame(landmarks);
  }

  add(eye: EyePoints, blink: Control): void {
    const radius = this.#irisRadius(eye);
    eye.upper.forEach((upper, place) => {
      const lower = eye.lower[place]!;
      const from = this.#uv(upper);
      const to = this.#uv(lower);
      const du = to.u - from.u;
      const dv = to.v - from.v;
      // A little further than the lower lid, so that nothing of the eye stays uncovered.
      this.#set(blink, upper, du * 1.1, dv * 1.1 + 0.012);
      this.#set(blink, eye.fold[place]!, du * 0.45, dv * 0.5);
      this.#set(blink, eye.socket[place]!, 0, dv * 0.12);
      this.#set(blink, lower, 0, -dv * 0.06);
      for (const [point, share] of [
        [upper, 0.85],
        [eye.fold[place]!, 0.35],
        [lower, 0.3],
      ] as const) {
        this.#set('gazeY', point, 0, radius * share);
      }
    });
    for (let index = 0; index < VERTEX_COUNT; index++) {
      const part = partOf(index);
      if (part.kind !== 'eye' || !lidRingOf(eye).includes(part.lidPoint)) continue;
      if (part.role === 'lid') {
        // The eyeball's edge goes with the lids, except when they shut.
        const share = eye.upper.includes(part.lidPoint) ? 0.85 : eye.lower.includes(part.lidPoint) ? 0.3 : 0;
        this.#set('gazeY', index, 0, radius * share);
      } else {
        this.#set('gazeX', index, radius, 0);
        this.#set('gazeY', index, 0, radius);
      }
    }
  }

  #irisRadius(eye: EyePoints): number {
    const [centre, ...rim] = eye.iris.map((point) => this.#uv(point));
    return rim.reduce((sum, point) => sum + Math.hypot(point.u - centre!.u, point.v - centre!.v), 0) / rim.length;
  }

  #uv(point: number): { u: number; v: number } {
    return this.#frame.toUv(this.#landmarks[point * 3]!, this.#landmarks[point * 3 + 1]!);
  }

  #set(control: Control, vertex: number, u: number, v: number): void {
    const at = (CONTROLS.indexOf(control) * VERTEX_COUNT + vertex) * 2;
    this.#fields[at] = u;
    this.#fields[at + 1] = v;
  }
}
