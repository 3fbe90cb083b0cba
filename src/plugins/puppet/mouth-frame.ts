import { POINT } from './face-points.ts';

/** A point or a direction in the picture, in pixels. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/**
 * Coordinates that belong to a face: origin midway between the mouth's corners, u along them (right to left of the
 * person is growing u), v from the nose bridge to the chin; both in half mouth widths. The axes need not be at right
 * angles, so a turned or tilted face still has its chin at u = 0.
 */
export class MouthFrame {
  readonly x: number;
  readonly y: number;
  /** Half the mouth's width in pixels. */
  readonly halfWidth: number;
  /** One u in pixels. */
  readonly across: Point;
  /** One v in pixels. */
  readonly down: Point;

  /** @param landmarks Float32 `[478, 3]` of one frame. */
  constructor(landmarks: Float32Array) {
    const at = (point: number): Point => ({ x: landmarks[point * 3]!, y: landmarks[point * 3 + 1]! });
    const [right, left] = [at(POINT.rightMouthCorner), at(POINT.leftMouthCorner)];
    const [bridge, chin] = [at(POINT.noseBridge), at(POINT.chin)];
    this.x = (right.x + left.x) / 2;
    this.y = (right.y + left.y) / 2;
    this.across = { x: (left.x - right.x) / 2, y: (left.y - right.y) / 2 };
    this.halfWidth = Math.hypot(this.across.x, this.across.y);
    const length = Math.hypot(chin.x - bridge.x, chin.y - bridge.y);
    this.down = {
      x: ((chin.x - bridge.x) / length) * this.halfWidth,
      y: ((chin.y - bridge.y) / length) * this.halfWidth,
    };
  }

  /** Pixels to u, v. */
  toUv(x: number, y: number): { u: number; v: number } {
    const { across, down } = this;
    const determinant = across.x * down.y - across.y * down.x;
    const dx = x - this.x;
    const dy = y - this.y;
    return { u: (dx * down.y - dy * down.x) / determinant, v: (across.x * dy - across.y * dx) / determinant };
  }

  /** u, v to pixels. */
  toPixel(u: number, v: number): Point {
    return { x: this.x + u * this.across.x + v * this.down.x, y: this.y + u * this.across.y + v * this.down.y };
  }
}
