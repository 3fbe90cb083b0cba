import { describe, expect, it } from 'vitest';
import type { Pose } from '../../src/api/avatar.ts';
import type { FacePatch, Size } from '../../src/api/media.ts';
import { FramePool } from '../../src/live/frame-pool.ts';
import { Painter } from '../../src/live/painter.ts';
import { renderLabel } from '../../src/media/label.ts';

const SHOW = { width: 320, height: 180 };
const TALL = { width: 200, height: 400 };

/** A grey avatar; with `alpha`, that opaque everywhere. */
function greyPose({ width, height }: Size, grey: number, alpha?: number): Pose {
  return {
    index: 0,
    isPassthrough: false,
    readBody: async (target) => void target.fill(grey, 0, width * height).fill(128, width * height),
    ...(alpha === undefined ? {} : { readAlpha: (target: Uint8Array) => void target.fill(alpha) }),
    faceBox: { x: 0, y: 0, width: 16, height: 16 },
    mask: new Uint8Array(256).fill(255),
  };
}

function patchAt(x: number, y: number, grey: number, alpha?: number): FacePatch {
  const rect = { x, y, width: 16, height: 16 };
  const data = new Uint8Array(16 * 16 * 1.5).fill(grey);
  const matte = alpha === undefined ? {} : { alpha: new Uint8Array(256).fill(alpha) };
  return { frame: 0, avatarId: 'a', rect, format: 'i420', data, size: rect, ...matte };
}

describe('the painter', () => {
  it('puts the patch into the body and leaves the rest', async () => {
    const pool = new FramePool(SHOW);
    using frame = await new Painter(pool).paste(patchAt(10, 20, 200), greyPose(SHOW, 90));
    const at = (x: number, y: number) => frame.data[y * SHOW.width + x];
    expect([at(9, 20), at(10, 20), at(25, 35), at(26, 35)]).toEqual([90, 200, 200, 90]);
    expect(frame.alpha).toBeUndefined();
    expect(pool.held).toBe(1);
  });

  it('scales an avatar of another size, with black bars, and its patch with it', async () => {
    using frame = await new Painter(new FramePool(SHOW)).paste(patchAt(100, 200, 200), greyPose(TALL, 90), TALL);
    // 400 px become 180: the avatar is 90 px wide, from 114 (even) on.
    const at = (x: number, y: number) => frame.data[y * SHOW.width + x];
    expect([at(113, 90), at(114, 90), at(203, 90), at(204, 90)]).toEqual([16, 90, 90, 16]);
    expect(at(114 + 48, 93)).toBe(200);
    expect(frame.data[SHOW.width * SHOW.height]).toBe(128);
  });

  it('gives a transparent avatar its matte, with that of the patch, and transparent bars', async () => {
    const painter = new Painter(new FramePool(SHOW));
    using same = await painter.paste(patchAt(10, 20, 200, 77), greyPose(SHOW, 90, 255));
    const at = (frame: { alpha?: Uint8Array | undefined }, x: number, y: number) => frame.alpha![y * SHOW.width + x];
    expect([at(same, 9, 20), at(same, 10, 20), at(same, 26, 35)]).toEqual([255, 77, 255]);
    using scaled = await painter.paste(undefined, greyPose(TALL, 90, 255), TALL);
    expect([at(scaled, 113, 90), at(scaled, 114, 90), at(scaled, 203, 90), at(scaled, 204, 90)]).toEqual([
      0, 255, 255, 0,
    ]);
  });

  it('takes memory for a matte only while somebody is transparent, and then once', async () => {
    const painter = new Painter(new FramePool(SHOW));
    const first = await painter.paste(undefined, greyPose(SHOW, 90, 255));
    const { alpha } = first;
    first[Symbol.dispose]();
    const opaque = await painter.paste(undefined, greyPose(SHOW, 90));
    expect(opaque.alpha).toBeUndefined();
    opaque[Symbol.dispose]();
    using again = await painter.paste(undefined, greyPose(SHOW, 90, 255));
    expect(again.alpha).toBe(alpha);
  });

  it('draws the label last, also where the picture is transparent', async () => {
    const painter = new Painter(new FramePool(SHOW));
    painter.label = renderLabel('AI avatar', SHOW);
    const { rect } = painter.label;
    using frame = await painter.paste(patchAt(rect.x, rect.y, 200), greyPose(SHOW, 200, 0));
    const middle = (rect.y + (rect.height >> 1)) * SHOW.width + rect.x + (rect.height >> 1);
    expect(frame.data[middle]).toBeLessThan(120);
    expect(frame.alpha![middle]).toBeGreaterThan(150);
    expect(frame.alpha![0]).toBe(0);
  });

  it('gives the frame back when a picture cannot be read', async () => {
    const pool = new FramePool(SHOW);
    const painter = new Painter(pool);
    for (const size of [SHOW, TALL]) {
      const broken: Pose = { ...greyPose(size, 90), readBody: () => Promise.reject(new Error('gone')) };
      await expect(painter.paste(undefined, broken, size)).rejects.toThrow('gone');
    }
    expect(pool.held).toBe(0);
  });
});
