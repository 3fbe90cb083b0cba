import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A plugin's folder with files for a panel in it. Dispose to delete it. */
export class PanelFolder implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** @param files texts or bytes by path. */
  static async open(files: Readonly<Record<string, string | Uint8Array>>): Promise<PanelFolder> {
    const folder = new PanelFolder(await mkdtemp(join(tmpdir(), 'musecam-panel-plugin-')));
    for (const [name, content] of Object.entries(files)) {
      const path = join(folder.path, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, content);
    }
    return folder;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}
