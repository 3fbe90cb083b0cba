import { beforeAll, describe, expect, it } from 'vitest';
import type { FacePatch, Rect } from '../../../src/api/media.ts';
import { pastePatch } from '../../../src/media/paste.ts';
import { CONTROLS, type Control } from '../../../src/plugins/puppet/controls.ts';
import { LEFT_EYE, RIGHT_EYE } from '../../../src/plugins/puppet/face-points.ts';
import {
  PuppetAvatar,
  TEETH_SHUT,
  TONGUE,
  WEIGHT_COUNT,
  weightIndex,
} from '../../../src/plugins/puppet/puppet-avatar.ts';
import { seededRandom } from '../../media/picture-samples.ts';
import { faceSize, fieldsOf, openPaintedFace, paintFace } from './drawn-face.ts';

function weightsOf(set: Partial<Record<Control, number>>): Float32Array {
  const weights = new Float32Array(WEIGHT_COUNT);
  for (const [control, weight] of Object.entries(set)) weights[weightIndex(control as Control)] = weight;
  return weights;
}

/** Weights as lively as the engine ever makes them, and more. */
function randomWeights(seed: number): Float32Array {
  const random = seededRandom(seed);
  const weights = weightsOf({
    headX: (random() - 0.5) * 0.2,
    headY: (random() - 0.5) * 0.12,
    roll: (random() - 0.5) * 0.06,
    yaw: (random() - 0.5) * 0.12,
    pitch: (random() - 0.5) * 0.1,
    breath: random() * 0.5,
    blinkRight: random(),
    blinkLeft: random(),
    gazeX: (random() - 0.5) * 0.6,
    gazeY: (random() - 0.5) * 0.4,
    brow: random(),
  });
  for (const control of ['open', 'wide', 'round', 'press', 'upperUp', 'lowerDown', 'tuck', 'close', 'smile'] as const) {
    weights[weightIndex(control)] = random();
  }
  weights[TONGUE] = random();
  weights[TEETH_SHUT] = random();
  return weights;
}

function pasted(body: Uint8Array, patch: FacePatch): Uint8Array {
  const frame = body.slice();
  pastePatch(frame, faceSize, patch);
  return frame;
}

/** Byte offsets of a rectangle's outermost pixels in all three planes of a whole picture. */
function borderOf(rect: Rect): number[] {
  const pixels = faceSize.width * faceSize.height;
  return [
    [0, 1],
    [pixels, 2],
    [pixels * 1.25, 2],
  ].flatMap(([start, scale]) => {
    const [left, top] = [rect.x / scale!, rect.y / scale!];
    const [right, bottom] = [left + rect.width / scale! - 1, top + rect.height / scale! - 1];
    const at = (column: number, row: number) => start! + row * (faceSize.width / scale!) + column;
    const across = Array.from({ length: right - left + 1 }, (_, step) => [
      at(left + step, top),
      at(left + step, bottom),
    ]);
    const down = Array.from({ length: bottom - top + 1 }, (_, step) => [at(left, top + step), at(right, top + step)]);
    return [...across, ...down].flat();
  });
}

/** The largest difference of neighbouring luma samples. */
function steepestStep(frame: Uint8Array): number {
  const { width, height } = faceSize;
  let steepest = 0;
  for (let at = 0; at < width * (height - 1); at++) {
    const right = at % width === width - 1 ? 0 : Math.abs(frame[at + 1]! - frame[at]!);
    steepest = Math.max(steepest, right, Math.abs(frame[at + width]! - frame[at]!));
  }
  return steepest;
}

/** Centre and number of the dark pixels around a point. */
function darkSpot(frame: Uint8Array, x: number, y: number, reach = 11): { x: number; y: number; count: number } {
  let [sumX, sumY, count] = [0, 0, 0];
  for (let row = Math.round(y) - reach; row <= y + reach; row++) {
    for (let column = Math.round(x) - reach; column <= x + reach; column++) {
      if (frame[row * faceSize.width + column]! > 80) continue;
      sumX += column;
      sumY += row;
      count++;
    }
  }
  return { x: sumX / count, y: sumY / count, count };
}

let face: Awaited<ReturnType<typeof openPaintedFace>>;
beforeAll(async () => {
  face = await openPaintedFace();
});

describe('the puppet avatar', () => {
  it('shows the body bit for bit when nothing moves', () => {
    const patch = face.avatar.draw(new Float32Array(WEIGHT_COUNT), 0, 5);
    expect(patch).toMatchObject({ frame: 5, avatarId: 'painted', format: 'i420' });
    expect(pasted(face.body, patch)).toEqual(face.body);
    // After a wild frame, too.
    face.avatar.draw(randomWeights(1), 0, 6);
    expect(pasted(face.body, face.avatar.draw(new Float32Array(WEIGHT_COUNT), 0, 7))).toEqual(face.body);
  });

  it('equals the body along the whole border of the patch, whatever the weights', () => {
    for (let seed = 0; seed < 30; seed++) {
      const patch = face.avatar.draw(randomWeights(seed), 0, seed);
      for (const value of Object.values(patch.rect)) expect(value % 2).toBe(0);
      const frame = pasted(face.body, patch);
      expect(borderOf(patch.rect).filter((place) => frame[place] !== face.body[place])).toEqual([]);
    }
  });

  it('leaves no holes: a plain picture stays plain under any motion that opens no mouth', async () => {
    const fields = await fieldsOf(paintFace(face.landmarks), face.landmarks);
    const plain = new Uint8Array(face.body.length).fill(90);
    const avatar = PuppetAvatar.fromPictures('plain', 1, fields, [plain]);
    for (let seed = 0; seed < 20; seed++) {
      const weights = randomWeights(seed);
      for (const control of ['open', 'upperUp', 'lowerDown', 'tuck', 'round'] as const)
        weights[weightIndex(control)] = 0;
      expect(new Set(pasted(plain, avatar.draw(weights, 0, seed)))).toEqual(new Set([90]));
    }
  });

  it('tears nothing: a ramp stays a ramp while the head sways', async () => {
    const fields = await fieldsOf(paintFace(face.landmarks), face.landmarks);
    const { width, height } = faceSize;
    const ramp = new Uint8Array(face.body.length).fill(128);
    for (let at = 0; at < width * height; at++) ramp[at] = (at % width) / 4 + 20 + Math.floor(at / width) / 6;
    const avatar = PuppetAvatar.fromPictures('ramp', 1, fields, [ramp]);
    for (let seed = 0; seed < 10; seed++) {
      const weights = randomWeights(seed);
      for (let control = 0; control < weightIndex('blinkRight'); control++) weights[control] = 0;
      for (const control of ['blinkRight', 'blinkLeft', 'gazeX', 'gazeY'] as const) weights[weightIndex(control)] = 0;
      const frame = pasted(ramp, avatar.draw(weights, 0, seed));
      // The ramp itself climbs by one; stretching and rounding may double that. A tear would jump by the sway, some pixels.
      expect(steepestStep(frame)).toBeLessThanOrEqual(2);
    }
  });

  it('opens the mouth further the larger the weight, and closes it exactly at 0', () => {
    const gaps = Array.from({ length: 11 }, (_, step) => {
      face.avatar.draw(weightsOf({ open: step / 10, close: 1 }), 0, step);
      return face.avatar.lipGapPx;
    });
    expect(gaps[0]).toBeLessThan(0.01);
    gaps.slice(1).forEach((gap, index) => {
      expect(gap).toBeGreaterThan(gaps[index]! + 0.5);
    });
    // "aa" is more than half as high as half the mouth is wide (24 px here).
    expect(gaps[10]).toBeGreaterThan(12);
  });

  it('shows teeth and a dark cavity in an open mouth', () => {
    const frame = pasted(face.body, face.avatar.draw(weightsOf({ open: 1, close: 1 }), 0, 0));
    const middle = { x: face.landmarks[13 * 3]!, y: face.landmarks[13 * 3 + 1]! };
    const column = Array.from(
      { length: 14 },
      (_, row) => frame[(Math.round(middle.y) + row) * faceSize.width + Math.round(middle.x) + 3]!,
    );
    expect(Math.max(...column)).toBeGreaterThan(120);
    expect(Math.min(...column)).toBeLessThan(60);
  });

  it('keeps closed lips closed while the head moves', () => {
    face.avatar.draw(weightsOf({ headX: 0.1, roll: 0.03, yaw: 0.06, press: 1, close: 1 }), 0, 0);
    expect(face.avatar.lipGapPx).toBeLessThan(0.2);
  });

  it('covers the irises when it blinks, and only those of the eye that does', () => {
    const eyes = [RIGHT_EYE, LEFT_EYE].map((eye) => ({
      x: face.landmarks[eye.iris[0]! * 3]!,
      y: face.landmarks[eye.iris[0]! * 3 + 1]!,
    }));
    const dark = (frame: Uint8Array) => eyes.map((eye) => darkSpot(frame, eye.x, eye.y).count);
    const open = dark(face.body);
    expect(Math.min(...open)).toBeGreaterThan(25);
    // What remains is the lid's own edge, mixed with the first row of iris below it: a lash line of a few pixels.
    const lashes = 5;
    const shut = dark(pasted(face.body, face.avatar.draw(weightsOf({ blinkRight: 1, blinkLeft: 1 }), 0, 0)));
    expect(Math.max(...shut)).toBeLessThanOrEqual(lashes);
    const [right, left] = dark(pasted(face.body, face.avatar.draw(weightsOf({ blinkRight: 1 }), 0, 0)));
    expect(right).toBeLessThanOrEqual(lashes);
    expect(left).toBe(open[1]);
    const [half] = dark(pasted(face.body, face.avatar.draw(weightsOf({ blinkRight: 0.5 }), 0, 0)));
    expect(half).toBeGreaterThan(lashes);
    expect(half).toBeLessThan(open[0]! * 0.8);
  });

  it('turns the eyes where the gaze goes and takes them along with the head', () => {
    const iris = { x: face.landmarks[RIGHT_EYE.iris[0]! * 3]!, y: face.landmarks[RIGHT_EYE.iris[0]! * 3 + 1]! };
    const spot = (weights: Float32Array) =>
      darkSpot(pasted(face.body, face.avatar.draw(weights, 0, 0)), iris.x, iris.y, 14);
    const rest = spot(weightsOf({}));
    expect(spot(weightsOf({ gazeX: 0.4 })).x - rest.x).toBeGreaterThan(1);
    expect(spot(weightsOf({ gazeX: -0.4 })).x - rest.x).toBeLessThan(-1);
    expect(spot(weightsOf({ gazeY: 0.4 })).y - rest.y).toBeGreaterThan(0.7);
    // Half the mouth is 24.5 px wide here: a tenth of it to the side.
    expect(spot(weightsOf({ headX: 0.1 })).x - rest.x).toBeCloseTo(2.45, 0);
    expect(spot(weightsOf({ headY: 0.1 })).y - rest.y).toBeCloseTo(2.45, 0);
  });

  it('names every control it can move, and each of them moves something', () => {
    for (const control of CONTROLS) {
      if (control === 'close') continue; // The painted mouth is closed already.
      const changed = pasted(face.body, face.avatar.draw(weightsOf({ [control]: 0.5 }), 0, 0));
      expect(
        changed.some((value, at) => value !== face.body[at]),
        control,
      ).toBe(true);
    }
  });
});
