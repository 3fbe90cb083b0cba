import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { AppError } from '../../../src/base/errors.ts';
import { checkSoundFolder, parseAlsaDevices } from '../../../src/plugins/microphone/alsa-devices.ts';
import { CaptureFailure } from '../../../src/plugins/microphone/capture-failure.ts';
import { explainNoMicrophone } from '../../../src/plugins/microphone/explain-no-microphone.ts';
import { matchMicrophone, mergeDevices } from '../../../src/plugins/microphone/microphone-devices.ts';
import { type PulseServerState, parsePulseSources } from '../../../src/plugins/microphone/pulse-sources.ts';

const folder = mkdtempSync(join(tmpdir(), 'musecam-devices-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** As PulseAudio 16 prints it, shortened. */
const PACTL = `Source #1
	State: SUSPENDED
	Name: alsa_output.pci-0000_00_1f.3.analog-stereo.monitor
	Description: Monitor of Built-in Audio Analog Stereo
	Mute: no
	Monitor of Sink: alsa_output.pci-0000_00_1f.3.analog-stereo
	Properties:
		device.description = "Monitor of Built-in Audio Analog Stereo"

Source #2
	State: RUNNING
	Name: alsa_input.pci-0000_00_1f.3.analog-stereo
	Description: Built-in Audio Analog Stereo
	Mute: yes
	Monitor of Sink: n/a

Source #7
	State: RUNNING
	Name: alsa_input.usb-Blue_Microphones_Yeti-00.analog-stereo
	Description: Yeti Stereo Microphone
	Mute: no
	Monitor of Sink: n/a
`;
const MONITOR = 'alsa_output.pci-0000_00_1f.3.analog-stereo.monitor';
const BUILT_IN = 'alsa_input.pci-0000_00_1f.3.analog-stereo';
const YETI = 'alsa_input.usb-Blue_Microphones_Yeti-00.analog-stereo';
const server: PulseServerState = { sources: parsePulseSources(PACTL), defaultSource: YETI };
const portAudio = [
  { name: 'default', hostApi: 'ALSA', isDefault: true },
  { name: 'pulse', hostApi: 'ALSA', isDefault: false },
  { name: 'Yeti: USB Audio (hw:2,0)', hostApi: 'ALSA', isDefault: false },
];

describe('the list of microphones', () => {
  it('reads what pactl prints', () => {
    expect(server.sources.map(({ name, isMonitor, isMuted }) => [name, isMonitor, isMuted])).toEqual([
      [MONITOR, true, false],
      [BUILT_IN, false, true],
      [YETI, false, false],
    ]);
    expect(server.sources[2]!.description).toBe('Yeti Stereo Microphone');
    expect(parsePulseSources('')).toEqual([]);
  });

  it('reads what arecord -l prints', () => {
    const text = `**** List of CAPTURE Hardware Devices ****
card 0: PCH [HDA Intel PCH], device 0: ALC257 Analog [ALC257 Analog]
  Subdevices: 1/1
card 2: Yeti [Yeti Stereo Microphone], device 0: USB Audio [USB Audio]
  Subdevices: 0/1
`;
    expect(parseAlsaDevices(text)).toEqual([
      { name: 'plughw:CARD=PCH,DEV=0', description: 'HDA Intel PCH, ALC257 Analog' },
      { name: 'plughw:CARD=Yeti,DEV=0', description: 'Yeti Stereo Microphone, USB Audio' },
    ]);
    expect(parseAlsaDevices('arecord: device_list:274: no soundcards found...')).toEqual([]);
  });

  it('puts the default first and monitors last, and drops names that only lead to the sound server', () => {
    const devices = mergeDevices(server, portAudio, []);
    expect(devices.map(({ id, isDefault }) => [id, isDefault])).toEqual([
      [YETI, true],
      [BUILT_IN, false],
      ['Yeti: USB Audio (hw:2,0)', false],
      [MONITOR, false],
    ]);
    expect(devices[1]!.detail).toBe('Muted.');
  });

  it('never makes a monitor the default', () => {
    const defaults = (state: PulseServerState) =>
      mergeDevices(state, [], [])
        .filter(({ isDefault }) => isDefault)
        .map(({ id }) => id);
    expect(defaults({ ...server, defaultSource: MONITOR })).toEqual([BUILT_IN]);
    expect(defaults({ sources: server.sources.slice(0, 1), defaultSource: MONITOR })).toEqual([]);
  });

  it('takes the default of PortAudio, or the first of the kernel, where there is no sound server', () => {
    expect(mergeDevices(undefined, portAudio, []).find(({ isDefault }) => isDefault)?.id).toBe('default');
    const kernel = parseAlsaDevices('card 0: PCH [HDA], device 0: ALC [ALC]');
    expect(mergeDevices(undefined, [], kernel)).toMatchObject([{ id: 'plughw:CARD=PCH,DEV=0', isDefault: true }]);
  });
});

describe('choosing a microphone by name', () => {
  const devices = mergeDevices(server, portAudio, []);
  const failure = (name: string): AppError => {
    try {
      matchMicrophone(name, devices);
    } catch (thrown) {
      if (thrown instanceof AppError) return thrown;
    }
    throw new Error('it was found');
  };

  it.each([
    ['Yeti Stereo Microphone', YETI],
    ['yeti', YETI],
    [BUILT_IN, BUILT_IN],
    ['built-in audio analog', BUILT_IN],
    ['monitor of', MONITOR],
    ['hw:2,0', 'Yeti: USB Audio (hw:2,0)'],
  ])('finds "%s"', (name, id) => {
    expect(matchMicrophone(name, devices).id).toBe(id);
  });

  it('lists what there is when nothing fits', () => {
    const error = failure('rode');
    expect(error.code).toBe('MICROPHONE_NOT_FOUND');
    expect(error.message).toContain('Yeti Stereo Microphone');
    expect(error.message).toContain(BUILT_IN);
    expect(error.fix).toBe(`Name one of them: --input "mic:${YETI}"`);
  });

  it('lists those that fit when several do', () => {
    const error = failure('stereo');
    expect(error.code).toBe('MICROPHONE_AMBIGUOUS');
    expect(error.message).toContain('Yeti Stereo Microphone');
    expect(error.message).toContain('Built-in Audio Analog Stereo');
    expect(error.message).not.toContain('Monitor');
  });
});

describe('explaining why there is no microphone', () => {
  const missing = new CaptureFailure('missing', 'parec is not installed');
  const broken = new CaptureFailure('broken', 'parec ended with code 1');

  it('tells no microphone from one that cannot be read', () => {
    expect(explainNoMicrophone([broken], false, ['parec'], 'win32')).toMatchObject({ code: 'MICROPHONE_UNAVAILABLE' });
    expect(explainNoMicrophone([missing], false, ['parec'], 'win32')).toMatchObject({ code: 'NO_MICROPHONE' });
    expect(explainNoMicrophone([broken, missing], true, ['parec'], 'darwin').code).toBe('MICROPHONE_UNAVAILABLE');
  });

  it('names what to install when nothing can read it', () => {
    const error = explainNoMicrophone([missing, missing], true, ['parec'], 'darwin');
    expect(error).toMatchObject({ code: 'MICROPHONE_BACKEND_MISSING', fix: 'sudo apt install pulseaudio-utils' });
    expect(error.message).toBe('Nothing here can read a microphone: parec is not installed.');
  });

  it('looks for capture devices of the kernel', () => {
    expect(checkSoundFolder(join(folder, 'none'))).toBe('none');
    mkdirSync(join(folder, 'snd'));
    writeFileSync(join(folder, 'snd', 'pcmC0D0p'), '');
    writeFileSync(join(folder, 'snd', 'controlC0'), '');
    expect(checkSoundFolder(join(folder, 'snd'))).toBe('none');
    writeFileSync(join(folder, 'snd', 'pcmC0D0c'), '');
    expect(checkSoundFolder(join(folder, 'snd'))).toBe('open');
  });
});
