import { readdirSync } from 'node:fs';
import type { OpenVideoOutput } from '../../src/api/contributions.ts';
import { SAMPLES_PER_FRAME, type VideoFrame } from '../../src/api/media.ts';
import { AvatarCast, type CastOptions } from '../../src/app/avatar-cast.ts';
import { AvatarLibrary } from '../../src/avatar/library.ts';
import { silentLog } from '../../src/base/log.ts';
import { findNodeEntry } from '../../src/base/node-entry.ts';
import { Scope } from '../../src/base/scope.ts';
import { Clock } from '../../src/live/clock.ts';
import { CrossFade } from '../../src/live/cross-fade.ts';
import { FaceHost, type FaceHostOptions } from '../../src/live/face-host.ts';
import { FramePool } from '../../src/live/frame-pool.ts';
import { Lane } from '../../src/live/lane.ts';
import { Meter } from '../../src/live/meter.ts';
import { Pacer } from '../../src/live/pacer.ts';
import { Painter } from '../../src/live/painter.ts';
import { type LiveStage, runShow } from '../../src/live/show.ts';
import { Tape } from '../../src/live/tape.ts';
import { FakeTime } from '../fakes/fake-time.ts';

/** How the stand is set up. */
export interface StandOptions {
  /** Folder with the avatars. */
  readonly shelf: string;
  readonly cacheFolder: string;
  readonly firstId: string;
  readonly memoryBytes: number;
  readonly fadeFrames?: number;
  readonly background?: string;
  /** Which engine draws; default: the fake one, which draws no avatar that it was not given. */
  readonly engine?: Pick<FaceHostOptions, 'entry' | 'engineId' | 'settings'>;
  /** Told every picture that is shown. */
  readonly onShown: (frame: VideoFrame) => void;
}

const fakeEngine = {
  entry: findNodeEntry(import.meta.url, '../fakes/fake-engine-host'),
  engineId: 'fake.face',
  settings: { isStrict: true },
};

/** A pacer by whose clock frames get finished when the test says so. */
class FakePacer extends Pacer {
  readonly #time: FakeTime;
  /** The newest frame that was finished. */
  newest = -1;

  constructor(time: FakeTime) {
    super();
    this.#time = time;
  }

  override record(frame: number): void {
    this.newest = Math.max(this.newest, frame);
    super.record(frame, this.#time.now());
  }
}

/**
 * A whole show with an engine host, an avatar cast and time turned by hand: each beat waits for its frame, so the show runs
 * as fast as the machine goes, and every frame that is not shown is one that was lost.
 */
export class SwapStand implements AsyncDisposable {
  readonly cast: AvatarCast;
  readonly face: FaceHost;
  readonly stage: LiveStage;
  readonly pool: FramePool;
  readonly #scope: Scope;
  readonly #stop: AbortController;
  readonly #time: FakeTime;
  readonly #pacer: FakePacer;
  readonly #running: Promise<void>;
  readonly failures: unknown[];

  private constructor(
    parts: Pick<SwapStand, 'cast' | 'face' | 'stage' | 'pool' | 'failures'>,
    own: { scope: Scope; stop: AbortController; time: FakeTime; pacer: FakePacer; running: Promise<void> },
  ) {
    this.cast = parts.cast;
    this.face = parts.face;
    this.stage = parts.stage;
    this.pool = parts.pool;
    this.failures = parts.failures;
    this.#scope = own.scope;
    this.#stop = own.stop;
    this.#time = own.time;
    this.#pacer = own.pacer;
    this.#running = own.running;
  }

  static async open(options: StandOptions): Promise<SwapStand> {
    const scope = new Scope();
    const face = scope.use(
      new FaceHost({
        ...(options.engine ?? fakeEngine),
        ...{ engineTitle: 'Engine', log: silentLog },
        ...{ isLive: false, hungAfterMs: 60_000, openDeadlineMs: 30_000 },
      }),
    );
    await face.ready;
    const { cast, first } = await AvatarCast.open(castOptions(options, face), options.firstId);
    scope.use(cast);
    await face.load(first.ref);
    const time = new FakeTime();
    const pacer = new FakePacer(time);
    const pool = new FramePool({ width: first.width, height: first.height });
    const lane = new Lane('stand', watching(options.onShown));
    const failures: unknown[] = [];
    const stage: LiveStage = {
      ...{
        avatar: first,
        isResting: false,
        isPanicking: false,
        tape: new Tape(),
        face,
        painter: new Painter(pool),
        lanes: [lane],
      },
      ...{ meter: new Meter(), clock: new Clock(time), pacer, fade: new CrossFade(options.fadeFrames ?? 0) },
      onFailure: (thrown) => failures.push(thrown),
      last: {
        ...{ frame: 0, avatarId: first.id, pose: 0, isPassthrough: false },
        ...{ heard: undefined, engineId: undefined, patch: undefined, levelDb: -100 },
      },
    };
    cast.onPutOn((avatar) => {
      stage.avatar = avatar;
    });
    const stop = new AbortController();
    const running = runShow(stage, stop.signal);
    return new SwapStand({ cast, face, stage, pool, failures }, { scope, stop, time, pacer, running });
  }

  /** One beat: 40 ms of sound are heard, their newest frame is made, and the clock ticks. */
  async beat(): Promise<void> {
    const { tape, face } = this.stage;
    tape.write(new Float32Array(SAMPLES_PER_FRAME), this.#time.now());
    const newest = tape.newestFrame(face.context.after);
    const startedMs = performance.now();
    while (this.#pacer.newest < newest) {
      if (performance.now() - startedMs > 20_000) throw new Error(`frame ${newest} was never made`);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await this.#time.advance(40);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
    for (const lane of this.stage.lanes) await lane[Symbol.asyncDispose]();
    await this.#scope.close();
  }
}

function castOptions({ shelf, cacheFolder, memoryBytes, background }: StandOptions, face: FaceHost): CastOptions {
  const library = new AvatarLibrary([{ folder: shelf, isShipped: false }], { cacheFolder });
  return { library, face, log: silentLog, cacheFolder, memoryBytes, background: background ?? 'keep' };
}

function watching(onShown: (frame: VideoFrame) => void): OpenVideoOutput {
  return {
    label: 'stand',
    wantsSound: false,
    async send(frame) {
      onShown(frame);
    },
    async [Symbol.asyncDispose]() {},
  };
}

/** How many files and sockets this process has open; undefined where nobody says. */
export function countOpenFiles(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return undefined;
  }
}
