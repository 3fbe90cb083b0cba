import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Plugins for a test, each in a folder of its own. Dispose to delete them. */
export class PluginFolders implements AsyncDisposable {
  readonly root: string;

  private constructor(root: string) {
    this.root = root;
  }

  static async open(): Promise<PluginFolders> {
    return new PluginFolders(await mkdtemp(join(tmpdir(), 'musecam-plugins-')));
  }

  /**
   * Writes a plugin. @param code body of `activate(context)`; `import` lines may stand before it, each on its own line.
   * @returns its folder.
   */
  async write(id: string, code: string, manifest: object = {}): Promise<string> {
    const folder = join(this.root, id);
    await mkdir(folder, { recursive: true });
    const about = { name: id, version: '1.0.0', type: 'module', engines: { musecam: '>=0.1.0' }, contributes: {} };
    await writeFile(join(folder, 'package.json'), JSON.stringify({ ...about, ...manifest }));
    const lines = code.split('\n');
    const imports = lines.filter((line) => line.trim().startsWith('import '));
    const body = lines.filter((line) => !line.trim().startsWith('import '));
    const text = `${imports.join('\n')}\nexport default { async activate(context) {\n${body.join('\n')}\n} };\n`;
    await writeFile(join(folder, 'index.js'), text);
    return folder;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.root, { recursive: true, force: true });
  }
}
