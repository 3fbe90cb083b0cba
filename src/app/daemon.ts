import type { HealthReport } from '../api/contributions.ts';
import { FRAMES_PER_SECOND, type Size } from '../api/media.ts';
import type { LinkStatus, ShowStatus } from '../api/status.ts';
import { anySignal } from '../base/any-signal.ts';
import { AppError, messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { findNodeEntry } from '../base/node-entry.ts';
import type { Paths } from '../base/paths.ts';
import { Scope } from '../base/scope.ts';
import { CommandTable } from '../host/commands.ts';
import { PluginHost } from '../host/plugin-host.ts';
import type { SettingValues } from '../host/settings.ts';
import { Clock } from '../live/clock.ts';
import { FaceHost } from '../live/face-host.ts';
import { Feed } from '../live/feed.ts';
import { FramePool } from '../live/frame-pool.ts';
import { Lane } from '../live/lane.ts';
import { Meter } from '../live/meter.ts';
import { Pacer } from '../live/pacer.ts';
import { Painter } from '../live/painter.ts';
import { type LiveStage, runShow } from '../live/show.ts';
import { Tape } from '../live/tape.ts';
import { AvatarCast } from './avatar-cast.ts';
import { builtinPlugins } from './builtin-plugins.ts';
import { bundledSpeechPath, type Choice, chooseCamera, chooseInput, parseChoice } from './choose-links.ts';
import { publishAddress } from './daemon-address.ts';
import { defaultAvatarId, openLibrary } from './open-library.ts';
import { registerShowCommands } from './show-commands.ts';
import { StatusBoard } from './status-board.ts';

/** What `musecam start` was asked for; what is left out is chosen. */
export interface DaemonOptions {
  readonly paths: Paths;
  readonly log: Log;
  readonly settings: SettingValues;
  readonly avatarId?: string;
  /** `mic`, `mic:NAME`, `wav:PATH`, `pcm:-` */
  readonly input?: string;
  readonly loop?: boolean;
  /** `v4l2`, `v4l2:/dev/video10`, `file:OUT.mp4`; the control page is always there. */
  readonly outputs?: readonly string[];
  /** Scheme of the face engine: `puppet`. */
  readonly engine?: string;
  readonly port?: number;
  /** Told what was picked and why, as it is decided. */
  readonly onChoice?: (why: string) => void;
}

/** The engine host's process, compiled or from source. */
export const engineHostEntry = findNodeEntry(import.meta.url, './engine-host-process');

/**
 * The daemon: builds the stage, opens every link in one scope, and runs the show until the signal aborts. Links that are
 * slow to open (microphone, engine) never hold up the picture: the avatar at rest is on from the first moment.
 */
export class Daemon implements AsyncDisposable {
  readonly #options: DaemonOptions;
  readonly #scope = new Scope();
  readonly #stop = new AbortController();
  readonly #commands = new CommandTable();
  readonly #lanes: Lane[] = [];
  readonly #meter = new Meter();
  readonly #tape = new Tape();
  readonly #choices: string[] = [];
  readonly #startedMs = performance.now();
  readonly #board = new StatusBoard(() => this.status());
  #plugins: PluginHost;
  #input: LinkStatus = { id: 'input', label: 'Voice', state: 'starting' };
  #face!: FaceHost;
  #cast!: AvatarCast;
  #stage!: LiveStage;
  #url = '';
  #running: Promise<void> = Promise.resolve();

  private constructor(options: DaemonOptions) {
    this.#options = options;
    this.#plugins = new PluginHost(builtinPlugins, {
      log: options.log,
      commands: this.#commands,
      status: this.#board,
      settings: () => options.settings,
      avatarPreview: (id) => this.#cast?.previewOf(id),
    });
  }

  /** Starts everything. @throws AppError when what was asked for by name cannot be had. */
  static async open(options: DaemonOptions, signal: AbortSignal): Promise<Daemon> {
    const daemon = new Daemon(options);
    try {
      await daemon.#open(signal);
      return daemon;
    } catch (thrown) {
      await daemon[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  /** Address of the control page, with the token. */
  get url(): string {
    return this.#url;
  }

  /** What was picked and why, in words. */
  get choices(): readonly string[] {
    return this.#choices;
  }

  get commands(): CommandTable {
    return this.#commands;
  }

  /** Process id of the engine host. */
  get enginePid(): number | undefined {
    return this.#face.pid;
  }

  /** Resolves when the show has ended: stopped by a command, or because the signal given to `open` aborted. */
  get finished(): Promise<void> {
    return this.#running;
  }

  /** Everything a surface may show. */
  status(): ShowStatus {
    const { frames, latency, hear, draw, paste } = this.#meter;
    const last = this.#stage.last;
    const engine = this.#face.status;
    return {
      state: engine.state === 'ready' && this.#input.state === 'ready' ? 'ready' : 'degraded',
      uptimeSeconds: (performance.now() - this.#startedMs) / 1000,
      avatarId: this.#cast.currentId,
      avatars: this.#cast.summaries,
      input: this.#input,
      engine,
      outputs: this.#lanes.map((lane) => lane.status),
      levelDb: last.levelDb,
      speaking: last.heard?.speaking ?? false,
      resting: this.#stage.isResting,
      openness: last.heard?.openness ?? 0,
      frames: {
        shown: frames.shown,
        fresh: frames.fresh,
        repeated: frames.repeated,
        dropped: frames.dropped,
        freshPerSecond: frames.freshPerSecond(FRAMES_PER_SECOND),
      },
      latency: latency.percentiles(),
      hear: hear.percentiles(),
      draw: draw.percentiles(),
      paste: paste.percentiles(),
      choices: this.#choices,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running.catch(() => {});
    await this.#scope.close();
  }

  async #open(signal: AbortSignal): Promise<void> {
    const { options, stop } = { options: this.#options, stop: this.#stop };
    const running = anySignal(signal, stop.signal);
    this.#scope.use(this.#board);
    this.#scope.use(this.#plugins);
    this.#openEngine();
    const size = await this.#openAvatar();
    registerShowCommands(this.#commands, {
      cast: this.#cast,
      setResting: (isResting) => {
        this.#stage.isResting = isResting;
      },
      stop: () => stop.abort(),
    });
    await this.#openPage(size, running);
    for (const text of options.outputs ?? []) {
      // The control page is open already; --port chooses its port.
      if (!/^web(:|$)/.test(text))
        await this.#openOutput(parseChoice(this.#plugins, 'videoOutputs', text), size, running);
    }
    const feed = new Feed(this.#tape);
    void feed.keepTime(running);
    this.#running = runShow(this.#stage, running);
    this.#running.catch((thrown) => options.log.error(`the show ended: ${messageOf(thrown)}`));
    if (options.input) await this.#openInput(feed, parseChoice(this.#plugins, 'audioInputs', options.input), running);
    else void this.#chooseInput(feed, running);
    if (!options.outputs) void this.#chooseCamera(size, running);
    void this.#cast.bringAhead(running);
  }

  #openEngine(): void {
    const { engine, log, settings } = this.#options;
    const contribution = this.#plugins.findScheme('faceEngines', engine ?? 'puppet');
    this.#note(`Face: ${contribution.title}${engine ? '' : ', which needs nothing and runs on any CPU'}.`);
    this.#face = this.#scope.use(
      new FaceHost({
        entry: engineHostEntry,
        engineId: contribution.id,
        engineTitle: contribution.title,
        settings,
        log: log.scope('engine'),
        isLive: true,
        hungAfterMs: 1000,
        openDeadlineMs: 60_000,
      }),
    );
  }

  async #openAvatar(): Promise<Size> {
    const { paths, log, avatarId } = this.#options;
    const library = openLibrary(paths);
    const { cast, first } = await AvatarCast.open(library, this.#face, avatarId ?? defaultAvatarId, log);
    const meter = this.#meter;
    this.#cast = cast;
    this.#stage = {
      avatar: first,
      isResting: false,
      tape: this.#tape,
      face: this.#face,
      painter: new Painter(new FramePool(first)),
      lanes: this.#lanes,
      meter,
      clock: new Clock(),
      pacer: new Pacer(),
      onFailure: (thrown) => log.error(`a frame failed: ${messageOf(thrown)}`),
      last: { frame: 0, avatarId: first.id, pose: 0, heard: undefined, patch: undefined, levelDb: -100 },
    };
    cast.onPutOn((avatar) => {
      this.#stage.avatar = avatar;
    });
    return { width: first.width, height: first.height };
  }

  async #openPage(size: Size, signal: AbortSignal): Promise<void> {
    const { port, paths } = this.#options;
    const contribution = this.#plugins.findScheme('videoOutputs', 'web');
    const target = port === undefined ? undefined : String(port);
    const page = await this.#openOutput({ contribution, target }, size, signal);
    if (!isPage(page)) throw new AppError('PLUGIN_FAILED', `${contribution.id} is no control page.`);
    this.#url = `${page.url}?token=${page.token}`;
    this.#scope.use(await publishAddress(paths, { pid: process.pid, url: page.url, token: page.token }));
  }

  async #openOutput({ contribution, target }: Choice, size: Size, signal: AbortSignal): Promise<unknown> {
    const record = await this.#plugins.record('videoOutputs', contribution.id);
    let lane: Lane | undefined;
    let health: HealthReport | undefined;
    const output = await record.open(
      {
        target,
        ...size,
        framesPerSecond: FRAMES_PER_SECOND,
        log: this.#options.log.scope(contribution.scheme),
        onHealth: (report) => {
          health = report;
          lane?.reportHealth(report);
        },
      },
      signal,
    );
    lane = this.#scope.use(new Lane(contribution.id, output));
    if (health) lane.reportHealth(health);
    this.#lanes.push(lane);
    return output;
  }

  async #chooseCamera(size: Size, signal: AbortSignal): Promise<void> {
    const { choice, why } = await chooseCamera(this.#plugins, signal);
    this.#note(why);
    if (!choice) return;
    await this.#openOutput(choice, size, signal).catch((thrown) => this.#note(`Camera: none. ${messageOf(thrown)}`));
  }

  async #chooseInput(feed: Feed, signal: AbortSignal): Promise<void> {
    const choice = await chooseInput(this.#plugins, signal);
    this.#note(choice.why);
    await this.#openInput(feed, choice, signal).catch((thrown) => {
      this.#input = { ...this.#input, state: 'failed', detail: messageOf(thrown) };
    });
  }

  async #openInput(feed: Feed, { contribution, target }: Choice, signal: AbortSignal): Promise<void> {
    const record = await this.#plugins.record('audioInputs', contribution.id);
    let health: HealthReport = { state: 'ready' };
    const input = await record.open(
      {
        target,
        loop: this.#options.loop ?? !this.#options.input,
        isRealTime: true,
        log: this.#options.log.scope(contribution.scheme),
        onHealth: (report) => {
          health = report;
          this.#input = { id: contribution.id, label: this.#input.label, ...report };
        },
      },
      signal,
    );
    this.#scope.use(input);
    if (this.#options.input) this.#note(`Voice: ${input.label}, as asked.`);
    const label = target === bundledSpeechPath ? 'Bundled speech' : input.label;
    this.#input = { id: contribution.id, label, ...health };
    void feed
      .follow(input, signal)
      .then(() => {
        if (!signal.aborted) this.#input = { ...this.#input, state: 'off', detail: 'at its end' };
      })
      .catch((thrown) => {
        this.#input = { ...this.#input, state: 'failed', detail: messageOf(thrown) };
      });
  }

  #note(choice: string): void {
    this.#choices.push(choice);
    this.#options.log.info(choice);
    this.#options.onChoice?.(choice);
  }
}

function isPage(output: unknown): output is { readonly url: string; readonly token: string } {
  const page = output as { url?: unknown; token?: unknown };
  return typeof page.url === 'string' && typeof page.token === 'string';
}
