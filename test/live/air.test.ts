import { describe, expect, it } from 'vitest';
import type { OpenVideoOutput } from '../../src/api/contributions.ts';
import type { FacePatch, PoseRef, VideoFrame } from '../../src/api/media.ts';
import { Air } from '../../src/live/air.ts';
import { Clock } from '../../src/live/clock.ts';
import { CrossFade } from '../../src/live/cross-fade.ts';
import type { DrawnFace, HeardFace } from '../../src/live/face.ts';
import { FramePool } from '../../src/live/frame-pool.ts';
import { Lane } from '../../src/live/lane.ts';
import { Meter } from '../../src/live/meter.ts';
import { Pacer } from '../../src/live/pacer.ts';
import { Painter, type ShowAvatar } from '../../src/live/painter.ts';
import { cutIn, type LiveStage, type MadeFrame, putOn } from '../../src/live/show.ts';
import { Tape } from '../../src/live/tape.ts';
import { settle } from '../fakes/fake-time.ts';

const size = { width: 32, height: 32 };
const HEARD: HeardFace = {
  ...{ engineId: 'fake.face', frame: 7, speaking: true, openness: 1, width: 0, closure: 0 },
  data: new Float32Array(0),
};

function greyAvatar(id: string, brightness: number): ShowAvatar {
  const body = new Uint8Array(32 * 32 * 1.5).fill(brightness);
  const faceBox = { x: 8, y: 8, width: 16, height: 16 };
  const mask = new Uint8Array(256).fill(255);
  const readBody = (target: Uint8Array) => target.set(body);
  return { id, ...size, isStill: true, pose: () => ({ index: 0, isPassthrough: false, readBody, faceBox, mask }) };
}
const [one, two, three] = [greyAvatar('one', 50), greyAvatar('two', 90), greyAvatar('three', 120)];

interface Seen {
  readonly index: number;
  readonly capturedAtMs: number;
  readonly isBetween: boolean | undefined;
  readonly body: number;
  readonly centre: number;
}

function watcher(takesBetween: boolean, seen: Seen[]): OpenVideoOutput {
  return {
    ...{ label: 'watcher', wantsSound: false, takesBetween },
    async send({ index, capturedAtMs, isBetween, data }: VideoFrame) {
      seen.push({ index, capturedAtMs, isBetween, body: data[0]!, centre: data[16 * 32 + 16]! });
    },
    async [Symbol.asyncDispose]() {},
  };
}

/** The face of an avatar: 100 brighter than its body. */
function patchOf({ avatarId, frame }: PoseRef): FacePatch {
  const rect = { x: 8, y: 8, width: 16, height: 16 };
  const bright = { one: 150, two: 190, three: 220 }[avatarId]!;
  return { frame, avatarId, rect, format: 'i420', size: rect, data: new Uint8Array(16 * 16 * 1.5).fill(bright) };
}

/** Air with avatar one on it, and the frames that a test makes. */
class AirStand implements AsyncDisposable {
  readonly drawn: PoseRef[] = [];
  readonly failures: unknown[] = [];
  /** What outputs got that take pictures at any moment, and others. */
  readonly anytime: Seen[] = [];
  readonly atBeats: Seen[] = [];
  readonly stage: LiveStage;
  /** Holds answers of the engine back until it resolves. */
  isAnswering: Promise<unknown> = Promise.resolve();
  air!: Air;
  readonly #pool = new FramePool(size);
  readonly #painter = new Painter(this.#pool);

  private constructor() {
    const draw = async (_heard: HeardFace, pose: PoseRef): Promise<DrawnFace> => {
      this.drawn.push(pose);
      await this.isAnswering;
      return { patch: patchOf(pose) };
    };
    this.stage = {
      ...{ avatar: one, isResting: false, isPanicking: false, tape: new Tape(), painter: this.#painter },
      face: { context: { before: 0, after: 0 }, hear: async () => HEARD, draw },
      lanes: [new Lane('anytime', watcher(true, this.anytime)), new Lane('at beats', watcher(false, this.atBeats))],
      ...{ meter: new Meter(), clock: new Clock(), pacer: new Pacer(), fade: new CrossFade(5) },
      onFailure: (thrown) => this.failures.push(thrown),
      last: {
        ...{ frame: 0, avatarId: 'one', pose: 0, isPassthrough: false, heard: undefined },
        ...{ engineId: undefined, patch: undefined, levelDb: -100 },
      },
    };
  }

  /** With frame 7 of avatar one on air. */
  static async open(): Promise<AirStand> {
    const stand = new AirStand();
    const { stage } = stand;
    stage.fade.frames = 0;
    stand.air = new Air(stage, await stand.#painter.paste(undefined, one.pose(0), one));
    stage.cutNow = () => stand.air.cut();
    expect(await stand.beat(await stand.make(7, one))).toBe(true);
    stage.fade.frames = 5;
    return stand;
  }

  /** A frame as it comes from the workers. */
  async make(frame: number, avatar: ShowAvatar): Promise<MadeFrame> {
    const ref = { avatarId: avatar.id, index: 0, frame };
    const picture = await this.#painter.paste(patchOf(ref), avatar.pose(frame), avatar);
    picture.index = frame;
    picture.capturedAtMs = frame * 40;
    const facts = { frame, avatarId: avatar.id, pose: 0, isPassthrough: false, heard: { ...HEARD, frame } };
    return {
      picture,
      facts: { ...facts, engineId: 'fake.face', patch: undefined, levelDb: -20 },
      [Symbol.dispose]: () => picture[Symbol.dispose](),
    };
  }

  /** What the show does at a beat; whether the frame was shown. */
  async beat(made: MadeFrame | undefined): Promise<boolean> {
    const isFresh = made ? await this.air.put(made) : false;
    for (const lane of this.stage.lanes) lane.offer(this.air.picture);
    await settle();
    return isFresh;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.air[Symbol.asyncDispose]();
    for (const lane of this.stage.lanes) await lane[Symbol.asyncDispose]();
    expect(this.#pool.held).toBe(0);
  }
}

describe('what is on air', () => {
  it('shows an avatar that is cut in between two beats: the same moment, and the mouth of that moment', async () => {
    await using stand = await AirStand.open();
    putOn(stand.stage, two);
    await settle();
    expect(stand.anytime).toHaveLength(1); // it fades, so the frames to come show it
    cutIn(stand.stage);
    await settle();
    expect(stand.drawn).toEqual([{ avatarId: 'two', index: 0, frame: 7 }]);
    expect(stand.anytime.at(-1)).toEqual({ index: 7, capturedAtMs: 280, isBetween: true, body: 90, centre: 190 });
    expect(stand.atBeats).toHaveLength(1);
    expect(stand.stage.last).toMatchObject({ avatarId: 'two', frame: 7, engineId: 'fake.face' });
    await stand.beat(await stand.make(8, two));
    expect(stand.atBeats.at(-1)).toMatchObject({ index: 8, isBetween: false, body: 90 });
    expect(stand.stage.fade.isFading).toBe(false);
  });

  it('where fades take no time every avatar is cut in', async () => {
    await using stand = await AirStand.open();
    stand.stage.fade.frames = 0;
    putOn(stand.stage, two);
    await settle();
    expect(stand.anytime.at(-1)).toMatchObject({ index: 7, body: 90 });
  });

  it('draws frames again that were begun before the cut: none is lost, and the avatar before does not come back', async () => {
    await using stand = await AirStand.open();
    const [begun, next] = [await stand.make(8, one), await stand.make(9, one)];
    putOn(stand.stage, two);
    cutIn(stand.stage);
    await settle();
    expect(await stand.beat(begun)).toBe(true);
    expect(await stand.beat(next)).toBe(true);
    expect(await stand.beat(await stand.make(10, two))).toBe(true);
    expect(stand.atBeats.map(({ index, body, centre }) => [index, body, centre])).toEqual([
      [7, 50, 150],
      [8, 90, 190],
      [9, 90, 190],
      [10, 90, 190],
    ]);
    expect(stand.atBeats.map(({ capturedAtMs }) => capturedAtMs)).toEqual([280, 320, 360, 400]);
  });

  it('an engine that takes its time holds no beat up: such a frame is left out, and nothing is shown twice', async () => {
    await using stand = await AirStand.open();
    let answer = () => {};
    stand.isAnswering = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const begun = await stand.make(8, one);
    putOn(stand.stage, two);
    cutIn(stand.stage);
    await settle();
    expect(await stand.beat(begun)).toBe(false);
    expect(stand.atBeats.at(-1)).toMatchObject({ index: 7, body: 50 });
    expect(await stand.beat(await stand.make(9, two))).toBe(true);
    answer();
    await settle();
    expect(stand.anytime.map(({ index, body }) => [index, body])).toEqual([
      [7, 50],
      [7, 50],
      [9, 90],
    ]);
  });

  it('cuts to nobody who was replaced meanwhile, and in a panic to nobody at all', async () => {
    await using stand = await AirStand.open();
    putOn(stand.stage, two);
    cutIn(stand.stage);
    putOn(stand.stage, three);
    cutIn(stand.stage);
    await settle();
    expect(stand.anytime.map(({ body }) => body)).toEqual([50, 120]);
    stand.stage.isPanicking = true;
    putOn(stand.stage, one);
    cutIn(stand.stage);
    await settle();
    await stand.air.standStill(8);
    await stand.beat(undefined);
    expect(stand.anytime.map(({ body, centre }) => [body, centre])).toEqual([
      [50, 150],
      [120, 220],
      [50, 50],
    ]);
  });

  it('a cut back to what is on air is none, and a swap after it fades as ever', async () => {
    await using stand = await AirStand.open();
    putOn(stand.stage, one);
    cutIn(stand.stage);
    await settle();
    expect(stand.anytime).toHaveLength(1);
    putOn(stand.stage, two);
    await stand.beat(await stand.make(8, one));
    await stand.beat(await stand.make(9, two));
    expect(stand.atBeats.at(-1)!.body).toBeGreaterThan(50);
    expect(stand.atBeats.at(-1)!.body).toBeLessThan(90);
  });

  it('a face that cannot be drawn at once fails alone: the next beat shows the avatar', async () => {
    await using stand = await AirStand.open();
    stand.isAnswering = Promise.reject(new Error('no face'));
    stand.isAnswering.catch(() => {});
    putOn(stand.stage, two);
    cutIn(stand.stage);
    await settle();
    expect(stand.failures).toEqual([new Error('no face')]);
    expect(await stand.beat(await stand.make(8, two))).toBe(true);
    expect(stand.atBeats.at(-1)).toMatchObject({ index: 8, body: 90 });
  });
});
