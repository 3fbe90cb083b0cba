import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  addPlugin,
  declareInstalled,
  enablePlugin,
  readInstalledPlugins,
  removePlugin,
} from '../../src/app/installed-plugins.ts';
import { loadSettings } from '../../src/app/load-settings.ts';
import type { Paths } from '../../src/base/paths.ts';
import { PluginFolders } from '../host/plugin-folder.ts';

describe('the list of plugins from outside', () => {
  let folders: PluginFolders;
  let paths: Paths;
  beforeEach(async () => {
    folders = await PluginFolders.open();
    const at = (name: string) => join(folders.root, 'home', name);
    paths = { config: at('config'), data: at('data'), state: at('state'), cache: at('cache') };
  });
  afterEach(() => folders[Symbol.asyncDispose]());

  const ids = () => declareInstalled(paths, 'process').map(({ manifest }) => manifest.id);

  it('keeps where they are and whether they count, in the order in which they were added', async () => {
    expect(readInstalledPlugins(paths)).toEqual([]);
    addPlugin(paths, await folders.write('a', ''));
    addPlugin(paths, await folders.write('b', ''));
    expect(ids()).toEqual(['a', 'b']);
    enablePlugin(paths, 'a', false);
    expect(ids()).toEqual(['b']);
    expect(readInstalledPlugins(paths).map(({ id, enabled }) => [id, enabled])).toEqual([
      ['a', false],
      ['b', true],
    ]);
    enablePlugin(paths, 'a', true);
    expect(removePlugin(paths, 'b').path).toBe(join(folders.root, 'b'));
    expect(ids()).toEqual(['a']);
    expect(() => removePlugin(paths, 'b')).toThrow('No plugin b was added');
    expect(() => enablePlugin(paths, 'b', true)).toThrow('No plugin b was added');
  });

  it('leaves out one whose folder is gone or has become another plugin, and says so', async () => {
    addPlugin(paths, await folders.write('a', ''));
    addPlugin(paths, await folders.write('b', ''));
    await folders.write('a', '', { name: 'z' });
    await rm(join(folders.root, 'b'), { recursive: true });
    const problems: string[] = [];
    expect(declareInstalled(paths, 'process', (words) => problems.push(words))).toEqual([]);
    expect(problems[0]).toContain('is z now, no longer a');
    expect(problems[1]).toContain('there is no file');
    // Moved: added again, it is found where it is now.
    const elsewhere = join(folders.root, 'elsewhere');
    await mkdir(elsewhere);
    await writeFile(
      join(elsewhere, 'package.json'),
      JSON.stringify({ name: 'b', engines: { musecam: '*' }, contributes: {} }),
    );
    await writeFile(join(elsewhere, 'index.js'), '');
    addPlugin(paths, elsewhere);
    expect(ids()).toEqual(['b']);
  });

  it('that is damaged counts for nothing, is told, and is not written over', async () => {
    await mkdir(paths.config, { recursive: true });
    await writeFile(join(paths.config, 'plugins.json'), '{"plugins":[{"id":1}]}');
    const problems: string[] = [];
    expect(declareInstalled(paths, 'process', (words) => problems.push(words))).toEqual([]);
    expect(problems).toEqual([expect.stringContaining('plugins.json is not understood')]);
    const folder = await folders.write('a', '');
    expect(() => addPlugin(paths, folder)).toThrow('is not understood');
    expect((await loadSettings(paths, [])).warnings).toEqual([]);
  });

  it('makes their settings known, those of disabled ones, too', async () => {
    const setting = { type: 'number', default: 3, minimum: 1, description: 'A number.', applies: 'live' };
    addPlugin(paths, await folders.write('a', '', { contributes: { configuration: { 'a.n': setting } } }));
    expect((await loadSettings(paths, ['a.n=7'])).values['a.n']).toBe(7);
    enablePlugin(paths, 'a', false);
    const { values, warnings } = await loadSettings(paths, ['a.n=0', 'a.m=1']);
    expect(values['a.n']).toBe(3);
    expect(warnings.join('\n')).toMatch(/a\.n = 0: .*\n.*Unknown setting a\.m; the nearest known one is a\.n/);
  });
});
