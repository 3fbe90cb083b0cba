import { describe, expect, it } from 'vitest';
import type { OpenVideoOutput } from '../../src/api/contributions.ts';
import type { AudioChunk, VideoFrame } from '../../src/api/media.ts';
import { silentLog } from '../../src/base/log.ts';
import { findNodeEntry } from '../../src/base/node-entry.ts';
import { Clock } from '../../src/live/clock.ts';
import { CrossFade } from '../../src/live/cross-fade.ts';
import { FaceHost } from '../../src/live/face-host.ts';
import { FaceLadder } from '../../src/live/face-ladder.ts';
import { Feed } from '../../src/live/feed.ts';
import { FramePool } from '../../src/live/frame-pool.ts';
import { Lane } from '../../src/live/lane.ts';
import { Meter } from '../../src/live/meter.ts';
import { Pacer } from '../../src/live/pacer.ts';
import { Painter, type ShowAvatar } from '../../src/live/painter.ts';
import { cutIn, type LiveStage, runShow } from '../../src/live/show.ts';
import { Tape } from '../../src/live/tape.ts';

const size = { width: 32, height: 32 };
/** Brightness of the fake engine's face; bodies are darker. */
const FACE = 200;
/** Brightness of the face of the engine behind it. */
const PLAIN_FACE = 150;

function greyAvatar(id: string, brightness: number): ShowAvatar {
  const body = new Uint8Array(32 * 32 * 1.5).fill(brightness);
  const faceBox = { x: 8, y: 8, width: 16, height: 16 };
  const mask = new Uint8Array(256).fill(255);
  const readBody = (target: Uint8Array) => target.set(body);
  return { id, ...size, isStill: true, pose: () => ({ index: 0, isPassthrough: false, readBody, faceBox, mask }) };
}

interface Seen {
  readonly atMs: number;
  readonly index: number;
  /** Is the face on, or the avatar at rest? */
  readonly hasFace: boolean;
  readonly body: number;
  /** Brightness where the face is. */
  readonly centre: number;
}

/** An output that notes what it is shown. */
function watchingOutput(seen: Seen[]): OpenVideoOutput {
  return {
    label: 'watcher',
    wantsSound: false,
    async send(frame: VideoFrame) {
      const centre = frame.data[16 * 32 + 16]!;
      seen.push({
        atMs: performance.now(),
        index: frame.index,
        hasFace: centre === FACE,
        body: frame.data[0]!,
        centre,
      });
    },
    async [Symbol.asyncDispose]() {},
  };
}

/** A microphone that delivers 10 ms of silence every 10 ms, by an absolute clock. */
async function* steadyMicrophone(signal: AbortSignal): AsyncGenerator<AudioChunk> {
  const begin = performance.now();
  for (let n = 1; !signal.aborted; n++) {
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, begin + n * 10 - performance.now())));
    yield { samples: new Float32Array(160), sampleRateHz: 16_000, capturedAtMs: begin + n * 10 };
  }
}

interface Show {
  readonly stage: LiveStage;
  /** The engine, or the better of two. */
  readonly face: FaceHost;
  readonly ladder: FaceLadder;
  readonly seen: Seen[];
  readonly lanes: Lane[];
}

function openHost(engineId: string, settings: Record<string, unknown>): FaceHost {
  return new FaceHost({
    entry: findNodeEntry(import.meta.url, '../fakes/fake-engine-host'),
    engineId,
    engineTitle: engineId,
    settings,
    log: silentLog,
    isLive: true,
    hungAfterMs: 600,
    openDeadlineMs: 10_000,
  });
}

/** @param settingsBehind of a second engine that draws where the first one cannot; default: there is only one. */
async function withShow(
  settings: Record<string, unknown>,
  act: (show: Show) => Promise<void>,
  settingsBehind?: Record<string, unknown>,
): Promise<void> {
  const abort = new AbortController();
  const seen: Seen[] = [];
  const face = openHost('fake.face', settings);
  await using ladder = new FaceLadder(settingsBehind ? [face, openHost('plain.face', settingsBehind)] : [face]);
  for (const id of ['one', 'two'])
    await ladder.load({ id, folder: '/nowhere', manifest: {} as never, bodyPath: '/nowhere' });
  const tape = new Tape();
  const lanes = [new Lane('watcher', watchingOutput(seen))];
  const avatar = greyAvatar('one', 50);
  const pool = new FramePool(size);
  const stage: LiveStage = {
    avatar,
    isResting: false,
    isPanicking: false,
    tape,
    face: ladder,
    painter: new Painter(pool),
    lanes,
    meter: new Meter(),
    clock: new Clock(),
    pacer: new Pacer(),
    fade: new CrossFade(),
    onFailure: (thrown) => {
      throw thrown;
    },
    last: {
      frame: 0,
      avatarId: 'one',
      pose: 0,
      isPassthrough: false,
      heard: undefined,
      engineId: undefined,
      patch: undefined,
      levelDb: -100,
    },
  };
  const feed = new Feed(tape);
  const running = [
    runShow(stage, abort.signal),
    feed.keepTime(abort.signal),
    feed.follow({ label: 'mic', chunks: steadyMicrophone, async [Symbol.asyncDispose]() {} }, abort.signal),
  ];
  try {
    await act({ stage, face, ladder, seen, lanes });
  } finally {
    abort.abort();
    await Promise.all(running);
    for (const lane of lanes) await lane[Symbol.asyncDispose]();
  }
  expect(pool.held).toBe(0);
}

const until = (check: () => boolean) => expect.poll(check, { timeout: 15_000, interval: 5 }).toBe(true);

describe('the show', () => {
  it('shows the avatar at rest from the first beat, and the face as soon as the engine is there', async () => {
    await withShow({}, async ({ seen }) => {
      await until(() => seen.some(({ hasFace }) => hasFace));
      expect(seen[0]).toMatchObject({ hasFace: false, body: 50 });
    });
  });

  it('shows each frame once and in order', async () => {
    await withShow({}, async ({ seen }) => {
      await until(() => seen.filter(({ hasFace }) => hasFace).length > 60);
      const fresh = seen.filter(({ hasFace }) => hasFace).slice(20);
      const steps = fresh.slice(1).map(({ index }, i) => index - fresh[i]!.index);
      expect(steps.every((step) => step >= 0)).toBe(true);
      // Other programs share the machine, so a few beats may slip; most must be exactly one frame further.
      expect(steps.filter((step) => step === 1).length).toBeGreaterThan(steps.length * 0.8);
    });
  });

  it('holding still shows a photo as it is, and keeps drawing a shut mouth over a clip in which somebody talks', async () => {
    await withShow({}, async ({ seen, stage }) => {
      await until(() => seen.some(({ hasFace }) => hasFace));
      stage.isResting = true;
      await until(() => seen.at(-1)?.hasFace === false);
      stage.avatar = { ...greyAvatar('two', 60), isStill: false };
      await until(() => seen.at(-1)?.body === 60 && seen.at(-1)?.hasFace === true);
    });
  });

  it('engine host killed with -9 under load: output never stops, the avatar is at rest, then the face returns', async () => {
    await withShow({}, async ({ seen, face, stage }) => {
      await until(() => seen.some(({ hasFace }) => hasFace));
      const shownBefore = stage.meter.frames.shown;
      const pid = face.pid!;
      process.kill(pid, 'SIGKILL');
      await until(() => seen.at(-1)?.hasFace === false);
      await until(() => seen.at(-1)?.hasFace === true && face.status.restarts === 1);
      // Every beat of the clock reached the lane: none was lost to the dead engine.
      expect(stage.meter.frames.shown - shownBefore).toBeGreaterThan(3);
      expect(seen.length).toBeGreaterThanOrEqual(stage.meter.frames.shown - 2);
    });
  });

  it('engine host stopped with SIGSTOP: output goes on with the avatar at rest until the host is replaced', async () => {
    await withShow({}, async ({ seen, face, stage }) => {
      await until(() => seen.some(({ hasFace }) => hasFace));
      process.kill(face.pid!, 'SIGSTOP');
      await until(() => seen.at(-1)?.hasFace === false);
      const restingFrom = seen.length;
      await until(() => seen.at(-1)?.hasFace === true);
      expect(seen.slice(restingFrom).filter(({ hasFace }) => !hasFace).length).toBeGreaterThan(5);
      expect(seen.length).toBeGreaterThanOrEqual(stage.meter.frames.shown - 2);
      expect(face.status.restarts).toBe(1);
    });
  });

  it('an engine slower than real time drops late work and keeps showing the newest finished picture', async () => {
    await withShow({ drawMs: 60 }, async ({ seen, stage }) => {
      await until(() => seen.filter(({ hasFace }) => hasFace).length > 50);
      const { frames } = stage.meter;
      expect(frames.dropped).toBeGreaterThan(5);
      expect(frames.repeated).toBeGreaterThan(5);
      const faces = seen.filter(({ hasFace }) => hasFace);
      const behind = stage.tape.end / 640 - faces.at(-1)!.index;
      // Late work would pile up and the lag would grow without end; one draw and a beat or two is all it may be.
      expect(behind).toBeLessThan(12);
    });
  });

  it('a swap of avatar shows on the next frame, and no frame mixes two faces', async () => {
    await withShow({}, async ({ seen, stage }) => {
      await until(() => seen.some(({ hasFace }) => hasFace));
      const two = greyAvatar('two', 90);
      const newest = stage.tape.newestFrame(stage.face.context.after);
      stage.avatar = two;
      await until(() => seen.at(-1)?.body === 90);
      const first = seen.find(({ body }) => body === 90)!;
      // Two frames may have been in work when the swap came.
      expect(first.index - newest).toBeLessThanOrEqual(3);
      expect(seen.slice(seen.indexOf(first)).every(({ body }) => body === 90)).toBe(true);
    });
  });

  it('holds still when asked, whatever is said', async () => {
    await withShow({}, async ({ seen, stage }) => {
      await until(() => seen.at(-1)?.hasFace === true);
      stage.isResting = true;
      await until(() => seen.at(-1)?.hasFace === false);
      stage.isResting = false;
      await until(() => seen.at(-1)?.hasFace === true);
    });
  });

  it('in a panic the next beats show one still picture of the avatar at rest, whoever is put on, and then it goes on', async () => {
    await withShow({}, async ({ seen, stage }) => {
      await until(() => seen.at(-1)?.hasFace === true);
      const beats = stage.meter.frames.shown;
      stage.isPanicking = true;
      await until(() => seen.at(-1)?.hasFace === false);
      // At most the picture that was being handed out, and one that waited for the lane.
      expect(stage.meter.frames.shown - beats).toBeLessThan(25);
      const from = seen.length;
      stage.avatar = greyAvatar('two', 90);
      await until(() => seen.length > from + 10);
      expect(new Set(seen.slice(from).map(({ index, body, hasFace }) => `${index} ${body} ${hasFace}`)).size).toBe(1);
      expect(seen.at(-1)!.body).toBe(50);
      stage.isPanicking = false;
      await until(() => seen.at(-1)?.hasFace === true && seen.at(-1)?.body === 90);
    });
  });

  it('a better engine killed with -9: the next one draws within a few frames, and later the better one again', async () => {
    await withShow(
      {},
      async ({ seen, face, ladder }) => {
        await until(() => seen.at(-1)?.centre === FACE);
        process.kill(face.pid!, 'SIGKILL');
        const killedAt = seen.length;
        await until(() => seen.at(-1)?.centre === PLAIN_FACE);
        const lost = seen.slice(killedAt).findIndex(({ centre }) => centre === PLAIN_FACE);
        // Before the end of the process is noticed a frame or two is given up.
        expect(lost).toBeLessThan(25);
        expect(ladder.status).toMatchObject({ id: 'plain.face', state: 'degraded' });
        const from = seen.length;
        await until(() => seen.at(-1)?.centre === FACE);
        const shown = seen.slice(from);
        const faces = shown.filter(({ centre }) => centre === FACE || centre === PLAIN_FACE);
        // Where this machine is too busy for a call in time, its frame is the avatar at rest, and nothing else.
        expect(shown.filter((one) => !faces.includes(one)).map(({ centre, body }) => centre - body)).toEqual(
          Array(shown.length - faces.length).fill(0),
        );
        expect(faces.length).toBeGreaterThan(shown.length * 0.7);
        expect(ladder.status).toMatchObject({ id: 'fake.face', state: 'ready', restarts: 1 });
      },
      { grey: PLAIN_FACE },
    );
  });

  it('a swap that is asked to be a cut shows no picture between, and the next swap fades again', async () => {
    await withShow({}, async ({ seen, stage }) => {
      await until(() => seen.at(-1)?.hasFace === true);
      stage.fade.frames = 5;
      const bodies = (from: number) => new Set(seen.slice(from).map(({ body }) => body));
      const from = seen.length;
      stage.avatar = greyAvatar('two', 130);
      cutIn(stage);
      cutIn(stage);
      await until(() => seen.at(-1)?.body === 130);
      expect(bodies(from).size).toBeLessThanOrEqual(2);
      const then = seen.length;
      stage.avatar = greyAvatar('one', 50);
      await until(() => seen.at(-1)?.body === 50);
      expect(bodies(then).size).toBeGreaterThan(4);
    });
  });

  it('a change of engine fades, and nothing of the old picture stays', async () => {
    await withShow(
      {},
      async ({ seen, stage, ladder }) => {
        await until(() => seen.at(-1)?.centre === FACE && ladder.statuses[1]?.state === 'ready');
        stage.fade.frames = 5;
        const from = seen.length - 1;
        ladder.startFrom('plain.face');
        await until(() => seen.at(-1)?.centre === PLAIN_FACE);
        const steps = seen.slice(from).map(({ centre }) => centre);
        const between = new Set(steps.filter((centre) => centre < FACE && centre > PLAIN_FACE));
        expect(between.size).toBeGreaterThanOrEqual(4);
        expect(steps).toEqual([...steps].sort((a, b) => b - a));
      },
      { grey: PLAIN_FACE },
    );
  });
});
