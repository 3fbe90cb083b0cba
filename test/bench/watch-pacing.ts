import type { OpenVideoOutput } from '../../src/api/contributions.ts';
import { openPluginsWithoutShow } from '../../src/app/builtin-plugins.ts';
import { bundledSpeechPath } from '../../src/app/choose-links.ts';
import { engineHostEntry } from '../../src/app/daemon.ts';
import { defaultAvatarId, openLibrary } from '../../src/app/open-library.ts';
import { loadAvatar } from '../../src/avatar/load-avatar.ts';
import { silentLog } from '../../src/base/log.ts';
import { findPaths } from '../../src/base/paths.ts';
import { Scope } from '../../src/base/scope.ts';
import { Clock } from '../../src/live/clock.ts';
import { CrossFade } from '../../src/live/cross-fade.ts';
import { FaceHost } from '../../src/live/face-host.ts';
import { Feed } from '../../src/live/feed.ts';
import { FramePool } from '../../src/live/frame-pool.ts';
import { Lane } from '../../src/live/lane.ts';
import { Meter } from '../../src/live/meter.ts';
import { Pacer } from '../../src/live/pacer.ts';
import { Painter } from '../../src/live/painter.ts';
import { type LiveStage, runShow } from '../../src/live/show.ts';
import { Tape } from '../../src/live/tape.ts';

/** What came out of a show, seen from an output. */
export interface Pacing {
  /** Times between two pictures handed to the output, in ms. */
  readonly gapsMs: readonly number[];
  /** From the middle of a frame's sound to its picture at the output, in ms; one entry for every new picture. */
  readonly latenciesMs: readonly number[];
  /** Pictures that were shown again because no new one was finished. */
  readonly repeated: number;
}

/** The show may find its pace for this long before it is watched, in ms: the pacer looks back five seconds. */
const SETTLE_MS = 5500;

/** An output that only looks at its watch. */
class StopwatchOutput implements OpenVideoOutput {
  readonly label = 'stopwatch';
  readonly wantsSound = false;
  readonly gapsMs: number[] = [];
  readonly latenciesMs: number[] = [];
  repeated = 0;
  isWatching = false;
  #lastMs = Number.NaN;
  #lastIndex = -1;

  async send(frame: { readonly index: number; readonly capturedAtMs: number }): Promise<void> {
    const nowMs = performance.now();
    if (this.isWatching && !Number.isNaN(this.#lastMs)) {
      this.gapsMs.push(nowMs - this.#lastMs);
      if (frame.index === this.#lastIndex) this.repeated++;
      else this.latenciesMs.push(nowMs - frame.capturedAtMs);
    }
    this.#lastMs = nowMs;
    this.#lastIndex = frame.index;
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** Runs the real show, engine host and bundled speech included, into an output that notes when pictures come. */
export async function watchPacing(seconds: number): Promise<Pacing> {
  await using scope = new Scope();
  const stop = new AbortController();
  const output = new StopwatchOutput();
  const stage = await openStage(scope, new Lane('bench.stopwatch', output), stop.signal);
  const running = runShow(stage, stop.signal);
  try {
    await sleep(SETTLE_MS);
    output.isWatching = true;
    await sleep(seconds * 1000);
    output.isWatching = false;
  } finally {
    stop.abort();
    await running;
  }
  return output;
}

async function openStage(scope: Scope, lane: Lane, signal: AbortSignal): Promise<LiveStage> {
  const log = silentLog;
  const plugins = scope.use(openPluginsWithoutShow(log, {}));
  const engine = plugins.findScheme('faceEngines', 'puppet');
  const face = scope.use(
    new FaceHost({
      ...{ entry: engineHostEntry, engineId: engine.id, engineTitle: engine.title, settings: {}, log },
      ...{ isLive: true, hungAfterMs: 1000, openDeadlineMs: 60_000 },
    }),
  );
  const { folder } = await openLibrary(findPaths()).find(defaultAvatarId);
  const avatar = scope.use(await loadAvatar(folder, { cacheFolder: findPaths().cache }));
  const { id, width, height } = avatar.manifest;
  await face.ready;
  await face.load(avatar.ref);
  const tape = new Tape();
  await playBundledSpeech(scope, tape, signal);
  return {
    avatar: { id, width, height, isStill: avatar.poseCount === 1, pose: (frame) => avatar.pose(frame) },
    isResting: false,
    isPanicking: false,
    ...{ tape, face, lanes: [lane], meter: new Meter(), clock: new Clock(), pacer: new Pacer() },
    painter: new Painter(new FramePool({ width, height })),
    fade: new CrossFade(),
    onFailure: (thrown) => console.error(thrown),
    last: {
      frame: 0,
      avatarId: id,
      pose: 0,
      isPassthrough: false,
      heard: undefined,
      engineId: undefined,
      patch: undefined,
      levelDb: -100,
    },
  };
}

/** In real time and again and again, as the daemon does where there is no microphone. */
async function playBundledSpeech(scope: Scope, tape: Tape, signal: AbortSignal): Promise<void> {
  const plugins = scope.use(openPluginsWithoutShow(silentLog, {}));
  const wav = await plugins.record('audioInputs', plugins.findScheme('audioInputs', 'wav').id);
  const how = { target: bundledSpeechPath, loop: true, isRealTime: true, log: silentLog, onHealth: () => {} };
  const feed = new Feed(tape);
  void feed.keepTime(signal);
  void feed.follow(scope.use(await wav.open(how, signal)), signal);
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
