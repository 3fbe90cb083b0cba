import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AvatarRef } from '../../../src/api/avatar.ts';
import type { Heard, Sound } from '../../../src/api/media.ts';
import { type MouthListener, PuppetEngine } from '../../../src/plugins/puppet/face-engine.ts';
import { encodeFields } from '../../../src/plugins/puppet/fields-file.ts';
import { type MouthShape, VISEMES } from '../../../src/plugins/puppet/mouth-net.ts';
import { FIELDS_PATH } from '../../../src/plugins/puppet/prepare.ts';
import { faceLandmarks, faceSize, fieldsOf, paintFace, toI420 } from './drawn-face.ts';

/** Hears loudness: enough to see which sound arrived, when, and that nothing arrives twice. */
class LoudnessListener implements MouthListener {
  readonly lookAheadSeconds = 0.04;
  readonly heard: number[] = [];
  resets = 0;
  #position = 0;
  #hop = 0;
  #samples: number[] = [];

  reset(): void {
    this.resets++;
    this.#position = this.#hop = 0;
    this.#samples = [];
  }

  push(samples: Float32Array, onShape: (shape: MouthShape) => void): void {
    this.heard.push(...samples);
    this.#samples.push(...samples);
    this.#position += samples.length;
    // As the real one: 25 ms windows, 10 ms hops, four hops of look-ahead.
    while (this.#hop * 160 + 400 + 640 <= this.#position) {
      const window = this.#samples.slice(this.#hop * 160, this.#hop * 160 + 400);
      const loud = Math.max(...window.map(Math.abs));
      const visemes = Float32Array.from(VISEMES, (name) => (name === (loud > 0.1 ? 'aa' : 'sil') ? 1 : 0));
      const timeSeconds = (this.#hop * 160 + 200) / 16_000;
      onShape({ timeSeconds, openness: loud, width: 0, closure: 0, speech: loud > 0.1 ? 1 : 0, visemes });
      this.#hop++;
    }
  }
}

/** The stretch around a frame that the engine asks for, cut from an endless sound. */
function soundAt(engine: PuppetEngine, frame: number, sample: (at: number) => number): Sound {
  const start = Math.round(frame * 640 - engine.context.before * 16_000);
  const end = Math.round((frame + 1) * 640 + engine.context.after * 16_000);
  return { frame, start, samples: Float32Array.from({ length: end - start }, (_, index) => sample(start + index)) };
}

const silence: Heard = { frame: 0, speaking: false, openness: 0, width: 0, closure: 0, data: new Float32Array(0) };

describe('what the puppet engine hears', () => {
  it('asks for the look-ahead, half a window and no more after a frame', () => {
    const { context } = new PuppetEngine(new LoudnessListener(), {});
    expect(context.before).toBeGreaterThanOrEqual(0.2);
    expect(context.after).toBeCloseTo(0.04 + 0.0125 - 0.0175, 6);
  });

  it('gives the network every sample exactly once although stretches overlap, and when frames are left out', async () => {
    const net = new LoudnessListener();
    const engine = new PuppetEngine(net, {});
    const ramp = (at: number) => at / 1e6;
    for (const frame of [0, 1, 2, 5, 6, 11, 12]) await engine.hear(soundAt(engine, frame, ramp));
    const first = net.heard[0]!;
    net.heard.forEach((value, index) => {
      if (Math.abs(value - (first + index / 1e6)) > 1e-7) throw new Error(`sample ${index} is ${value}`);
    });
    expect(net.heard.length).toBe(Math.round(13 * 640 + (engine.context.after + engine.context.before) * 16_000));
    expect(net.resets).toBe(1);
  });

  it('starts afresh after a gap and after a step back', async () => {
    const net = new LoudnessListener();
    const engine = new PuppetEngine(net, {});
    await engine.hear(soundAt(engine, 0, () => 0.5));
    await engine.hear(soundAt(engine, 500, () => 0.5));
    expect(net.resets).toBe(2);
    await engine.hear(soundAt(engine, 3, () => 0));
    expect(net.resets).toBe(3);
    const heard = await engine.hear(soundAt(engine, 4, () => 0));
    expect(heard).toMatchObject({ frame: 4, speaking: false, openness: 0 });
  });

  it('opens the mouth in the very frame a sound begins and shuts it exactly when it is over', async () => {
    const engine = new PuppetEngine(new LoudnessListener(), {});
    const speech = (at: number) => (at >= 20 * 640 && at < 40 * 640 ? 0.7 : 0);
    const openness: number[] = [];
    for (let frame = 0; frame < 60; frame++)
      openness.push((await engine.hear(soundAt(engine, frame, speech))).openness);
    expect(openness.slice(0, 19).every((value) => value === 0)).toBe(true);
    expect(openness[20]).toBeGreaterThan(0.1);
    expect(openness[21]).toBeGreaterThan(0.6);
    expect(openness.slice(46).every((value) => value === 0)).toBe(true);
  });
});

describe('the avatars the puppet engine holds', () => {
  let root: string;
  const refs: AvatarRef[] = [];

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'musecam-puppet-'));
    for (const [id, shade] of [
      ['light', 1],
      ['dark', 0.6],
    ] as const) {
      refs.push(await writeAvatar(join(root, id), id, shade));
    }
  });
  afterAll(() => rm(root, { recursive: true, force: true }));

  async function writeAvatar(folder: string, id: string, shade: number): Promise<AvatarRef> {
    await mkdir(join(folder, 'puppet'), { recursive: true });
    const rgb = paintFace(faceLandmarks()).map((value) => value * shade);
    const bodyPath = join(folder, 'body.i420');
    await writeFile(bodyPath, toI420(rgb));
    await writeFile(join(folder, FIELDS_PATH), await encodeFields(await fieldsOf(rgb)));
    const manifest = { ...faceSize, id, frameCount: 1, body: [] } as unknown as AvatarRef['manifest'];
    return { id, folder, manifest, bodyPath };
  }

  it('draws whichever of several resident avatars it is asked for, call by call', async () => {
    const engine = new PuppetEngine(new LoudnessListener(), { 'puppet.idle': 0 });
    for (const ref of refs) await engine.load(ref);
    const middle = async (avatarId: string) => {
      const heard = { ...silence, data: Float32Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0]) };
      const patch = await engine.draw(heard, { avatarId, index: 0, frame: 3 });
      expect(patch).toMatchObject({ avatarId, frame: 3, format: 'i420' });
      return patch.data[0]!;
    };
    const light = await middle('light');
    const dark = await middle('dark');
    expect(dark).toBeLessThan(light - 20);
    expect(await middle('light')).toBe(light);
    await engine.unload('dark');
    await expect(middle('dark')).rejects.toMatchObject({ code: 'AVATAR_NOT_LOADED' });
    await engine[Symbol.asyncDispose]();
  });

  it('adds life to a still picture only as far as the setting says', async () => {
    const areas: number[] = [];
    for (const idle of [0, 1]) {
      const engine = new PuppetEngine(new LoudnessListener(), { 'puppet.idle': idle });
      await engine.load(refs[0]!);
      const { rect } = await engine.draw(silence, { avatarId: 'light', index: 0, frame: 200 });
      areas.push(rect.width * rect.height);
    }
    expect(areas[0]).toBeLessThan(100);
    expect(areas[1]).toBeGreaterThan(10_000);
  });

  it('gives the same avatar the same teeth and rhythm before any background', async () => {
    const [plain] = refs;
    const blurred = { ...plain!, id: 'light@blur' };
    const engine = new PuppetEngine(new LoudnessListener(), {});
    await engine.load(plain!);
    await engine.load(blurred);
    const speech = { ...silence, openness: 0.7, data: Float32Array.from([0.7, 0, 0, 0, 0, 0, 0, 1, 0, 0]) };
    const draw = async (avatarId: string) => {
      const { rect, data } = await engine.draw(speech, { avatarId, index: 0, frame: 77 });
      return { rect, data: data.slice() };
    };
    expect(await draw('light@blur')).toEqual(await draw('light'));
    await engine[Symbol.asyncDispose]();
  });

  it('refuses an avatar whose fields or body are missing or broken, with the way out', async () => {
    const engine = new PuppetEngine(new LoudnessListener(), {});
    const bare = { ...refs[0]!, id: 'bare', folder: join(root, 'nowhere') };
    await expect(engine.load(bare)).rejects.toMatchObject({
      code: 'PUPPET_FIELDS_BROKEN',
      fix: expect.stringContaining('prepare'),
    });
    const broken = await writeAvatar(join(root, 'broken'), 'broken', 1);
    await truncate(broken.bodyPath, 1000);
    await expect(engine.load(broken)).rejects.toMatchObject({
      code: 'PUPPET_BODY_BROKEN',
      message: expect.stringContaining('1000 bytes'),
    });
    await rm(broken.bodyPath);
    await expect(engine.load(broken)).rejects.toMatchObject({ code: 'PUPPET_BODY_BROKEN' });
    await truncate(join(broken.folder, FIELDS_PATH), 50_000_000);
    await expect(engine.load(broken)).rejects.toMatchObject({
      code: 'PUPPET_FIELDS_BROKEN',
      cause: expect.objectContaining({ message: expect.stringContaining('50000000 bytes') }),
    });
  });
});
