import { beforeAll, describe, expect, it } from 'vitest';
import { pastePatch } from '../../../src/media/paste.ts';
import { type EyePoints, LEFT_EYE, lidRingOf, RIGHT_EYE } from '../../../src/plugins/puppet/face-points.ts';
import { PuppetAvatar, WEIGHT_COUNT, weightIndex } from '../../../src/plugins/puppet/puppet-avatar.ts';
import { faceLandmarks, faceSize, fieldsOf, paintFace } from './drawn-face.ts';

const SKIN_LUMA = 60;
const EYE_LUMA = 230;
const EYES = { right: RIGHT_EYE, left: LEFT_EYE };

const landmarks = faceLandmarks();
let avatar: PuppetAvatar;
let body: Uint8Array;

beforeAll(async () => {
  const fields = await fieldsOf(paintFace(landmarks), landmarks);
  body = paintTwoTones();
  avatar = PuppetAvatar.fromPictures('two tones', 1, fields, [body]);
});

/** Dark skin and bright eyes without irises: what is neither was made by the margin. */
function paintTwoTones(): Uint8Array {
  const { width, height } = faceSize;
  const picture = new Uint8Array(width * height * 1.5).fill(128);
  picture.fill(SKIN_LUMA, 0, width * height);
  for (const eye of [RIGHT_EYE, LEFT_EYE]) {
    const { left, right, top, bottom } = boxOf(eye);
    for (let y = Math.floor(top); y <= bottom; y++) {
      for (let x = Math.floor(left); x <= right; x++) if (isInside(eye, x, y)) picture[y * width + x] = EYE_LUMA;
    }
  }
  return picture;
}

function isInside(eye: EyePoints, x: number, y: number): boolean {
  const ring = lidRingOf(eye);
  let inside = false;
  ring.forEach((point, index) => {
    const next = ring[(index + 1) % ring.length]!;
    const [ax, ay] = [landmarks[point * 3]!, landmarks[point * 3 + 1]!];
    const [bx, by] = [landmarks[next * 3]!, landmarks[next * 3 + 1]!];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  });
  return inside;
}

function boxOf(eye: EyePoints): { left: number; right: number; top: number; bottom: number } {
  const xs = lidRingOf(eye).map((point) => landmarks[point * 3]!);
  const ys = lidRingOf(eye).map((point) => landmarks[point * 3 + 1]!);
  return { left: Math.min(...xs), right: Math.max(...xs), top: Math.min(...ys), bottom: Math.max(...ys) };
}

function blink(share: number): Uint8Array {
  const weights = new Float32Array(WEIGHT_COUNT);
  weights[weightIndex('blinkRight')] = weights[weightIndex('blinkLeft')] = share;
  const frame = body.slice();
  pastePatch(frame, faceSize, avatar.draw(weights, 0, 0));
  return frame;
}

/** Where the lid's edge crosses a column: the height up to which it is dark, in pixels, by the sum of what is bright. */
function edgeOf(frame: Uint8Array, x: number, top: number, middle: number): number {
  let dark = 0;
  for (let y = top; y < middle; y++) dark += (EYE_LUMA - frame[y * faceSize.width + x]!) / (EYE_LUMA - SKIN_LUMA);
  return dark;
}

/** The middle three fifths of an eye, where the lid is less steep than one in two. */
function columnsOf(eye: EyePoints): number[] {
  const { left, right } = boxOf(eye);
  const from = Math.ceil(left + (right - left) * 0.2);
  return Array.from({ length: Math.floor((right - left) * 0.6) }, (_, step) => from + step);
}

describe('the margin of a lid', () => {
  it('has no stairs while the lid comes down: from column to column it moves by fractions of a pixel', () => {
    const steps: number[] = [];
    for (const share of [0.15, 0.25, 0.35, 0.45, 0.5]) {
      const frame = blink(share);
      for (const eye of Object.values(EYES)) {
        const { top, bottom } = boxOf(eye);
        const edges = columnsOf(eye).map((x) => edgeOf(frame, x, Math.floor(top) - 3, Math.round(bottom) - 1));
        steps.push(...edges.slice(1).map((edge, index) => Math.abs(edge - edges[index]!)));
      }
    }
    // Measured 0.41, which is the lid's own slope; cut at whole pixels it is 0.9.
    expect(Math.max(...steps)).toBeLessThan(0.6);
  });

  it.each(Object.entries(EYES))('leaves nothing of the %s eyeball to be seen when the eye is shut', (_, eye) => {
    const frame = blink(1);
    const { left, right, top, bottom } = boxOf(eye);
    let brightest = 0;
    for (let y = Math.floor(top) - 4; y <= bottom + 4; y++) {
      for (let x = Math.floor(left) - 4; x <= right + 4; x++) {
        brightest = Math.max(brightest, frame[y * faceSize.width + x]!);
      }
    }
    // Measured 108 and 101: the rim of an eye painted without a lower lid. Without the margin, 203 and 214.
    expect(brightest).toBeLessThan(SKIN_LUMA + 0.4 * (EYE_LUMA - SKIN_LUMA));
  });
});
