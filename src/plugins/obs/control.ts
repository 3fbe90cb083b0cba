import type { CommandRunner, PluginContext, StatusFeed } from '../../api/plugin.ts';
import type { LinkStatus } from '../../api/status.ts';
import { AppError, messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { Scope } from '../../base/scope.ts';
import { ObsConnection, type ObsState } from './connection.ts';
import * as failures from './failures.ts';
import * as furniture from './furniture.ts';
import { HotkeyDesk } from './hotkey-desk.ts';
import { HotkeyPresses } from './hotkey-presses.ts';
import type { MicrophoneSync, MicrophoneSyncOptions } from './microphone-sync.ts';
import { isObsRunning } from './obs-process.ts';
import type { PageAddress, PictureSource } from './picture-source.ts';
import { SceneDriver } from './scene-driver.ts';
import type { SceneMap } from './scene-map.ts';
import type { ObsEvent } from './session.ts';
import type { ObsTarget } from './target.ts';

/** What OBS is controlled with. */
export interface ObsControlOptions {
  readonly findTarget: () => Promise<ObsTarget>;
  /** Whether it is a fault when OBS does not run. */
  readonly isWanted: boolean;
  /** Whether choosing an avatar switches scenes. */
  readonly switchScene: boolean;
  readonly map: SceneMap;
  readonly commands: CommandRunner;
  readonly status: StatusFeed;
  /** Address of the open stream; undefined while it is not open. */
  readonly streamAddress: () => string | undefined;
  /** The transparent page of the open stream. */
  readonly pageAddress?: () => PageAddress | undefined;
  /** Whether something is wanted in OBS that a virtual camera cannot carry: sound, or a format with alpha. */
  readonly wantsStream?: boolean;
  readonly reportLink: PluginContext['reportLink'];
  /** Where the script with the hotkeys lies for OBS. */
  readonly scriptPath: string;
  /** Folders in which OBS may keep its settings. */
  readonly folders: readonly string[];
  /** Follows with a microphone of OBS; undefined where none shall. */
  readonly openMicrophone?: (obs: MicrophoneSyncOptions['obs']) => Promise<MicrophoneSync>;
  readonly log: Log;
}

/** What `musecam obs status` says. */
export interface ObsReport {
  readonly link: LinkStatus;
  readonly version?: string;
  readonly scene?: string;
  /** All scenes, in the order in which OBS shows them. */
  readonly scenes?: readonly string[];
  readonly studioMode?: boolean;
  /** Whether OBS's virtual camera is on; undefined where it has none. */
  readonly camera?: boolean;
  /** What of ours is in OBS. */
  readonly setup?: { readonly scene: string | undefined; readonly inputs: readonly string[] };
  readonly map: Readonly<Record<string, string>>;
  /** Addresses of the stream and of the transparent page, while the output `obs` is open. */
  readonly stream?: string;
  readonly page?: string;
}

/** How long the virtual camera may take to be on after it was started, in ms. */
const CAMERA_DEADLINE_MS = 2_000;

/** How long OBS has to notice that a stream has ended, in ms. Later it waits for a second by itself. */
const NOTICE_MS = 100;

/** OBS, for as long as a show runs: the connection, what was set up in it, its scenes, and what the status says of it. */
export class ObsControl implements AsyncDisposable {
  readonly #options: ObsControlOptions;
  readonly #scope = new Scope();
  readonly #connection: ObsConnection;
  readonly #driver: SceneDriver;
  readonly #presses: HotkeyPresses;
  readonly #hotkeys: HotkeyDesk;
  readonly #microphone: Promise<MicrophoneSync | undefined>;
  /** What could not be put right by itself. */
  #trouble: AppError | undefined;
  /** Set-ups, repairs and removals, one after another. */
  #work: Promise<unknown> = Promise.resolve();

  private constructor(options: ObsControlOptions) {
    this.#options = options;
    const { findTarget, log, map, commands, status } = options;
    this.#connection = ObsConnection.open({ findTarget, log });
    const onChange = () => this.#publish();
    const obs = this.#connection;
    this.#driver = new SceneDriver({ obs, map, commands, status, onChange });
    this.#presses = new HotkeyPresses({ obs, commands, log });
    const { scriptPath, folders } = options;
    this.#microphone = Promise.resolve(options.openMicrophone?.(obs));
    this.#hotkeys = new HotkeyDesk({ obs, presses: this.#presses, scriptPath, folders, isObsRunning });
  }

  /** Begins to look for OBS. */
  static open(options: ObsControlOptions): ObsControl {
    const control = new ObsControl(options);
    const { scope, connection, driver } = {
      scope: control.#scope,
      connection: control.#connection,
      driver: control.#driver,
    };
    scope.use(() => options.reportLink(undefined));
    scope.use(connection);
    scope.use(async () => (await control.#microphone)?.[Symbol.asyncDispose]());
    scope.use(connection.onDidChange((state) => control.#meet(state)));
    scope.use(connection.onEvent((event) => control.#hear(event)));
    if (options.switchScene) scope.use(driver.followAvatars());
    control.#publish();
    return control;
  }

  /** How the connection is doing, as the show's status has it. */
  get link(): LinkStatus {
    const { state } = this.#connection;
    const base = { id: 'obs.link', label: 'OBS' } as const;
    if (state.phase === 'starting') return { ...base, state: 'starting', detail: 'looking for OBS' };
    if (state.phase === 'down') {
      const { error } = state;
      const fix = error.fix === undefined ? {} : { fix: error.fix };
      return { ...base, state: failures.stateFor(error, this.#options.isWanted), detail: error.message, ...fix };
    }
    const { scene, problem = this.#trouble } = this.#driver;
    const avatarId = scene === undefined ? undefined : this.#options.map.entries.get(scene);
    const where = scene === undefined ? '' : `, scene "${scene}"${avatarId === undefined ? '' : ` → ${avatarId}`}`;
    const detail = `OBS ${state.version}${where}${problem ? `. ${problem.message}` : ''}`;
    return { ...base, state: problem ? 'degraded' : 'ready', detail, ...(problem?.fix ? { fix: problem.fix } : {}) };
  }

  /** @param wantsPage with the transparent page. @throws AppError why OBS cannot be set up. */
  setUp(wantsPage = false): Promise<furniture.SetupReport> {
    return this.#ask('the setup', () => furniture.setUp(this.#connection, this.#source, wantsPage));
  }

  /** The stream has begun anew: OBS reads it at once, not after its own wait of a second. Never throws. */
  async reopenStream(): Promise<void> {
    // Before OBS has noticed the end of the old one, this would do nothing.
    await new Promise((resolve) => setTimeout(resolve, NOTICE_MS));
    if (this.#connection.state.phase !== 'ready') return;
    await this.#inTurn(() => furniture.reopenStream(this.#connection)).catch((thrown) => this.#warn(thrown));
  }

  /** @throws AppError why OBS cannot be asked. */
  takeAway(): Promise<furniture.RemovalReport> {
    return this.#ask('the removal', () => furniture.takeAway(this.#connection));
  }

  /** Starts or stops OBS's virtual camera. @throws AppError OBS_NO_CAMERA, OBS_CAMERA_FAILED. */
  setCamera(isOn: boolean): Promise<{ readonly on: boolean }> {
    const done = isOn ? failures.OBS_CODES.outputRunning : failures.OBS_CODES.outputNotRunning;
    return this.#ask('the virtual camera', async () => {
      try {
        await this.#connection.call(isOn ? 'StartVirtualCam' : 'StopVirtualCam');
      } catch (thrown) {
        const code = failures.obsCodeOf(thrown);
        if (code === failures.OBS_CODES.notAvailable) throw failures.noVirtualCamera(process.platform);
        if (code !== done) throw thrown;
      }
      const untilMs = performance.now() + CAMERA_DEADLINE_MS;
      while ((await this.#isCameraOn()) !== isOn) {
        if (performance.now() > untilMs) throw failures.cameraDidNotStart();
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      return { on: isOn };
    });
  }

  /** @throws AppError OBS_NO_SUCH_SCENE, NO_SUCH_AVATAR. While OBS is away the scene is taken at its word. */
  async map(scene: string, avatarId: string): Promise<void> {
    const { avatars } = this.#options.status.current;
    if (!avatars.some(({ id }) => id === avatarId)) {
      const ids = avatars.map(({ id }) => id).join(', ');
      throw new AppError('NO_SUCH_AVATAR', `There is no avatar ${avatarId}.`, { fix: `Use one of: ${ids}` });
    }
    if (this.#connection.state.phase === 'ready') {
      const { scenes } = await this.#ask('its scenes', () => this.#connection.call('GetSceneList'));
      const names = scenes.map(({ sceneName }) => String(sceneName));
      if (!names.includes(scene)) throw failures.noSuchScene(scene, names);
    }
    await this.#options.map.set(scene, avatarId);
    await this.#driver.applyAgain();
  }

  /** @throws AppError OBS_NO_SUCH_SCENE when it has no avatar. */
  async unmap(scene: string): Promise<void> {
    const { map } = this.#options;
    if (!map.entries.has(scene)) throw failures.noSuchScene(scene, [...map.entries.keys()]);
    await map.set(scene, undefined);
    this.#publish();
  }

  /** A microphone of OBS that is kept in step with the picture; undefined where none shall be. */
  get microphone(): Promise<MicrophoneSync | undefined> {
    return this.#microphone;
  }

  /** MuseCam's actions as hotkeys of OBS. */
  get hotkeys(): HotkeyDesk {
    return this.#hotkeys;
  }

  /** Never throws: what cannot be had is left out. */
  async report(): Promise<ObsReport> {
    const { state } = this.#connection;
    const [stream, page] = [this.#options.streamAddress(), this.#options.pageAddress?.()?.address];
    const addresses = { ...(stream ? { stream } : {}), ...(page ? { page } : {}) };
    const base = { link: this.link, map: Object.fromEntries(this.#options.map.entries), ...addresses };
    if (state.phase !== 'ready') return base;
    const none = () => undefined;
    const [studio, list, found, camera] = await Promise.all([
      this.#connection.call('GetStudioModeEnabled').catch(none),
      this.#connection.call('GetSceneList').catch(none),
      furniture.findFurniture(this.#connection).catch(none),
      this.#isCameraOn().catch(none),
    ]);
    return {
      ...base,
      version: state.version,
      ...(this.#driver.scene === undefined ? {} : { scene: this.#driver.scene }),
      ...(list ? { scenes: list.scenes.map(({ sceneName }) => String(sceneName)).reverse() } : {}),
      ...(studio ? { studioMode: studio.studioModeEnabled } : {}),
      ...(camera === undefined ? {} : { camera }),
      ...(found ? { setup: { scene: found.scene, inputs: found.inputs.map(({ name }) => name) } } : {}),
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#scope.close();
  }

  get #source(): PictureSource {
    const { commands, status, streamAddress, pageAddress, wantsStream = false } = this.#options;
    const open = async <T>(addressOf: () => T | undefined): Promise<T> => {
      await commands.run('output.open', { output: 'obs' });
      const address = addressOf();
      if (address === undefined) throw new AppError('OBS_NO_SOURCE', 'The stream for OBS could not be opened.');
      return address;
    };
    const isCameraEnough = !wantsStream && status.current.background !== 'transparent';
    return {
      cameraPath: isCameraEnough ? cameraPathOf(status) : undefined,
      openStream: () => open(streamAddress),
      openPage: () => open(() => pageAddress?.()),
    };
  }

  async #isCameraOn(): Promise<boolean> {
    return (await this.#connection.call('GetVirtualCamStatus')).outputActive;
  }

  #meet(state: ObsState): void {
    if (state.phase === 'ready') void this.#putRight();
    void this.#microphone.then((microphone) => microphone?.forget());
    this.#publish();
  }

  #hear(event: ObsEvent): void {
    if (event.type === 'SceneNameChanged') {
      const { oldSceneName, sceneName } = event.data;
      void this.#options.map.rename(oldSceneName, sceneName).catch((thrown) => this.#warn(thrown));
    }
    if (event.type === 'CurrentSceneCollectionChanged' || event.type === 'CurrentProfileChanged') void this.#putRight();
    void this.#driver.hear(event);
    void this.#presses.hear(event);
    void this.#microphone.then((microphone) => microphone?.hear(event));
  }

  /** OBS came, came back, or has other scenes now: which one is on, and is our source up to date? */
  async #putRight(): Promise<void> {
    await this.#driver.look();
    const work = this.#inTurn(async () => {
      await this.#presses.look().catch((thrown) => this.#warn(thrown));
      await furniture.refresh(this.#connection, this.#source);
    });
    await work.then(
      () => {
        this.#trouble = undefined;
      },
      (thrown) => {
        this.#warn(thrown);
        if (this.#connection.state.phase === 'ready') this.#trouble = failures.refused('the repair', thrown);
      },
    );
    this.#publish();
  }

  /** For commands: tries at once where the connection had been given up, and tells failures the way a person needs. */
  async #ask<T>(what: string, work: () => Promise<T>): Promise<T> {
    this.#connection.retry();
    try {
      const result = await this.#inTurn(work);
      this.#trouble = undefined;
      this.#publish();
      return result;
    } catch (thrown) {
      throw failures.refused(what, thrown);
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#work.catch(() => {}).then(work);
    this.#work = mine.catch(() => {});
    return mine;
  }

  #warn(thrown: unknown): void {
    this.#options.log.warn(messageOf(thrown));
  }

  #publish(): void {
    this.#options.reportLink(this.link);
  }
}

/** The virtual camera that the show writes to. Its output is called "NAME (/dev/video10)" or just by its path. */
function cameraPathOf(status: StatusFeed): string | undefined {
  const camera = status.current.outputs.find(({ id, state }) => id === 'v4l2.camera' && state !== 'failed');
  return /(\/dev\/[^\s)]+)\)?$/.exec(camera?.label ?? '')?.[1];
}
