import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ObsCaller, ObsState } from './connection.ts';
import { noCollection, refused } from './failures.ts';
import { HOTKEY_PREFIX, hotkeyActions } from './hotkey-actions.ts';
import type { HotkeyPress, HotkeyPresses } from './hotkey-presses.ts';
import { findHotkeyScene, makeHotkeyScene, removeHotkeyScene } from './hotkey-scene.ts';
import * as collections from './scene-collections.ts';

/** The script as it comes with the program. */
const shippedScript = fileURLToPath(new URL('./musecam-hotkeys.lua', import.meta.url));

/** What hotkeys are installed with. */
export interface HotkeyDeskOptions {
  readonly obs: ObsCaller & { readonly state: ObsState };
  readonly presses: Pick<HotkeyPresses, 'last' | 'look'>;
  /** Where the script lies for OBS, for good: OBS notes its path. */
  readonly scriptPath: string;
  /** Folders in which OBS may keep its settings. */
  readonly folders: readonly string[];
  /** Whether an OBS runs that keeps its settings there. */
  readonly isObsRunning: (folder: string) => Promise<boolean>;
}

/** What installing has come to. */
export interface HotkeyInstallReport {
  /** `by hand`: OBS runs and has no way to be given a script; the steps say what to click. */
  readonly how: 'loaded' | 'added' | 'by hand' | 'scene';
  readonly scriptPath?: string;
  /** File that was changed, and as it was before. */
  readonly collection?: string;
  readonly backup?: string;
  /** What was made in OBS, in words. */
  readonly made?: readonly string[];
  /** What is left for a person to do. */
  readonly steps: readonly string[];
}

/** What `musecam obs hotkeys status` says. */
export interface HotkeyReport {
  readonly isConnected: boolean;
  /** How many of our hotkeys OBS lists; undefined while it is not connected. */
  readonly loaded?: number;
  /** Path of the script, if it was installed. */
  readonly scriptPath?: string;
  /** Keys by action, as OBS has saved them last. It does not tell them while it runs. */
  readonly keys?: Readonly<Record<string, readonly string[]>>;
  readonly scene?: { readonly name: string; readonly items: number };
  readonly lastPress?: HotkeyPress;
}

/** What removing has come to. */
export interface HotkeyRemovalReport {
  readonly removed: readonly string[];
  readonly steps: readonly string[];
}

const BIND = 'Settings → Hotkeys, search for "MuseCam", and give keys to those you want';

/** Brings hotkeys into OBS and takes them out again: by a script, or by the items of a scene. */
export class HotkeyDesk {
  readonly #options: HotkeyDeskOptions;

  constructor(options: HotkeyDeskOptions) {
    this.#options = options;
  }

  /** Makes the scene whose items are hotkeys. @throws AppError why OBS cannot be asked. */
  async installScene(): Promise<HotkeyInstallReport> {
    const { obs, presses } = this.#options;
    const made = await explained('the hotkey scene', makeHotkeyScene(obs));
    await presses.look();
    const bind = `In OBS: ${BIND}; of each pair take "Show …", and leave "Hide …" without a key.`;
    return { how: 'scene', made, steps: [bind] };
  }

  /**
   * Brings the script into OBS, as far as that can be done.
   * @throws AppError OBS_NO_COLLECTION, OBS_COLLECTION_BROKEN; what the disk says.
   */
  async installScript(): Promise<HotkeyInstallReport> {
    const { scriptPath, folders, isObsRunning } = this.#options;
    const isNew = await copyScript(scriptPath);
    if (((await this.#countLoaded()) ?? 0) > 0) {
      const reload = `In OBS: Tools → Scripts, choose musecam-hotkeys.lua and reload it (the round arrow): it is a newer one.`;
      return { how: 'loaded', scriptPath, steps: isNew ? [reload] : [] };
    }
    const folder = await collections.findObsFolder(folders);
    const isRunning = this.#isConnected || (folder !== undefined && (await isObsRunning(folder)));
    if (isRunning) {
      const add = `In OBS: Tools → Scripts → + → ${scriptPath}`;
      return {
        how: 'by hand',
        scriptPath,
        steps: [add, `${BIND}.`, 'See whether it worked: musecam obs hotkeys status'],
      };
    }
    const collection = folder && (await collections.currentCollection(folder));
    if (!collection) throw noCollection(scriptPath);
    const backup = await collections.addScript(collection, scriptPath);
    const files = backup === undefined ? {} : { collection, backup };
    return { how: 'added', scriptPath, ...files, steps: ['Start OBS.', `${BIND}.`] };
  }

  /** Never throws: what cannot be had is left out. */
  async report(): Promise<HotkeyReport> {
    const { obs, presses, scriptPath } = this.#options;
    const isThere = await readFile(scriptPath).then(
      () => true,
      () => false,
    );
    const loaded = await this.#countLoaded().catch(() => undefined);
    const scene = this.#isConnected ? await findHotkeyScene(obs).catch(() => undefined) : undefined;
    const keys = await this.#readKeys().catch(() => undefined);
    return {
      isConnected: this.#isConnected,
      ...(loaded === undefined ? {} : { loaded }),
      ...(isThere ? { scriptPath } : {}),
      ...(keys ? { keys } : {}),
      ...(scene ? { scene: { name: scene.name, items: scene.items.length } } : {}),
      ...(presses.last ? { lastPress: presses.last } : {}),
    };
  }

  /** Takes out what can be taken out now. @throws what OBS refuses; AppError OBS_COLLECTION_BROKEN. */
  async remove(): Promise<HotkeyRemovalReport> {
    const { obs, presses, scriptPath, folders, isObsRunning } = this.#options;
    const removed: string[] = [];
    if (this.#isConnected) {
      removed.push(...(await explained('the removal', removeHotkeyScene(obs))));
      await presses.look();
      if ((await this.#countLoaded()) === 0) {
        await this.#removeUnusedScript();
        return { removed, steps: [] };
      }
      const steps = [
        'In OBS: Tools → Scripts, choose musecam-hotkeys.lua, and press −. OBS has no other way while it runs.',
        'Or close OBS and run this again.',
      ];
      return { removed, steps };
    }
    const folder = await collections.findObsFolder(folders);
    if (folder && (await isObsRunning(folder))) {
      return { removed, steps: ['Close OBS, or connect it (musecam obs status), and run this again.'] };
    }
    for (const file of folder ? await collections.listCollections(folder) : []) {
      if (await collections.removeScript(file, scriptPath)) removed.push(`the script from ${file}`);
    }
    await rm(scriptPath, { force: true });
    return { removed, steps: [] };
  }

  /** Other scene collections may still have it, and OBS would miss it there. */
  async #removeUnusedScript(): Promise<void> {
    const { scriptPath, folders } = this.#options;
    const folder = await collections.findObsFolder(folders);
    for (const file of folder ? await collections.listCollections(folder) : []) {
      const scripts = await collections.readScripts(file).catch(() => []);
      if (scripts.some(({ path }) => path === scriptPath)) return;
    }
    await rm(scriptPath, { force: true });
  }

  get #isConnected(): boolean {
    return this.#options.obs.state.phase === 'ready';
  }

  /** How many hotkeys of the script OBS has; undefined while it is not connected. */
  async #countLoaded(): Promise<number | undefined> {
    if (!this.#isConnected) return undefined;
    const { hotkeys } = await this.#options.obs.call('GetHotkeyList');
    const ours = new Set(hotkeyActions.map(({ id }) => `${HOTKEY_PREFIX}${id}`));
    return hotkeys.filter((name) => ours.has(name)).length;
  }

  /** Keys of the script in the present collection, as saved; undefined where it is not in it. */
  async #readKeys(): Promise<Readonly<Record<string, readonly string[]>> | undefined> {
    const folder = await collections.findObsFolder(this.#options.folders);
    const file = folder && (await collections.currentCollection(folder));
    const scripts = file ? await collections.readScripts(file) : [];
    const settings = scripts.find(({ path }) => path === this.#options.scriptPath)?.settings;
    if (!settings) return undefined;
    const bound = hotkeyActions.map(({ id }) => [id, describeKeys(settings[`${HOTKEY_PREFIX}${id}`])] as const);
    return Object.fromEntries(bound.filter(([, keys]) => keys.length > 0));
  }
}

/** `[{ key: "OBS_KEY_F5", control: true }]` in words. */
function describeKeys(saved: unknown): readonly string[] {
  if (!Array.isArray(saved)) return [];
  return saved.map((one: Record<string, unknown>) => {
    const held = ['control', 'shift', 'alt', 'command'].filter((name) => one[name] === true);
    return [...held, String(one.key).replace(/^OBS_KEY_/, '')].join('+');
  });
}

/** Tells what OBS refuses the way a person needs. */
function explained<T>(what: string, work: Promise<T>): Promise<T> {
  return work.catch((thrown) => Promise.reject(refused(what, thrown)));
}

/** @returns whether another version of it was there. */
async function copyScript(scriptPath: string): Promise<boolean> {
  const [text, before] = await Promise.all([readFile(shippedScript), readFile(scriptPath).catch(() => undefined)]);
  if (before && text.equals(before)) return false;
  await mkdir(dirname(scriptPath), { recursive: true });
  const next = `${scriptPath}.new`;
  await writeFile(next, text);
  await rename(next, scriptPath);
  return before !== undefined;
}
