import type { CommandRunner } from '../../api/plugin.ts';
import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { ObsCaller } from './connection.ts';
import { type HotkeyAction, hotkeyActions } from './hotkey-actions.ts';
import { findHotkeyScene, type HotkeyScene, hideItem } from './hotkey-scene.ts';
import type { ObsEvent } from './session.ts';

/** The script's name at obs-websocket; one that was loaded again has more behind it. */
const VENDOR = /^musecam(?:\.|$)/;

/** What presses are heard with. */
export interface HotkeyPressesOptions {
  readonly obs: ObsCaller;
  readonly commands: Pick<CommandRunner, 'run'>;
  readonly log: Log;
}

/** The last press. */
export interface HotkeyPress {
  readonly action: string;
  /** When, as ISO 8601. */
  readonly at: string;
  readonly through: 'script' | 'scene item';
  /** Why its command failed. */
  readonly problem?: string;
}

/** Keys pressed in OBS become commands: those of the script, and the items of the hotkey scene, which stands in for it. */
export class HotkeyPresses {
  readonly #options: HotkeyPressesOptions;
  readonly #actions = new Map(hotkeyActions.map((action) => [action.id, action]));
  #scene: HotkeyScene | undefined;
  #last: HotkeyPress | undefined;

  constructor(options: HotkeyPressesOptions) {
    this.#options = options;
  }

  /** The last press since MuseCam was started; undefined before the first. */
  get last(): HotkeyPress | undefined {
    return this.#last;
  }

  /**
   * Looks which items of OBS's scenes are hotkeys, and hides those that were left shown: pressed while nobody was there.
   * Their commands are not made up for. @throws what OBS refuses.
   */
  async look(): Promise<void> {
    const { obs } = this.#options;
    const scene = await findHotkeyScene(obs);
    this.#scene = scene;
    const left = scene?.items.filter(({ isShown }) => isShown) ?? [];
    await Promise.all(left.map(({ itemId }) => hideItem(obs, scene!.name, itemId)));
  }

  /** Takes in what happened in OBS. Never throws. */
  async hear(event: ObsEvent): Promise<void> {
    if (event.type === 'VendorEvent') await this.#hearScript(event.data);
    else if (event.type === 'SceneItemEnableStateChanged') await this.#hearItem(event.data);
    else if (event.type === 'SceneNameChanged' && this.#scene?.name === event.data.oldSceneName) {
      this.#scene = { ...this.#scene, name: event.data.sceneName };
    }
  }

  async #hearScript(told: { vendorName: string; eventType: string; eventData: unknown }): Promise<void> {
    if (!VENDOR.test(told.vendorName) || told.eventType !== 'hotkey') return;
    const { action: id, pressed } = (told.eventData ?? {}) as { action?: unknown; pressed?: unknown };
    const action = typeof id === 'string' ? this.#actions.get(id) : undefined;
    if (action && pressed === true) await this.#press(action, 'script');
  }

  async #hearItem(told: { sceneName: string; sceneItemId: number; sceneItemEnabled: boolean }): Promise<void> {
    const scene = this.#scene;
    if (!told.sceneItemEnabled || told.sceneName !== scene?.name) return;
    const item = scene.items.find(({ itemId }) => itemId === told.sceneItemId);
    const action = item && this.#actions.get(item.action);
    if (!action) return;
    // OBS tells only of changes: hidden again, the item can be shown again by the next press.
    const hiding = hideItem(this.#options.obs, scene.name, told.sceneItemId).catch((thrown) => this.#warn(thrown));
    await Promise.all([this.#press(action, 'scene item'), hiding]);
  }

  async #press({ id, command, args }: HotkeyAction, through: HotkeyPress['through']): Promise<void> {
    const press = { action: id, at: new Date().toISOString(), through };
    this.#last = press;
    try {
      await this.#options.commands.run(command, args);
    } catch (thrown) {
      this.#last = { ...press, problem: messageOf(thrown) };
      this.#warn(thrown);
    }
  }

  #warn(thrown: unknown): void {
    this.#options.log.warn(`hotkey of OBS: ${messageOf(thrown)}`);
  }
}
