import { definePlugin } from '../../src/api/plugin.ts';
import { builtinPlugins } from '../../src/app/builtin-plugins.ts';
import { silentLog } from '../../src/base/log.ts';
import { CommandTable } from '../../src/host/commands.ts';
import { type DeclaredPlugin, PluginHost } from '../../src/host/plugin-host.ts';
import type { SettingValues } from '../../src/host/settings.ts';

/**
 * The program's plugins, with an output in the recorder's place that keeps every picture as it is: an encoder is lossy,
 * so a file cannot show whether two pictures are the same.
 * @param keep called with the frame's index and a copy of its I420 picture.
 */
export function openPluginsThatCollect(
  settings: SettingValues,
  keep: (index: number, picture: Uint8Array) => void,
): PluginHost {
  const collector: DeclaredPlugin = {
    manifest: {
      id: 'collector',
      title: 'Collector',
      contributes: { videoOutputs: [{ id: 'collector.pictures', title: 'Pictures', scheme: 'file' }] },
    },
    load: async () => ({
      default: definePlugin({
        activate(context) {
          context.registerVideoOutput('collector.pictures', {
            list: async () => [],
            open: async () => ({
              label: 'pictures',
              wantsSound: false,
              send: async (frame) => keep(frame.index, frame.data.slice()),
              async [Symbol.asyncDispose]() {},
            }),
          });
        },
      }),
    }),
  };
  return new PluginHost([...builtinPlugins.filter(({ manifest }) => manifest.id !== 'recorder'), collector], {
    log: silentLog,
    commands: new CommandTable(),
    settings: () => settings,
    status: {
      get current(): never {
        throw new Error('no show runs in this test');
      },
      onDidChange: () => ({ [Symbol.dispose]() {} }),
    },
  });
}
