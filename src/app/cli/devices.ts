import { listSupportedBackends } from 'onnxruntime-node';
import type { DeviceInfo } from '../../api/contributions.ts';
import { messageOf } from '../../base/errors.ts';
import { silentLog } from '../../base/log.ts';
import { findPaths } from '../../base/paths.ts';
import type { PluginHost } from '../../host/plugin-host.ts';
import { openPluginsWithoutShow } from '../builtin-plugins.ts';
import { declareInstalled } from '../installed-plugins.ts';
import { loadSettings } from '../load-settings.ts';
import { markOf, paint, printJson, printTable, showCommands } from './terminal.ts';

interface Listed {
  /** What to write on the command line: `mic:NAME`. */
  readonly use: string;
  readonly device: DeviceInfo;
}

/** Everything a person can choose from on this machine. */
export interface Devices {
  readonly inputs: readonly Listed[];
  readonly outputs: readonly Listed[];
  /** Execution providers of ONNX Runtime. */
  readonly accelerators: readonly { readonly name: string; readonly bundled: boolean }[];
  readonly problems: readonly string[];
}

/** Asks every input and output plugin for its devices; one that fails is told and does not hide the others. */
export async function findDevices(plugins: PluginHost, signal: AbortSignal): Promise<Devices> {
  const problems: string[] = [];
  const listPoint = async (point: 'audioInputs' | 'videoOutputs') => {
    const found: Listed[] = [];
    for (const { id, scheme } of plugins.contributions(point)) {
      try {
        const record = await plugins.record(point, id);
        for (const device of await record.list(signal)) found.push({ use: `${scheme}:${device.id}`, device });
      } catch (thrown) {
        problems.push(`${id}: ${messageOf(thrown)}`);
      }
    }
    return found;
  };
  const inputs = await listPoint('audioInputs');
  const outputs = await listPoint('videoOutputs');
  const accelerators = listSupportedBackends().map(({ name, bundled }) => ({ name, bundled }));
  return { inputs, outputs, accelerators, problems };
}

/** `musecam devices` */
export async function printDevices(isJson: boolean, signal: AbortSignal): Promise<void> {
  const { values } = await loadSettings(findPaths(), []);
  await using plugins = openPluginsWithoutShow(silentLog, values, declareInstalled(findPaths(), 'process'));
  const devices = await findDevices(plugins, signal);
  if (isJson) return printJson(devices);
  printGroup('Microphones', devices.inputs, 'none found; the bundled speech is used instead');
  printGroup('Virtual cameras', devices.outputs, 'none found; see: musecam doctor');
  console.log(paint('bold', 'Inference'));
  printTable(devices.accelerators.map(({ name, bundled }) => ['  ', name, bundled ? 'bundled' : 'needs an install']));
  for (const problem of devices.problems) console.log(`${markOf('failed')} ${problem}`);
}

function printGroup(title: string, listed: readonly Listed[], none: string): void {
  console.log(paint('bold', title));
  if (listed.length === 0) console.log(`   ${none}`);
  printTable(
    listed.map(({ use, device }) => [
      '  ',
      markOf(device.state),
      use,
      device.label,
      device.isDefault ? 'default' : '',
      device.detail ?? '',
      device.fix ? `→ ${showCommands(device.fix)}` : '',
    ]),
  );
  console.log('');
}
