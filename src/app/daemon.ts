import sharp from 'sharp';
import { holds } from '../api/keybinding.ts';
import type { Size } from '../api/media.ts';
import type { ShowStatus } from '../api/status.ts';
import { anySignal } from '../base/any-signal.ts';
import { AppError, messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { findNodeEntry } from '../base/node-entry.ts';
import type { Paths } from '../base/paths.ts';
import { Scope } from '../base/scope.ts';
import { CommandTable } from '../host/commands.ts';
import { PluginHost } from '../host/plugin-host.ts';
import type { SettingValues } from '../host/settings.ts';

import type { FaceLadder } from '../live/face-ladder.ts';
import { Feed } from '../live/feed.ts';
import { Meter } from '../live/meter.ts';
import { cutIn, type LiveStage, putOn, runShow } from '../live/show.ts';
import { Tape } from '../live/tape.ts';
import { AvatarCast } from './avatar-cast.ts';
import { builtinPlugins } from './builtin-plugins.ts';
import { registerCalibrationCommand } from './calibration-command.ts';
import { chooseEngines, type EngineChoice, findOpenEngine } from './choose-engines.ts';
import { parseChoice } from './choose-links.ts';
import { type CoreSettings, readCoreSettings } from './core-settings.ts';
import { CornerLabel } from './corner-label.ts';
import { createStage } from './create-stage.ts';
import { publishAddress } from './daemon-address.ts';
import { describeShow } from './describe-show.ts';
import { KeybindingsStore } from './keybindings-store.ts';
import { Links } from './links.ts';
import { openLadder } from './open-ladder.ts';
import { defaultAvatarId, openLibrary } from './open-library.ts';
import { registerOutputCommands } from './output-commands.ts';
import { PluginDesk, registerPluginCommands } from './plugin-desk.ts';
import { createPageList } from './plugin-pages.ts';
import { registerPreparationCommands } from './preparation-commands.ts';
import { Preparations } from './preparations.ts';
import { followSettings, registerSettingsCommands } from './settings-commands.ts';
import type { SettingsStore } from './settings-store.ts';
import { registerShowCommands } from './show-commands.ts';
import { ShowSwitches } from './show-switches.ts';
import { StatusBoard } from './status-board.ts';
import { VoiceOut } from './voice-out.ts';

/** What `musecam start` was asked for; what is left out is chosen. */
export interface DaemonOptions {
  readonly paths: Paths;
  readonly log: Log;
  readonly settings: SettingValues;
  /** Where they come from: watched, and changed from the page. Closed with the daemon. Undefined: they stay as they are. */
  readonly store?: SettingsStore;
  readonly avatarId?: string;
  /** `mic`, `mic:NAME`, `wav:PATH`, `pcm:-`, `none` */
  readonly input?: string;
  readonly loop?: boolean;
  /** `v4l2`, `v4l2:/dev/video10`, `file:OUT.mp4`; the control page is always there. */
  readonly outputs?: readonly string[];
  /** Scheme of the face engine, `puppet`, or `auto`. */
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
  readonly #commands = new CommandTable((condition) => holds(condition, this.status()));
  readonly #listPages = createPageList();
  readonly #meter = new Meter();
  readonly #tape = new Tape();
  readonly #choices: string[] = [];
  readonly #startedMs = performance.now();
  readonly #board = new StatusBoard(() => this.status());
  readonly #plugins: PluginHost;
  readonly #desk: PluginDesk;
  readonly #feed = new Feed(this.#tape);
  readonly #links: Links;
  readonly #voiceOut: VoiceOut;
  #engines!: EngineChoice;
  #face!: FaceLadder;
  #cast!: AvatarCast;
  #preparations!: Preparations;
  #stage!: LiveStage;
  #switches!: ShowSwitches;
  #core!: CoreSettings;
  #label!: CornerLabel;
  #url = '';
  #running: Promise<void> = Promise.resolve();

  private constructor(options: DaemonOptions) {
    this.#options = options;
    const daemon = this;
    const { store } = options;
    this.#plugins = new PluginHost(builtinPlugins, {
      log: options.log,
      commands: this.#commands,
      status: this.#board,
      settings: () => store?.values ?? options.settings,
      ...(store ? { onDidChangeSettings: (tell) => store.onDidChange((all) => tell(all.map(({ key }) => key))) } : {}),
      surface: {
        avatarPreview: (id) => this.#cast?.previewOf(id),
        pages: () => this.#listPages(this.#plugins),
        get preparations() {
          return daemon.#preparations;
        },
      },
    });
    this.#desk = new PluginDesk({
      paths: options.paths,
      host: this.#plugins,
      engines: () => this.#face.statuses,
      closeOutput: (id) => this.#links.closeOutput(id),
      onDidChange: async () => store?.refresh(),
    });
    this.#links = new Links({
      plugins: this.#plugins,
      scope: this.#scope,
      feed: this.#feed,
      log: options.log,
      note: (why) => this.#note(why),
    });
    this.#voiceOut = new VoiceOut({
      plugins: this.#plugins,
      scope: this.#scope,
      source: { onDidHear: this.#feed.onDidHear, latency: this.#meter.latency },
      log: options.log,
      enabled: options.settings['virtual-mic.enabled'],
      note: (why) => this.#note(why),
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

  /** Resolves when the show has ended: stopped by a command, or because the signal given to `open` aborted. */
  get finished(): Promise<void> {
    return this.#running;
  }

  /** Everything a surface may show. */
  status(): ShowStatus {
    return describeShow({
      stage: this.#stage,
      face: this.#face,
      cast: this.#cast,
      preparations: this.#preparations,
      links: this.#links,
      switches: this.#switches,
      besides: [this.#voiceOut.status, ...this.#plugins.links, ...this.#desk.links],
      labelText: this.#label.text,
      choices: this.#choices,
      startedMs: this.#startedMs,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running.catch(() => {});
    await this.#scope.close();
  }

  async #open(signal: AbortSignal): Promise<void> {
    const options = this.#options;
    const running = anySignal(signal, this.#stop.signal);
    // Pictures are read once. Kept by libvips, they and the holes between them cost 70 MB after some swaps.
    sharp.cache(false);
    this.#scope.use(this.#board);
    this.#scope.use(this.#plugins);
    this.#core = readCoreSettings(options.settings);
    this.#openEngines();
    const size = await this.#openAvatar(running);
    this.#registerCommands(size, running);
    await this.#followSettings();
    await this.#openPreparations();
    await this.#openPage(size, running);
    for (const text of options.outputs ?? []) {
      // The control page is open already; --port chooses its port.
      if (/^web(:|$)/.test(text)) continue;
      await this.#links.openOutput(parseChoice(this.#plugins, 'videoOutputs', text), size, running);
    }
    void this.#plugins.activateForShow();
    void this.#feed.keepTime(running);
    this.#running = runShow(this.#stage, running);
    this.#running.catch((thrown) => options.log.error(`the show ended: ${messageOf(thrown)}`));
    // What the beat learnt while the engine was starting says nothing about the frames to come.
    const learnAnew = () => this.#stage.pacer.reset();
    void this.#face.ready.then(learnAnew, learnAnew);
    const outputs = this.#chooseOutputs(size, running);
    // The voice's way out before the way in: a microphone that is opened beside ours is kept apart from it.
    const { input: text } = options;
    if (text === 'none') this.#links.leaveOutInput();
    const input = text
      ? outputs.then(() => this.#openAskedInput(text, running))
      : outputs.then(() => this.#links.chooseInput(running)).then(learnAnew);
    if (text) await input;
    void this.#cast.bringAhead(running);
  }

  #registerCommands(size: Size, signal: AbortSignal): void {
    const openOutput = (text: string) => this.#openBesides(text, size, signal);
    registerShowCommands(this.#commands, {
      cast: this.#cast,
      switches: this.#switches,
      cutIn: () => cutIn(this.#stage),
      label: this.#label,
      useEngine: (name) => this.#face.startFrom(findOpenEngine(this.#plugins, this.#engines, name)),
      stop: () => this.#stop.abort(),
    });
    const close = (id: string) => this.#links.closeOutput(id);
    registerOutputCommands(this.#commands, { plugins: this.#plugins, open: openOutput, close });
    registerPluginCommands(this.#commands, this.#desk);
    const calibration = {
      stage: this.#stage,
      feed: this.#feed,
      lanes: this.#links.lanes,
      voice: () => this.#voiceOut.listening,
      status: () => this.status(),
      openOutput,
      extraMilliseconds: Number(this.#options.settings['virtual-mic.extraMilliseconds'] ?? 0),
    };
    registerCalibrationCommand(this.#commands, calibration, signal);
  }

  /** An output beside the others, unless one of its kind is open, and the microphone that it may need. */
  async #openBesides(text: string, size: Size, signal: AbortSignal): Promise<void> {
    const choice = parseChoice(this.#plugins, 'videoOutputs', text);
    const isOpen = this.#links.lanes.some(({ id }) => id === choice.contribution.id);
    if (!isOpen) await this.#links.openOutput(choice, size, signal);
    await this.#voiceOut.choose(this.#links.lanes, signal);
  }

  /** A camera where none was asked for, and the microphone beside it. Never throws. */
  async #chooseOutputs(size: Size, signal: AbortSignal): Promise<void> {
    if (!this.#options.outputs) await this.#links.chooseOutput(size, signal);
    await this.#voiceOut.choose(this.#links.lanes, signal);
  }

  async #followSettings(): Promise<void> {
    const { store, paths } = this.#options;
    this.#scope.use(await KeybindingsStore.open(paths, this.#commands, this.#plugins));
    if (!store) return;
    this.#scope.use(store);
    registerSettingsCommands(this.#commands, store);
    this.#scope.use(followSettings(store, this.#commands, (words) => this.#note(words)));
    await store.watch().catch((thrown) => this.#options.log.warn(`settings are not watched: ${messageOf(thrown)}`));
  }

  #openEngines(): void {
    const { engine, log, paths, settings } = this.#options;
    this.#engines = chooseEngines(this.#plugins, engine, paths);
    this.#note(this.#engines.why);
    const folderOf = (engineId: string) => this.#plugins.folderOf(this.#plugins.ownerOf(engineId) ?? '');
    this.#face = this.#scope.use(openLadder(this.#engines, { entry: engineHostEntry, settings, log, folderOf }));
  }

  async #openAvatar(signal: AbortSignal): Promise<Size> {
    const { paths, log, avatarId } = this.#options;
    const { size, background, memoryBytes, crossFadeFrames, labelText } = this.#core;
    const onUnpack = (id: string) => {
      const words = `Avatar: ${id} is unpacked for its first show, which takes some seconds.`;
      log.info(words);
      this.#options.onChoice?.(words);
    };
    const options = { face: this.#face, log, cacheFolder: paths.cache, memoryBytes, background, onUnpack };
    const { cast, first } = await AvatarCast.open(
      { library: openLibrary(paths), ...options },
      avatarId ?? defaultAvatarId,
      signal,
    );
    this.#cast = this.#scope.use(cast);
    this.#stage = createStage({
      avatar: first,
      tape: this.#tape,
      face: this.#face,
      lanes: this.#links.lanes,
      meter: this.#meter,
      size,
      crossFadeFrames,
      log,
    });
    this.#switches = new ShowSwitches({ stage: this.#stage, feed: this.#feed, voiceOut: this.#voiceOut });
    cast.onPutOn((avatar) => putOn(this.#stage, avatar));
    this.#label = new CornerLabel(this.#stage.painter);
    this.#label.set(labelText);
    return this.#stage.painter.size;
  }

  /** The desk for photos and clips that somebody hands in on the page. */
  async #openPreparations(): Promise<void> {
    const { paths, log, settings } = this.#options;
    const maxBytes = Number(settings['web-panel.maxUploadMegabytes']) * 1e6;
    const library = openLibrary(paths);
    const desk = await Preparations.open({ paths, log: log.scope('preparations'), library, maxBytes });
    this.#preparations = this.#scope.use(desk);
    registerPreparationCommands(this.#commands, { preparations: desk, library, cast: this.#cast });
  }

  async #openPage(size: Size, signal: AbortSignal): Promise<void> {
    const { port, paths } = this.#options;
    const contribution = this.#plugins.findScheme('videoOutputs', 'web');
    const target = port === undefined ? undefined : String(port);
    const page = await this.#links.openOutput({ contribution, target }, size, signal);
    if (!isPage(page)) throw new AppError('PLUGIN_FAILED', `${contribution.id} is no control page.`);
    this.#url = `${page.url}?token=${page.token}`;
    this.#scope.use(await publishAddress(paths, { pid: process.pid, url: page.url, token: page.token }));
  }

  async #openAskedInput(text: string, signal: AbortSignal): Promise<void> {
    if (text === 'none') return;
    const choice = parseChoice(this.#plugins, 'audioInputs', text);
    const label = await this.#links.openInput(choice, this.#options.loop ?? false, signal);
    this.#note(`Voice: ${label}, as asked.`);
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
