import { setTimeout as sleep } from 'node:timers/promises';
import type { CommandRunner, StatusFeed } from '../../api/plugin.ts';
import { AppError, messageOf } from '../../base/errors.ts';
import type { ObsCaller } from './connection.ts';
import type { SceneMap } from './scene-map.ts';
import type { ObsEvent } from './session.ts';

/** When the scene is asked for after a transition has begun, in ms after it: OBS may tell of it before it has changed. */
const ASK_AFTER_MS = [0, 10, 30, 80, 160, 260] as const;

/** What the driver works with. */
export interface SceneDriverOptions {
  readonly obs: ObsCaller;
  readonly map: Pick<SceneMap, 'entries'>;
  readonly commands: Pick<CommandRunner, 'run'>;
  readonly status: StatusFeed;
  /** Told when there is something new to say: another scene, or why an avatar could not be shown. */
  readonly onChange: () => void;
}

/**
 * Scenes choose avatars: when the program scene changes, the avatar that belongs to it is shown, at the start of the
 * transition. The other way round on request. In studio mode only what is on program counts.
 */
export class SceneDriver {
  readonly #options: SceneDriverOptions;
  #scene: string | undefined;
  #problem: AppError | undefined;
  #transition = 0;
  #driving = 0;
  #shownAvatarId: string | undefined;
  /** The scene that was switched to because of an avatar: its arrival must not choose an avatar in turn. */
  #requested: string | undefined;

  constructor(options: SceneDriverOptions) {
    this.#options = options;
  }

  /** The scene on program; undefined before it is known. */
  get scene(): string | undefined {
    return this.#scene;
  }

  /** Why the avatar of the scene is not shown. */
  get problem(): AppError | undefined {
    return this.#problem;
  }

  /** Looks which scene is on program. Never throws: OBS may be gone again. */
  async look(): Promise<void> {
    const scene = await this.#askScene();
    if (scene !== undefined) await this.#enter(scene);
  }

  /** Takes the avatar of the present scene anew, after its mapping has changed. */
  async applyAgain(): Promise<void> {
    if (this.#scene !== undefined) await this.#show(this.#scene);
  }

  /** Takes in what happened in OBS. */
  async hear(event: ObsEvent): Promise<void> {
    if (event.type === 'CurrentProgramSceneChanged') {
      this.#transition++;
      await this.#enter(event.data.sceneName);
    } else if (event.type === 'SceneTransitionStarted') await this.#followTransition();
    else if (event.type === 'SceneNameChanged' && this.#scene === event.data.oldSceneName) {
      this.#scene = event.data.sceneName;
      this.#options.onChange();
    }
  }

  /** Switches OBS to the scene of an avatar whenever another one is chosen in MuseCam. Dispose to stop. */
  followAvatars(): Disposable {
    const { status } = this.#options;
    this.#shownAvatarId = status.current.avatarId;
    return status.onDidChange(({ avatarId }) => {
      if (avatarId === this.#shownAvatarId) return;
      this.#shownAvatarId = avatarId;
      // A change that a scene caused (also one that failed and is taken back) must not change the scene again.
      if (this.#driving === 0) void this.#switchTo(avatarId);
    });
  }

  async #followTransition(): Promise<void> {
    const transition = ++this.#transition;
    const before = this.#scene;
    let askedAtMs = 0;
    for (const afterMs of ASK_AFTER_MS) {
      await sleep(afterMs - askedAtMs);
      askedAtMs = afterMs;
      const scene = await this.#askScene();
      // Something newer has begun, or the end of this one was told already.
      if (transition !== this.#transition) return;
      if (scene !== undefined && scene !== before) return this.#enter(scene);
    }
  }

  async #askScene(): Promise<string | undefined> {
    const answer = await this.#options.obs.call('GetCurrentProgramScene').catch(() => undefined);
    return answer?.currentProgramSceneName;
  }

  async #enter(scene: string): Promise<void> {
    if (scene === this.#scene) return;
    this.#scene = scene;
    const isOurDoing = scene === this.#requested;
    this.#requested = undefined;
    if (isOurDoing) this.#options.onChange();
    else await this.#show(scene);
  }

  async #show(scene: string): Promise<void> {
    const { map, commands, status, onChange } = this.#options;
    this.#problem = undefined;
    const avatarId = map.entries.get(scene);
    onChange();
    if (avatarId === undefined || avatarId === status.current.avatarId) return;
    this.#driving++;
    try {
      // OBS has a transition of its own from scene to scene: a second one would only come later.
      await commands.run('avatar.use', { id: avatarId, fade: false });
    } catch (thrown) {
      if (this.#scene === scene) this.#problem = explain(scene, avatarId, thrown);
    } finally {
      this.#shownAvatarId = status.current.avatarId;
      this.#driving--;
      onChange();
    }
  }

  async #switchTo(avatarId: string): Promise<void> {
    const { map, obs, onChange } = this.#options;
    if (this.#scene === undefined || map.entries.get(this.#scene) === avatarId) return;
    const wanted = [...map.entries].filter(([, mapped]) => mapped === avatarId).map(([scene]) => scene);
    if (wanted.length === 0) return;
    try {
      const { scenes } = await obs.call('GetSceneList');
      const there = wanted.find((scene) => scenes.some(({ sceneName }) => sceneName === scene));
      if (there === undefined) return;
      this.#requested = there;
      await obs.call('SetCurrentProgramScene', { sceneName: there });
    } catch (thrown) {
      this.#requested = undefined;
      this.#problem = explain(wanted[0]!, avatarId, thrown);
      onChange();
    }
  }
}

function explain(scene: string, avatarId: string, thrown: unknown): AppError {
  const fix = thrown instanceof AppError ? thrown.fix : undefined;
  return new AppError('OBS_SCENE_FAILED', `Scene "${scene}" and avatar ${avatarId}: ${messageOf(thrown)}`, {
    cause: thrown,
    fix: fix ?? 'Map it anew: musecam obs map SCENE AVATAR',
  });
}
