import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';

const fileSchema = z.record(z.string(), z.string().nullable());

/**
 * Which avatar belongs to which scene: what the settings say, changed by what was mapped by command. The changes are kept
 * in a file of their own (null: none although the settings name one), so that nobody's settings are rewritten.
 */
export class SceneMap {
  readonly #file: string;
  readonly #fromSettings: ReadonlyMap<string, string>;
  readonly #changes: Map<string, string | null>;
  #saving: Promise<void> = Promise.resolve();

  private constructor(file: string, fromSettings: ReadonlyMap<string, string>, changes: Map<string, string | null>) {
    this.#file = file;
    this.#fromSettings = fromSettings;
    this.#changes = changes;
  }

  /** Reads the changes; a file that is missing or cannot be understood counts as none. */
  static async open(file: string, fromSettings: Readonly<Record<string, string>>): Promise<SceneMap> {
    const text = await readFile(file, 'utf8').catch(() => '{}');
    const changes = fileSchema.safeParse(parseJson(text));
    return new SceneMap(file, new Map(Object.entries(fromSettings)), new Map(Object.entries(changes.data ?? {})));
  }

  /** Avatar ids by scene. */
  get entries(): ReadonlyMap<string, string> {
    const all = new Map(this.#fromSettings);
    for (const [scene, avatarId] of this.#changes) {
      if (avatarId === null) all.delete(scene);
      else all.set(scene, avatarId);
    }
    return all;
  }

  /** Maps a scene, or with `undefined` takes its mapping away. */
  async set(scene: string, avatarId: string | undefined): Promise<void> {
    if (avatarId !== undefined) this.#changes.set(scene, avatarId);
    else if (this.#fromSettings.has(scene)) this.#changes.set(scene, null);
    else this.#changes.delete(scene);
    this.#saving = this.#saving.catch(() => {}).then(() => this.#save());
    await this.#saving;
  }

  /** Follows a scene that was renamed in OBS. */
  async rename(before: string, after: string): Promise<void> {
    const avatarId = this.entries.get(before);
    if (avatarId === undefined) return;
    await this.set(before, undefined);
    await this.set(after, avatarId);
  }

  async #save(): Promise<void> {
    await mkdir(dirname(this.#file), { recursive: true });
    const next = `${this.#file}.new`;
    await writeFile(next, `${JSON.stringify(Object.fromEntries(this.#changes), null, 2)}\n`);
    await rename(next, this.#file);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
