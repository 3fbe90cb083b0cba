import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AvatarSummary, LinkStatus, ShowStatus } from '../../../src/api/status.ts';
import { Emitter } from '../../../src/base/event.ts';
import { silentLog } from '../../../src/base/log.ts';
import { ObsControl } from '../../../src/plugins/obs/control.ts';
import { SceneMap } from '../../../src/plugins/obs/scene-map.ts';
import { findTarget } from '../../../src/plugins/obs/target.ts';

/** What a stand is made with. */
export interface StandOptions {
  readonly url: string;
  readonly password?: string;
  readonly scenes?: Record<string, string>;
  readonly switchScene?: boolean;
  readonly isWanted?: boolean;
  /** Folders with OBS's own settings. */
  readonly folders?: readonly string[];
  /** Path of the virtual camera, where the show has one. */
  readonly cameraPath?: string;
  readonly background?: string;
  /** Whether the settings ask for what a camera cannot carry. */
  readonly wantsStream?: boolean;
}

/** The control of OBS with a show that is nothing but its present avatar. */
export class ControlStand implements AsyncDisposable {
  readonly folder: string;
  control!: ObsControl;
  avatarId = 'ada';
  /** Each avatar that was shown, and when: `performance.now()`, ms. */
  readonly shown: { readonly id: string; readonly atMs: number }[] = [];
  /** Commands that were run, but for `avatar.use`, each with its arguments. */
  readonly ran: { readonly id: string; readonly args: unknown; readonly atMs: number }[] = [];
  readonly links: LinkStatus[] = [];
  /** Avatars that cannot be shown. */
  readonly broken = new Set<string>();
  /** Commands that fail. */
  readonly failing = new Set<string>();
  streamAddress = 'http://127.0.0.1:9/key/avatar.mkv';
  readonly #changed = new Emitter<ShowStatus>();

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async open(options: StandOptions): Promise<ControlStand> {
    const stand = new ControlStand(await mkdtemp(join(tmpdir(), 'musecam-obs-stand-')));
    const given = { url: options.url, password: options.password ?? '' };
    const label = options.cameraPath ? `MuseCam (${options.cameraPath})` : '';
    const outputs = options.cameraPath ? [{ id: 'v4l2.camera', label, state: 'ready', sent: 0, dropped: 0 }] : [];
    const avatars = ['ada', 'bo', 'cy'].map((id) => ({ id }) as AvatarSummary);
    stand.control = ObsControl.open({
      findTarget: () => findTarget(given, options.folders ?? []),
      isWanted: options.isWanted ?? false,
      switchScene: options.switchScene ?? false,
      map: await SceneMap.open(join(stand.folder, 'scenes.json'), options.scenes ?? {}),
      commands: {
        run: async (id, args) => stand.#run(id, args),
        list: () => [],
        onDidChange: () => ({ [Symbol.dispose]() {} }),
      },
      status: {
        get current() {
          return {
            avatarId: stand.avatarId,
            avatars,
            outputs,
            background: options.background ?? 'keep',
          } as unknown as ShowStatus;
        },
        onDidChange: stand.#changed.event,
      },
      scriptPath: join(stand.folder, 'obs', 'musecam-hotkeys.lua'),
      folders: options.folders ?? [],
      streamAddress: () => stand.streamAddress,
      pageAddress: () => ({ address: stand.streamAddress.replace('avatar.mkv', 'obs'), width: 1280, height: 720 }),
      wantsStream: options.wantsStream ?? false,
      reportLink: (link) => void (link && stand.links.push(link)),
      log: silentLog,
    });
    return stand;
  }

  get link(): LinkStatus {
    return this.control.link;
  }

  /** Somebody chooses an avatar in MuseCam. */
  choose(id: string): void {
    this.avatarId = id;
    this.tell();
  }

  /** Publishes the status, as the daemon does many times a second. */
  tell(): void {
    this.#changed.fire({ avatarId: this.avatarId } as ShowStatus);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.control[Symbol.asyncDispose]();
    await rm(this.folder, { recursive: true, force: true });
  }

  #run(id: string, args: unknown): unknown {
    if (this.failing.has(id)) throw new Error(`${id} failed`);
    if (id !== 'avatar.use') {
      this.ran.push({ id, args, atMs: performance.now() });
      return {};
    }
    const { id: avatarId } = args as { id: string };
    if (this.broken.has(avatarId)) throw new Error(`${avatarId} is broken`);
    this.avatarId = avatarId;
    this.shown.push({ id: avatarId, atMs: performance.now() });
    this.tell();
    return {};
  }
}
