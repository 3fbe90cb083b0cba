import { AppError, messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { CommandTable } from '../host/commands.ts';
import { type DeclaredPlugin, PluginHost } from '../host/plugin-host.ts';
import type { SettingValues } from '../host/settings.ts';
import { manifest as hotkeys } from '../plugins/hotkeys/manifest.ts';
import { manifest as microphone } from '../plugins/microphone/manifest.ts';
import { manifest as musetalk } from '../plugins/musetalk/manifest.ts';
import { manifest as obs } from '../plugins/obs/manifest.ts';
import { manifest as pcm } from '../plugins/pcm/manifest.ts';
import { manifest as pipewireCamera } from '../plugins/pipewire-camera/manifest.ts';
import { manifest as puppet } from '../plugins/puppet/manifest.ts';
import { manifest as recorder } from '../plugins/recorder/manifest.ts';
import { manifest as v4l2 } from '../plugins/v4l2/manifest.ts';
import { manifest as virtualMic } from '../plugins/virtual-mic/manifest.ts';
import { manifest as wav } from '../plugins/wav/manifest.ts';
import { manifest as webPanel } from '../plugins/web-panel/manifest.ts';

/** The plugins that come with the program. Manifests are read at once, code when it is first needed. */
export const builtinPlugins: readonly DeclaredPlugin[] = [
  { manifest: microphone, load: () => import('../plugins/microphone/index.ts') },
  { manifest: wav, load: () => import('../plugins/wav/index.ts') },
  { manifest: pcm, load: () => import('../plugins/pcm/index.ts') },
  { manifest: puppet, load: () => import('../plugins/puppet/index.ts') },
  { manifest: musetalk, load: () => import('../plugins/musetalk/index.ts') },
  { manifest: webPanel, load: () => import('../plugins/web-panel/index.ts') },
  { manifest: v4l2, load: () => import('../plugins/v4l2/index.ts') },
  { manifest: pipewireCamera, load: () => import('../plugins/pipewire-camera/index.ts') },
  { manifest: virtualMic, load: () => import('../plugins/virtual-mic/index.ts') },
  { manifest: recorder, load: () => import('../plugins/recorder/index.ts') },
  { manifest: obs, load: () => import('../plugins/obs/index.ts') },
  { manifest: hotkeys, load: () => import('../plugins/hotkeys/index.ts') },
];

/**
 * The plugins where no show runs: for one-shot commands and inside the engine host.
 * @param others plugins from outside; one that cannot be had is told in the log and left out.
 */
export function openPluginsWithoutShow(
  log: Log,
  settings: SettingValues,
  others: Iterable<DeclaredPlugin> = [],
): PluginHost {
  const host = new PluginHost(builtinPlugins, {
    log,
    commands: new CommandTable(),
    settings: () => settings,
    status: {
      get current(): never {
        throw new AppError('NO_SHOW', 'No show is running in this process.');
      },
      onDidChange: () => ({ [Symbol.dispose]() {} }),
    },
  });
  for (const plugin of others) {
    try {
      host.add(plugin);
    } catch (thrown) {
      log.warn(messageOf(thrown));
    }
  }
  return host;
}
