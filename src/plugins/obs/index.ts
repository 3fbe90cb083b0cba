import { join } from 'node:path';
import { definePlugin } from '../../api/plugin.ts';
import { findPaths } from '../../base/paths.ts';
import { registerObsCommands } from './commands.ts';
import { ObsControl } from './control.ts';
import { switchedOff } from './failures.ts';
import { MicrophoneSync } from './microphone-sync.ts';
import { SceneMap } from './scene-map.ts';
import { parseFormat } from './stream-format.ts';
import { StreamOutput } from './stream-output.ts';
import { findTarget, obsFolders } from './target.ts';

export default definePlugin({
  async activate(context) {
    const { settings, subscriptions, commands, status, log } = context;
    const enabled = settings['obs.enabled'] ?? 'auto';
    const format = parseFormat(String(settings['obs.format'] ?? 'auto')) ?? 'auto';
    const sound = settings['obs.sound'] === true;
    let stream: StreamOutput | undefined;
    let control: ObsControl | undefined;
    context.registerVideoOutput('obs.stream', {
      list: async () => [],
      open: async (options) => {
        stream = await StreamOutput.open(options, {
          format,
          sound,
          placePath: join(findPaths().state, 'obs-stream.json'),
          onChangeover: () => void control?.reopenStream(),
        });
        return stream;
      },
    });
    registerObsCommands(context, () => {
      if (!control) throw switchedOff();
      return control;
    });
    if (enabled === 'off') return;
    const given = { url: String(settings['obs.url']), password: String(settings['obs.password'] ?? '') };
    const scenes = (settings['obs.scenes'] ?? {}) as Readonly<Record<string, string>>;
    control = ObsControl.open({
      findTarget: () => findTarget(given),
      isWanted: enabled === 'on',
      switchScene: settings['obs.switchScene'] === true,
      map: await SceneMap.open(join(findPaths().data, 'obs-scenes.json'), scenes),
      commands,
      status,
      streamAddress: () => stream?.address,
      pageAddress: () => stream?.page,
      wantsStream: sound || format === 'rgba',
      scriptPath: join(findPaths().data, 'obs', 'musecam-hotkeys.lua'),
      folders: obsFolders(),
      openMicrophone: (obs) =>
        MicrophoneSync.open({
          obs,
          status,
          file: join(findPaths().data, 'obs', 'microphone.json'),
          extraMs: Number(settings['obs.extraMilliseconds'] ?? 0),
          log,
        }),
      reportLink: (link) => context.reportLink(link),
      log,
    });
    subscriptions.use(control);
  },
});
