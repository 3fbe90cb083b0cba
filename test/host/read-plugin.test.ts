import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '../../src/base/errors.ts';
import { readPlugin } from '../../src/host/read-plugin.ts';
import { PluginFolders } from './plugin-folder.ts';

describe("a plugin's package.json", () => {
  let folders: PluginFolders;
  beforeAll(async () => {
    folders = await PluginFolders.open();
  });
  afterAll(() => folders[Symbol.asyncDispose]());

  async function refusal(manifest: object): Promise<string> {
    const folder = await folders.write('p', '', manifest);
    try {
      readPlugin(folder, '0.1.0');
    } catch (thrown) {
      if (!(thrown instanceof AppError)) throw thrown;
      return `${thrown.code}: ${thrown.message.replaceAll(`${folder}/`, '')}`;
    }
    return 'taken';
  }

  it('becomes a manifest: the name is the id, without its scope', async () => {
    const folder = await folders.write('p', '', {
      name: '@me/wave-hello',
      displayName: 'Wave',
      description: 'Waves.',
      activation: 'show',
      contributes: { videoOutputs: [{ id: 'wave-hello.out', title: 'Out', scheme: 'wave' }] },
    });
    expect(readPlugin(folder, '0.1.0')).toMatchObject({
      folder,
      version: '1.0.0',
      main: join(folder, 'index.js'),
      manifest: { id: 'wave-hello', title: 'Wave', description: 'Waves.', activation: 'show' },
    });
  });

  it('is refused with file, place and reason', async () => {
    const command = { id: 'p.do', title: 'Do' };
    const cases: readonly (readonly [object, string])[] = [
      [{ name: 'Not An Id' }, 'BAD_MANIFEST: package.json: name: "Not An Id" is no id'],
      [{ engines: {} }, 'BAD_MANIFEST: package.json: engines.musecam: '],
      [{ engines: { musecam: 'latest' } }, 'BAD_MANIFEST: package.json: engines.musecam: "latest" is no range'],
      [
        { engines: { musecam: '^2.0.0' } },
        'PLUGIN_VERSION: package.json: it is made for MuseCam ^2.0.0, and this is 0.1.0',
      ],
      [{ main: 'gone.js' }, 'BAD_MANIFEST: package.json: main: there is no file'],
      [{ activation: 'now' }, 'BAD_MANIFEST: package.json: activation: '],
      [
        { contributes: { command: [command] } },
        'BAD_MANIFEST: package.json: contributes: unknown key "command"; the nearest known one is "commands"',
      ],
      [
        { contributes: { commands: [{ id: 'other.do', title: 'Do' }] } },
        'BAD_MANIFEST: package.json: contributes.commands[0].id: must begin with "p."',
      ],
      [{ contributes: { commands: [{ id: 'p.do' }] } }, 'BAD_MANIFEST: package.json: contributes.commands[0].title: '],
      [
        { contributes: { configuration: { 'q.a': { type: 'number', default: 1, description: 'A.' } } } },
        'BAD_MANIFEST: package.json: contributes.configuration.q.a: must begin with "p."',
      ],
      [
        { contributes: { pages: [{ id: 'p.panel', title: 'P', path: '../out.html' }] } },
        'BAD_MANIFEST: package.json: contributes.pages[0].path: ',
      ],
      [
        { contributes: { videoOutputs: [{ id: 'p.out', title: 'O', scheme: 'Not one' }] } },
        'BAD_MANIFEST: package.json: contributes.videoOutputs[0].scheme: ',
      ],
    ];
    for (const [manifest, words] of cases) expect(await refusal(manifest), words).toContain(words);
    expect(await refusal({ contributes: { commands: [command] } })).toBe('taken');
  });

  it('is refused where there is none, or it is no JSON', async () => {
    expect(() => readPlugin(join(folders.root, 'nowhere'), '0.1.0')).toThrow('there is no file');
    const folder = await folders.write('q', '');
    await writeFile(join(folder, 'package.json'), '{ "name": ');
    expect(() => readPlugin(folder, '0.1.0')).toThrow(`${join(folder, 'package.json')}: `);
  });
});
