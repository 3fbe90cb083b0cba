import { silentLog } from '../../base/log.ts';
import { openPluginsWithoutShow } from '../builtin-plugins.ts';
import { printJson, printTable } from './terminal.ts';

/** `musecam plugins list`: from manifests alone, no plugin's code runs. */
export async function listPlugins(isJson: boolean): Promise<void> {
  await using plugins = openPluginsWithoutShow(silentLog, {});
  const { manifests } = plugins;
  if (isJson) return printJson(manifests);
  printTable(
    manifests.map(({ id, title, contributes }) => {
      const things = [
        ...contributes.audioInputs,
        ...contributes.faceEngines,
        ...contributes.videoOutputs,
        ...contributes.audioOutputs,
      ];
      return [id, title, things.map(({ scheme }) => scheme).join(', ')];
    }),
  );
}
