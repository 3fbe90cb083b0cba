/**
 * A process that opens a microphone through the PortAudio package named in its first argument, prints the process id of
 * the capture child and stays: for finding out what becomes of the child when the daemon is killed.
 */
import { silentLog } from '../../src/base/log.ts';
import { createMicrophoneInput } from '../../src/plugins/microphone/microphone-input.ts';
import { captureChildren } from './capture-children.ts';

const mic = createMicrophoneInput(() => 'naudiodon', { portAudioModule: process.argv[2] ?? 'naudiodon' });
const options = { target: undefined, loop: false, isRealTime: true, log: silentLog, onHealth() {} };
await mic.open(options, new AbortController().signal);
process.stdout.write(`${captureChildren()[0]}\n`);
setInterval(() => {}, 1_000);
