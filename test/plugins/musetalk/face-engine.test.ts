import { describe, expect, it } from 'vitest';
import type { EngineReport } from '../../../src/api/status.ts';
import { silentLog } from '../../../src/base/log.ts';
import type { HeardFrame } from '../../../src/plugins/musetalk/ears.ts';
import { MusetalkEngine, type MusetalkParts } from '../../../src/plugins/musetalk/face-engine.ts';
import type { Decoder, MadeFaces } from '../../../src/plugins/musetalk/face-networks.ts';
import { QualityLadder } from '../../../src/plugins/musetalk/quality-ladder.ts';
import type { PaintOptions, Resident } from '../../../src/plugins/musetalk/resident.ts';
import { readMusetalkSettings } from '../../../src/plugins/musetalk/settings.ts';
import { SmallAvatar } from './small-avatar.ts';

const CHANNELS = 2;
const TOKENS = 50 * CHANNELS;

/** Faces with a number: which frame's sound they were made from, and which latents. */
interface NumberedFaces extends MadeFaces {
  readonly frames: readonly number[];
  readonly indices: readonly number[];
  isDisposed: boolean;
}

/** A machine whose networks and memory only take notes. */
class Stage {
  readonly made: { frames: readonly number[]; indices: readonly number[]; decoder: Decoder }[] = [];
  readonly painted: { index: number; frame: number; other?: number; mix: number; gain: number }[] = [];
  readonly reports: EngineReport[] = [];
  readonly faces: NumberedFaces[] = [];
  readonly opened: string[] = [];
  readonly closed: string[] = [];
  readonly counts: number[] = [];
  gain = 1;
  makeMs = 0;
  readonly engine: MusetalkEngine;
  #indices: readonly number[] = [];

  constructor(ladder: QualityLadder, settings: Record<string, unknown> = {}, isLive = true) {
    const parts: MusetalkParts = {
      ears: { context: { before: 2, after: 0.1225 }, hear: async ({ frame }, count) => this.#hear(frame, count ?? 1) },
      networks: {
        ...{ provider: 'webgpu', precision: 'float16', attention: 'fused', channels: CHANNELS, bytes: 1000 },
        make: (_latents, audio, decoder) => this.#make(audio, decoder),
      },
      ladder,
      open: async (ref, bytesLeft) => this.#open(ref.id, bytesLeft),
      settings: readMusetalkSettings(settings),
      options: { isLive, log: silentLog, onReport: (report) => void this.reports.push(report) },
      owned: { [Symbol.asyncDispose]: async () => void this.closed.push('networks') },
    };
    this.engine = new MusetalkEngine(parts);
  }

  /** Hears and draws one frame of an avatar. */
  async show(frame: number, index: number, avatarId = 'small') {
    const sound = { frame, start: frame * 640, samples: new Float32Array(640) };
    const heard = await this.engine.hear(sound);
    return this.engine.draw(heard, { avatarId, index, frame });
  }

  #hear(frame: number, count: number): HeardFrame {
    this.counts.push(count);
    const voice = { speaking: this.gain > 0, gain: this.gain, openness: 0.5 };
    const tokens = Float32Array.from({ length: count * TOKENS }, (_, i) => frame + Math.floor(i / TOKENS));
    return { ...voice, tokens: this.gain > 0 && count > 0 ? tokens : undefined };
  }

  async #make(audio: Float32Array, decoder: Decoder): Promise<MadeFaces> {
    if (this.makeMs > 0) await new Promise((resolve) => setTimeout(resolve, this.makeMs));
    const count = audio.length / TOKENS;
    const frames = Array.from({ length: count }, (_, at) => audio[at * TOKENS]!);
    const faces: NumberedFaces = {
      ...{ count, frames, indices: this.#indices, isDisposed: false },
      [Symbol.dispose]() {
        expect(faces.isDisposed).toBe(false);
        faces.isDisposed = true;
      },
    };
    this.faces.push(faces);
    this.made.push({ frames, indices: this.#indices, decoder });
    return faces;
  }

  #open(id: string, bytesLeft: number): Resident {
    this.opened.push(`${id} ${bytesLeft}`);
    const frameOf = (shot: PaintOptions['shot']) => {
      const faces = shot.faces as NumberedFaces;
      expect(faces.isDisposed).toBe(false);
      return faces.frames[shot.at]!;
    };
    return {
      ...{ place: 'gpu', bytes: 400, wanted: 'tensor' },
      latentsAt: async (indices) => {
        this.#indices = indices;
        return { location: 'cpu' } as never;
      },
      paint: async ({ index, shot, other, mix = 0, gain }) => {
        const more = other ? { other: frameOf(other) } : {};
        this.painted.push({ index, frame: frameOf(shot), ...more, mix, gain });
        return { rect: { x: 2, y: 4, width: 8, height: 8 }, data: new Uint8Array(96) };
      },
      [Symbol.asyncDispose]: async () => void this.closed.push(id),
    };
  }

  /** Faces whose memory nobody has given back. */
  get held(): number {
    return this.faces.filter(({ isDisposed }) => !isDisposed).length;
  }
}

const quick = () => new QualityLadder({ faceMs: { full: 10, tiny: 5 } });

async function stageWith(stage: Stage, avatar: SmallAvatar): Promise<Stage> {
  await stage.engine.load(avatar.ref);
  // What warming up did is nobody's business.
  stage.made.length = 0;
  stage.painted.length = 0;
  return stage;
}

describe('the MuseTalk engine', () => {
  it('makes each face from its own sound and its own latents', async () => {
    await using avatar = await SmallAvatar.open();
    const stage = await stageWith(new Stage(quick()), avatar);
    for (const [frame, index] of [0, 1, 2, 3, 2, 1].entries()) {
      const patch = await stage.show(frame, index);
      expect(patch).toMatchObject({ frame, avatarId: 'small', format: 'i420', rect: { x: 2, y: 4 } });
    }
    expect(stage.made.map(({ frames }) => frames[0])).toEqual([0, 1, 2, 3, 4, 5]);
    expect(stage.made.map(({ indices }) => indices[0])).toEqual([0, 1, 2, 3, 2, 1]);
    expect(stage.painted.map(({ index }) => index)).toEqual([0, 1, 2, 3, 2, 1]);
  });

  it('runs nothing in silence and shows the body as it is', async () => {
    await using avatar = await SmallAvatar.open();
    const stage = await stageWith(new Stage(quick()), avatar);
    stage.gain = 0;
    for (let frame = 0; frame < 5; frame++) expect(await stage.show(frame, 0)).toBeUndefined();
    expect(stage.made).toEqual([]);
    expect(stage.painted).toEqual([]);
    stage.gain = 0.5;
    expect(await stage.show(5, 0)).toBeDefined();
    expect(stage.painted).toMatchObject([{ gain: 0.5 }]);
  });

  it('makes two faces in one run where that was asked for, each for its own pose', async () => {
    await using avatar = await SmallAvatar.open();
    const stage = await stageWith(new Stage(quick(), { 'musetalk.hop': 2 }), avatar);
    for (const [frame, index] of [0, 1, 2, 3].entries()) await stage.show(frame, index);
    expect(stage.made).toMatchObject([
      { frames: [0, 1], indices: [0, 1] },
      { frames: [2, 3], indices: [2, 3] },
    ]);
    expect(stage.counts).toEqual([2, 0, 2, 0]);
    expect(stage.painted.map(({ frame }) => frame)).toEqual([0, 1, 2, 3]);
  });

  it('makes every second face on a slow GPU and shows the mean of its neighbours between', async () => {
    await using avatar = await SmallAvatar.open();
    const ladder = new QualityLadder({ faceMs: { full: 90, tiny: 55 } });
    const stage = await stageWith(new Stage(ladder), avatar);
    for (const [frame, index] of [0, 1, 2, 3, 2].entries()) await stage.show(frame, index);
    expect(stage.made).toMatchObject([
      { frames: [0], indices: [0], decoder: 'tiny' },
      { frames: [2], indices: [2] },
      { frames: [4], indices: [2] },
    ]);
    expect(stage.painted).toMatchObject([
      { index: 0, frame: 0 },
      { index: 1, frame: 2, other: 0, mix: 0.5 },
      { index: 2, frame: 2, mix: 0 },
      { index: 3, frame: 4, other: 2, mix: 0.5 },
      { index: 2, frame: 4 },
    ]);
    // Nothing is heard twice: the second of a pair came with the first.
    expect(stage.counts).toEqual([1, 2, 0, 2, 0]);
  });

  it('makes no face ahead for a frame that is shown as it is', async () => {
    await using avatar = await SmallAvatar.open(6, 'loop');
    avatar.ref.manifest.passthrough.push(2);
    const stage = await stageWith(new Stage(new QualityLadder({ faceMs: { full: 90, tiny: 55 } })), avatar);
    for (const frame of [0, 1, 3, 4]) await stage.show(frame, frame);
    expect(stage.made.map(({ indices }) => indices[0])).toEqual([0, 1, 4]);
  });

  it('gives the memory of every face back', async () => {
    await using avatar = await SmallAvatar.open();
    const stage = await stageWith(new Stage(quick()), avatar);
    for (let frame = 0; frame < 20; frame++) await stage.show(frame, 0);
    expect(stage.held).toBeLessThanOrEqual(2);
    await stage.engine[Symbol.asyncDispose]();
    expect(stage.held).toBe(0);
    expect(stage.closed).toEqual(['small', 'networks']);
  });

  it('swaps avatars between two frames, with faces of the new one only', async () => {
    await using first = await SmallAvatar.open();
    await using second = await SmallAvatar.open(1, 'still', 'second');
    const stage = await stageWith(new Stage(quick(), { 'musetalk.hop': 2 }), first);
    await stage.engine.load(second.ref);
    stage.made.length = 0;
    await stage.show(0, 0);
    await stage.show(1, 0, 'second');
    // The face of frame 1 was ready, but for the other avatar; what was heard for it is used again.
    expect(stage.made).toMatchObject([
      { frames: [0, 1], indices: [0, 1] },
      { frames: [1], indices: [0] },
    ]);
  });

  it('tells what it runs on, what it holds, and when it cannot keep up', async () => {
    await using avatar = await SmallAvatar.open();
    const stage = await stageWith(new Stage(new QualityLadder({ faceMs: { full: 30 } })), avatar);
    expect(stage.reports.at(-1)).toMatchObject({
      detail: 'WebGPU, half precision',
      keepsUp: true,
      networkBytes: 1000,
      residents: [{ avatarId: 'small', bytes: 400, place: 'gpu' }],
    });
    stage.makeMs = 90;
    for (let frame = 0; frame < 130 && stage.reports.at(-1)!.keepsUp; frame++) await stage.show(frame, 0);
    expect(stage.reports.map(({ detail }) => detail)).toContain(
      'WebGPU, half precision, a face for every second frame',
    );
    expect(stage.reports.at(-1)).toMatchObject({ keepsUp: false, fix: expect.stringContaining('--engine puppet') });
    await stage.engine[Symbol.asyncDispose]();
  });

  it('lets the last face of the old quality fade out after a step', async () => {
    await using avatar = await SmallAvatar.open();
    const stage = await stageWith(new Stage(new QualityLadder({ faceMs: { full: 30, tiny: 20 } })), avatar);
    stage.makeMs = 65;
    let frame = 0;
    for (; !stage.reports.at(-1)!.detail.includes('small'); frame++) await stage.show(frame, 0);
    stage.makeMs = 0;
    stage.painted.length = 0;
    for (let more = 0; more < 5; more++) await stage.show(frame + more, 0);
    expect(stage.painted.map(({ mix }) => mix)).toEqual([0.75, 0.5, 0.25, 0, 0]);
    expect(stage.painted[0]!.other).toBe(frame - 1);
    expect(stage.held).toBeLessThanOrEqual(3);
  });

  it('refuses to draw an avatar that it does not hold', async () => {
    const stage = new Stage(quick());
    await expect(stage.show(0, 0, 'nobody')).rejects.toMatchObject({ code: 'AVATAR_NOT_LOADED' });
  });

  it('leaves a frame alone that was heard by an earlier process', async () => {
    await using avatar = await SmallAvatar.open();
    const stage = await stageWith(new Stage(quick()), avatar);
    const heard = { ...{ frame: 7, speaking: true, openness: 1, width: 0, closure: 0 }, data: Float32Array.of(1) };
    expect(await stage.engine.draw(heard, { avatarId: 'small', index: 0, frame: 7 })).toBeUndefined();
  });

  it('gives avatars the GPU memory that those before have left', async () => {
    await using first = await SmallAvatar.open();
    await using second = await SmallAvatar.open(1, 'still', 'second');
    const stage = new Stage(quick(), { 'musetalk.gpuMegabytes': 1 });
    await stage.engine.load(first.ref);
    await stage.engine.load(second.ref);
    expect(stage.opened).toEqual(['small 1000000', 'second 999600']);
    await stage.engine.unload('small');
    expect(stage.closed).toEqual(['small']);
  });
});
