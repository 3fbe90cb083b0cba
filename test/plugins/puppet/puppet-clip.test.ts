import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AvatarRef } from '../../../src/api/avatar.ts';
import type { FacePatch, Heard } from '../../../src/api/media.ts';
import { pastePatch } from '../../../src/media/paste.ts';
import type { Control } from '../../../src/plugins/puppet/controls.ts';
import { PuppetEngine } from '../../../src/plugins/puppet/face-engine.ts';
import { POINT } from '../../../src/plugins/puppet/face-points.ts';
import {
  encodeFields,
  FRAME_NUMBERS,
  FrameNumber,
  type PuppetFields,
} from '../../../src/plugins/puppet/fields-file.ts';
import { FIELDS_PATH, prepareFields } from '../../../src/plugins/puppet/prepare.ts';
import { PuppetAvatar, WEIGHT_COUNT, weightIndex } from '../../../src/plugins/puppet/puppet-avatar.ts';
import { seededRandom } from '../../media/picture-samples.ts';
import { CALM_FRAMES, CLIP_OPENINGS_PX, type DrawnClip, drawClip, faceSize } from './drawn-face.ts';

const signal = new AbortController().signal;
const TEETH_LUMA = 185;
let clip: DrawnClip;
let fields: PuppetFields;
let avatar: PuppetAvatar;
let folder: string;
let ref: AvatarRef;

beforeAll(async () => {
  clip = drawClip();
  fields = await prepareFields(clip.face, signal);
  avatar = PuppetAvatar.fromPictures('clip', 1, fields, clip.bodies);
  folder = await mkdtemp(join(tmpdir(), 'musecam-clip-'));
  ref = await writeClip('written', fields, clip.bodies);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function writeClip(id: string, of: PuppetFields, bodies: readonly Uint8Array[]): Promise<AvatarRef> {
  await mkdir(join(folder, id, 'puppet'), { recursive: true });
  await writeFile(join(folder, id, FIELDS_PATH), await encodeFields(of));
  const bodyPath = join(folder, `${id}.i420`);
  await writeFile(bodyPath, Buffer.concat(bodies));
  const manifest = { ...faceSize, id, frameCount: of.frameCount } as unknown as AvatarRef['manifest'];
  return { id, folder: join(folder, id), manifest, bodyPath };
}

function weightsOf(set: Partial<Record<Control, number>>): Float32Array {
  const weights = new Float32Array(WEIGHT_COUNT);
  for (const [control, weight] of Object.entries(set)) weights[weightIndex(control as Control)] = weight;
  return weights;
}

function pasted(body: Uint8Array, patch: FacePatch): Uint8Array {
  const frame = body.slice();
  pastePatch(frame, faceSize, patch);
  return frame;
}

/** How many pixels around the middle of the mouth are as bright as teeth. */
function teethIn(frame: Uint8Array, pose: number): number {
  const points = clip.landmarks[pose]!;
  const x = Math.round((points[POINT.rightMouthCorner * 3]! + points[POINT.leftMouthCorner * 3]!) / 2);
  const y = Math.round(points[POINT.upperLipMiddle * 3 + 1]!);
  let count = 0;
  for (let row = y - 3; row < y + 14; row++) {
    for (let column = x - 14; column < x + 14; column++) {
      if (frame[row * faceSize.width + column]! > TEETH_LUMA) count++;
    }
  }
  return count;
}

/** How many bytes two pictures do not share. */
function changedBytes(a: Uint8Array, b: Uint8Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((count, value, at) => count + (value === b[at] ? 0 : 1), 0);
}

/** How many luma samples along a patch's border are not the body's. */
function changedAtBorder(body: Uint8Array, { rect, data }: FacePatch): number {
  const across = Array.from({ length: rect.width }, (_, x) => [[x, 0] as const, [x, rect.height - 1] as const]);
  const down = Array.from({ length: rect.height }, (_, y) => [[0, y] as const, [rect.width - 1, y] as const]);
  const own = (x: number, y: number) => body[(rect.y + y) * faceSize.width + rect.x + x];
  return [...across, ...down].flat().filter(([x, y]) => data[y * rect.width + x] !== own(x, y)).length;
}

/** The sum of all distances of two pictures' bytes. */
function differenceOf(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((sum, value, at) => sum + Math.abs(value - b[at]!), 0);
}

describe('a clip whose person talks', () => {
  it('shows its own teeth as it is, which makes the tests below worth something', () => {
    for (const [pose, openPx] of CLIP_OPENINGS_PX.entries()) {
      if (openPx >= 4) expect(teethIn(clip.bodies[pose]!, pose)).toBeGreaterThan(20);
      if (openPx === 0) expect(teethIn(clip.bodies[pose]!, pose)).toBe(0);
    }
  });

  it('has its mouth shut in silence, in every frame', () => {
    for (const pose of CLIP_OPENINGS_PX.keys()) {
      const frame = pasted(clip.bodies[pose]!, avatar.draw(weightsOf({}), pose, pose));
      // Lips overlap by a hair.
      expect(avatar.lipGapPx, `frame ${pose}`).toBeLessThan(0.35);
      expect(teethIn(frame, pose), `frame ${pose}`).toBe(0);
    }
  });

  it('is its body bit for bit where nobody talks anyway', () => {
    for (const pose of CALM_FRAMES) {
      const patch = avatar.draw(weightsOf({}), pose, pose);
      expect(changedBytes(pasted(clip.bodies[pose]!, patch), clip.bodies[pose]!)).toBe(0);
      expect(fields.frames[pose * FRAME_NUMBERS + FrameNumber.shut]).toBe(0);
    }
  });

  it('opens its mouth as far as it is told, however far the source has opened it', () => {
    for (const open of [0.3, 0.6, 1]) {
      const gaps = [...CLIP_OPENINGS_PX.keys()].map((pose) => {
        avatar.draw(weightsOf({ open }), pose, pose);
        return avatar.lipGapPx;
      });
      // The source's own opening of 10 px would show at once.
      expect(Math.max(...gaps) - Math.min(...gaps)).toBeLessThan(1.2);
      expect(Math.min(...gaps)).toBeGreaterThan(open * 12);
    }
  });

  it('moves the mouth only: no head, no lids, and no second shutting', () => {
    const plain = weightsOf({ open: 0.5, wide: 0.4 });
    const lively = weightsOf({
      open: 0.5,
      wide: 0.4,
      headX: 0.2,
      roll: 0.1,
      blinkRight: 1,
      gazeX: 1,
      brow: 1,
      close: 1,
    });
    for (const pose of [2, 11, 20]) {
      const expected = pasted(clip.bodies[pose]!, avatar.draw(plain, pose, 0));
      expect(changedBytes(pasted(clip.bodies[pose]!, avatar.draw(lively, pose, 0)), expected)).toBe(0);
    }
  });

  it('equals the body along the whole border of the patch, whatever the weights and the frame', () => {
    const random = seededRandom(3);
    for (let round = 0; round < 40; round++) {
      const pose = Math.floor(random() * clip.bodies.length);
      const weights = new Float32Array(WEIGHT_COUNT).map(() => random());
      const patch = avatar.draw(weights, pose, round);
      expect(changedAtBorder(clip.bodies[pose]!, patch), `frame ${pose}`).toBe(0);
    }
  });

  it('changes no more from frame to frame in silence than the sway alone would', () => {
    const shown = clip.bodies.map((body, pose) => pasted(body, avatar.draw(weightsOf({}), pose, pose)));
    const mute = drawClip(CLIP_OPENINGS_PX.map(() => 0));
    const step = (frames: readonly Uint8Array[], pose: number) => differenceOf(frames[pose]!, frames[pose + 1]!);
    for (let pose = 8; pose < 18; pose++) {
      const talking = step(clip.bodies, pose);
      const quiet = step(mute.bodies, pose);
      // Of what the talking mouth changes, less than half comes through: rounding, and the line that is painted.
      expect(step(shown, pose) - quiet, `frame ${pose}`).toBeLessThan(0.4 * (talking - quiet) + 1500);
    }
  });

  it('has nothing to shut where the mouth is always shut', async () => {
    const quiet = drawClip([0, 0, 0]);
    const calm = await prepareFields(quiet.face, signal);
    expect(calm.shut.every((steps) => steps === 0)).toBe(true);
  });

  it('leaves frames that are shown as they are alone, and comes to them without a jump', async () => {
    const passthrough = [11, 12];
    const half = drawClip(CLIP_OPENINGS_PX, passthrough);
    let asked: number[] = [];
    const face = {
      ...half.face,
      pixels: async (frame: number) => {
        asked = [...asked, frame];
        return await half.face.pixels(frame);
      },
    };
    const some = await prepareFields(face, signal);
    expect(asked).not.toContain(11);
    const drives = Array.from(
      { length: some.frameCount },
      (_, at) => some.frames[at * FRAME_NUMBERS + FrameNumber.drive]!,
    );
    expect(drives.slice(11, 13)).toEqual([0, 0]);
    expect(drives[10]).toBeLessThan(0.2);
    expect(drives[17]).toBe(1);
    const puppet = PuppetAvatar.fromPictures('half', 1, some, half.bodies);
    const patch = puppet.draw(weightsOf({ open: 1 }), 11, 0);
    expect(changedBytes(pasted(half.bodies[11]!, patch), half.bodies[11]!)).toBe(0);
  });

  it('stops preparing when it is told to', async () => {
    const stop = new AbortController();
    const face = {
      ...clip.face,
      pixels: async (frame: number) => {
        if (frame === 5) stop.abort(new Error('enough'));
        return await clip.face.pixels(frame);
      },
    };
    await expect(prepareFields(face, stop.signal)).rejects.toThrow('enough');
  });
});

describe('the frames of a clip on disk', () => {
  it('are drawn like the same frames in memory, to and fro, whichever was fetched ahead', async () => {
    const puppet = await PuppetAvatar.open(ref, 1);
    const weights = weightsOf({ open: 0.6 });
    for (const pose of [0, 1, 2, 3, 9, 10, 11, 27, 26, 25, 1]) {
      await puppet.arrived();
      const patch = puppet.draw(weights, pose, pose);
      puppet.fetchNext();
      const expected = avatar.draw(weights, pose, pose);
      expect(patch.rect).toEqual(expected.rect);
      expect(differenceOf(patch.data, expected.data)).toBeLessThan(patch.data.length * 0.002);
    }
    await puppet[Symbol.asyncDispose]();
  });

  it('carry a matte along that follows the chin', async () => {
    const pixels = faceSize.width * faceSize.height;
    const chinY = Math.round(clip.landmarks[0]![POINT.chin * 3 + 1]!);
    // The person ends at the chin: an opening mouth must push that edge down.
    const alpha = new Uint8Array(pixels).map((_, at) => (at < chinY * faceSize.width ? 255 : 0));
    const alphaPath = join(folder, 'written.alpha');
    await writeFile(alphaPath, Buffer.concat(clip.bodies.map(() => alpha)));
    const puppet = await PuppetAvatar.open({ ...ref, alphaPath }, 1);
    const [middleX] = [Math.round(clip.landmarks[0]![POINT.chin * 3]!)];
    const edgeOf = (open: number) => {
      const { rect, alpha: matte } = puppet.draw(weightsOf({ open }), 0, 0);
      expect(matte).toHaveLength(rect.width * rect.height);
      let sum = 0;
      for (let row = 0; row < rect.height; row++) sum += matte![row * rect.width + middleX - rect.x]! / 255;
      return rect.y + sum;
    };
    expect(edgeOf(0.01)).toBeCloseTo(chinY, 0);
    expect(edgeOf(1) - edgeOf(0.01)).toBeGreaterThan(3);
    await puppet[Symbol.asyncDispose]();
    expect(avatar.draw(weightsOf({ open: 1 }), 0, 0).alpha).toBeUndefined();
  });

  it('take no more memory the more there are', async () => {
    const openings = Array.from({ length: 120 }, (_, frame) => CLIP_OPENINGS_PX[frame % CLIP_OPENINGS_PX.length]!);
    const repeated = openings.map((_, frame) => clip.bodies[frame % clip.bodies.length]!);
    const many = (numbers: PuppetFields['positions'] | PuppetFields['shut'] | PuppetFields['frames'], length: number) =>
      openings.flatMap((_, frame) => {
        const from = (frame % clip.bodies.length) * length;
        return [...numbers.subarray(from, from + length)];
      });
    const length = fields.positions.length / fields.frameCount;
    const long: PuppetFields = {
      ...fields,
      frameCount: openings.length,
      positions: Uint16Array.from(many(fields.positions, length)),
      shut: Int16Array.from(many(fields.shut, length)),
      frames: Float32Array.from(many(fields.frames, FRAME_NUMBERS)),
    };
    const longRef = await writeClip('long', long, repeated);
    const grown = async (of: AvatarRef) => {
      const before = process.memoryUsage().arrayBuffers;
      const puppet = await PuppetAvatar.open(of, 1);
      for (let pose = 0; pose < of.manifest.frameCount; pose++) {
        await puppet.arrived();
        puppet.draw(weightsOf({ open: 0.5 }), pose, pose);
        puppet.fetchNext();
      }
      const after = process.memoryUsage().arrayBuffers;
      await puppet[Symbol.asyncDispose]();
      return after - before;
    };
    const [few, all] = [await grown(ref), await grown(longRef)];
    // 92 more frames of 345,600 bytes would be 32 MB; mesh and moves are 6 kB a frame, three times while being unpacked.
    expect(all - few).toBeLessThan(92 * 6100 * 3.5);
  });

  it('are refused when they are not as long as they should be, and told of when they shrink while live', async () => {
    const short = { ...ref, bodyPath: join(folder, 'short.i420') };
    await writeFile(short.bodyPath, Buffer.concat(clip.bodies.slice(1)));
    await expect(PuppetAvatar.open(short, 1)).rejects.toMatchObject({ code: 'PUPPET_BODY_BROKEN' });
    await writeFile(short.bodyPath, Buffer.concat(clip.bodies));
    const puppet = await PuppetAvatar.open(short, 1);
    await truncate(short.bodyPath, 5 * clip.bodies[0]!.length);
    expect(() => puppet.draw(weightsOf({}), 20, 0)).toThrow(expect.objectContaining({ code: 'PUPPET_BODY_BROKEN' }));
    await puppet[Symbol.asyncDispose]();
    await puppet[Symbol.asyncDispose]();
  });

  it('are drawn by the engine without life of its own, and let go of when it is unloaded', async () => {
    const listener = { lookAheadSeconds: 0.04, reset: () => {}, push: () => {} };
    const engine = new PuppetEngine(listener, {});
    await engine.load(ref);
    const heard: Heard = { frame: 0, speaking: false, openness: 0, width: 0, closure: 0, data: new Float32Array(10) };
    for (const index of CALM_FRAMES) {
      const patch = await engine.draw(heard, { avatarId: 'written', index, frame: 1000 + index });
      expect(changedBytes(pasted(clip.bodies[index]!, patch), clip.bodies[index]!)).toBe(0);
    }
    await engine.unload('written');
    await expect(engine.draw(heard, { avatarId: 'written', index: 0, frame: 1 })).rejects.toMatchObject({
      code: 'AVATAR_NOT_LOADED',
    });
    await engine[Symbol.asyncDispose]();
  });
});
