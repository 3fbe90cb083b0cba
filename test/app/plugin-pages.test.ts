import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { declarePlugin } from '../../src/app/installed-plugins.ts';
import { createPageList } from '../../src/app/plugin-pages.ts';
import { silentLog } from '../../src/base/log.ts';
import { CommandTable } from '../../src/host/commands.ts';
import { PluginHost } from '../../src/host/plugin-host.ts';
import { readPlugin } from '../../src/host/read-plugin.ts';
import { PluginFolders } from '../host/plugin-folder.ts';

describe('panels of plugins', () => {
  let folders: PluginFolders;
  let host: PluginHost;

  beforeEach(async () => {
    folders = await PluginFolders.open();
    const status = { current: {} as never, onDidChange: () => ({ [Symbol.dispose]() {} }) };
    host = new PluginHost([], { log: silentLog, commands: new CommandTable(), settings: () => ({}), status });
  });
  afterEach(async () => {
    await host[Symbol.asyncDispose]();
    await folders[Symbol.asyncDispose]();
  });

  it('are listed with where their files are, before any code has run', async () => {
    const pages = [{ id: 'lamp.panel', title: 'Lamp', path: 'ui/panel.html' }];
    const folder = await folders.write('lamp', 'throw new Error("not now");', { contributes: { pages } });
    host.add(declarePlugin(readPlugin(folder, '0.1.0'), 'process'));
    expect(createPageList()(host)).toEqual([
      { id: 'lamp.panel', pluginId: 'lamp', title: 'Lamp', folder, file: join(folder, 'ui/panel.html') },
    ]);
    expect(host.stateOf('lamp').state).toBe('off');
  });

  it('are the same objects until their plugin is loaded anew, and gone with it', async () => {
    const pages = [{ id: 'lamp.panel', title: 'Lamp', path: 'panel.html' }];
    const plugin = declarePlugin(
      readPlugin(await folders.write('lamp', '', { contributes: { pages } }), '0.1.0'),
      'process',
    );
    const list = createPageList();
    host.add(plugin);
    const [first] = list(host);
    expect(list(host)[0]).toBe(first);
    await host.remove('lamp');
    expect(list(host)).toEqual([]);
    host.add(plugin);
    expect(list(host)[0]).toEqual(first);
    expect(list(host)[0]).not.toBe(first);
  });
});
