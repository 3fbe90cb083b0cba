import { describe, expect, it } from 'vitest';
import { parseOwnModules } from '../../../src/plugins/virtual-mic/own-modules.ts';

const line = (index: number, module: string, args: string) => `${index}\t${module}\t${args}\t`;

describe('our modules in the list of a sound server', () => {
  it('are found with their role and the process they belong to', () => {
    const text = [
      line(1, 'module-native-protocol-unix', 'auth-anonymous=1'),
      line(
        7,
        'module-null-sink',
        `norewinds=1 sink_name=musecam_mic_sink rate=48000 sink_properties="device.description='MuseCam voice' musecam.pid=42"`,
      ),
      line(
        536870914,
        'module-remap-source',
        `master=musecam_mic_sink.monitor source_name=musecam_mic source_properties="device.description='MuseCam Microphone' musecam.pid=42"`,
      ),
      '',
    ].join('\n');
    expect(parseOwnModules(text)).toEqual([
      { index: 7, role: 'sink', owner: 42 },
      { index: 536870914, role: 'source', owner: 42 },
    ]);
  });

  it('are never those of others: without our mark, of another name, or of another kind', () => {
    const text = [
      line(1, 'module-null-sink', 'sink_name=musecam_mic_sink'),
      line(2, 'module-null-sink', 'sink_name=musecam_mic_sink_2 sink_properties="musecam.pid=42"'),
      line(3, 'module-loopback', 'source=musecam_mic sink_name=musecam_mic_sink musecam.pid=42'),
      line(4, 'module-remap-source', 'master=mic source_name=musecam_mic_too source_properties="musecam.pid=42"'),
      'nonsense',
    ].join('\n');
    expect(parseOwnModules(text)).toEqual([]);
  });
});
