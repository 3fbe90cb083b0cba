/**
 * The process that loads naudiodon (PortAudio), and the only one: PortAudio prints to standard output, can hang for ever
 * when its device goes away and may crash. It does one task (see capture-protocol.ts) and ends when its standard input is
 * closed, which also happens when the daemon dies. Nothing is imported but what it needs, so that it starts fast.
 */
import { rmdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import type { CaptureReply, CaptureTask, PortAudioDevice } from './capture-protocol.ts';

/** The part of naudiodon that is used here; it is optional, so that its own types may be missing. */
interface Naudiodon {
  getDevices(): readonly {
    readonly id: number;
    readonly name: string;
    readonly maxInputChannels: number;
    readonly defaultSampleRate: number;
    readonly hostAPIName: string;
  }[];
  getHostAPIs(): {
    readonly defaultHostAPI: number;
    readonly HostAPIs: readonly { readonly defaultInput: number }[];
  };
  AudioIO: new (options: { readonly inOptions: Readonly<Record<string, unknown>> }) => PortAudioStream;
}
interface PortAudioStream extends Readable {
  start(): void;
  quit(done: () => void): void;
}

/** 16-bit samples, in naudiodon's numbering. */
const SAMPLE_FORMAT_16_BIT = 16;
/** Tried in this order after the wanted rate and the device's own; ALSA hardware devices do not convert. */
const COMMON_RATES_HZ = [48_000, 16_000, 44_100, 32_000];
const CHUNKS_PER_SECOND = 100;
/** Chunks PortAudio's callback may queue before it has to wait: 1 s. */
const MAX_QUEUED_CHUNKS = 100;
/** naudiodon's quit() never comes back when no sound flows: then the process ends itself. In ms. */
const QUIT_LIMIT_MS = 400;
/** Unread sound is dropped from here on (2 s at 48 kHz): the daemon hangs, and old sound is of no use to it. */
const MAX_UNREAD_BYTES = 192_000;

const output = new Socket({ fd: 3, readable: false, writable: true });
// The daemon is gone or does not want any more; closing of standard input says so as well.
output.on('error', () => endNow());

run(JSON.parse(process.argv[2] ?? '{}') as CaptureTask);

function run(task: CaptureTask): void {
  const portAudio = loadModule(task.module);
  if (!portAudio) return;
  leaveScratchFolder();
  if (task.kind === 'list') {
    answer({ kind: 'devices', devices: listInputs(portAudio) }, endNow);
    return;
  }
  try {
    capture(portAudio, task);
  } catch (thrown) {
    fail('cannot-open', thrown);
  }
}

function loadModule(name: string): Naudiodon | undefined {
  try {
    return createRequire(import.meta.url)(name) as Naudiodon;
  } catch (thrown) {
    fail('no-module', thrown);
    return undefined;
  }
}

/**
 * The scratch folder we were started in is only a place for native code to write to, and is removed while it is still
 * empty, so that nothing is left behind however we end. (Windows keeps the folder of a process; the daemon removes it.)
 */
function leaveScratchFolder(): void {
  try {
    rmdirSync(process.cwd());
  } catch {
    // Something lies in it, or the system forbids it.
  }
}

function listInputs(portAudio: Naudiodon): PortAudioDevice[] {
  const { defaultHostAPI, HostAPIs } = portAudio.getHostAPIs();
  const defaultId = HostAPIs[defaultHostAPI]?.defaultInput;
  return portAudio
    .getDevices()
    .filter((device) => device.maxInputChannels > 0)
    .map(({ id, name, hostAPIName }) => ({ name, hostApi: hostAPIName, isDefault: id === defaultId }));
}

function capture(portAudio: Naudiodon, { deviceName, sampleRateHz }: Extract<CaptureTask, { kind: 'capture' }>): void {
  const inputs = portAudio.getDevices().filter((device) => device.maxInputChannels > 0);
  const wanted = inputs.find((device) => device.name === deviceName);
  if (inputs.length === 0) return fail('no-device', 'PortAudio finds no input');
  if (deviceName !== undefined && !wanted) return fail('no-device', `PortAudio finds no input named "${deviceName}"`);
  const rates = [...new Set([sampleRateHz, wanted?.defaultSampleRate ?? 0, ...COMMON_RATES_HZ])];
  const { stream, rateHz } = openAtFirstRate(portAudio, wanted?.id ?? -1, rates);
  process.stdin.on('end', () => quit(stream)).resume();
  answer({ kind: 'started', sampleRateHz: rateHz });
  stream.on('data', (bytes: Buffer) => {
    if (output.writableLength < MAX_UNREAD_BYTES) output.write(bytes);
  });
  stream.on('end', endNow);
  stream.start();
}

function openAtFirstRate(portAudio: Naudiodon, deviceId: number, ratesHz: readonly number[]) {
  let failure: unknown = new Error('no usable rate');
  for (const rateHz of ratesHz.filter((rate) => rate >= 8_000 && rate <= 192_000 && Number.isInteger(rate))) {
    try {
      return { rateHz, stream: openStream(portAudio, deviceId, rateHz) };
    } catch (thrown) {
      failure = thrown;
    }
  }
  throw failure;
}

function openStream(portAudio: Naudiodon, deviceId: number, rateHz: number): PortAudioStream {
  return new portAudio.AudioIO({
    inOptions: {
      deviceId,
      channelCount: 1,
      sampleFormat: SAMPLE_FORMAT_16_BIT,
      sampleRate: rateHz,
      // The stream's high-water mark is the length of its chunks, in bytes; the default would be half a second.
      highwaterMark: 2 * Math.round(rateHz / CHUNKS_PER_SECOND),
      maxQueue: MAX_QUEUED_CHUNKS,
      closeOnError: false,
    },
  });
}

function quit(stream: PortAudioStream): void {
  setTimeout(endNow, QUIT_LIMIT_MS);
  stream.quit(endNow);
}

function answer(reply: CaptureReply, then?: () => void): void {
  output.write(`${JSON.stringify(reply)}\n`, then);
}

function fail(reason: 'no-module' | 'no-device' | 'cannot-open', thrown: unknown): void {
  const message = (thrown instanceof Error ? thrown.message : String(thrown)).split('\n')[0] ?? '';
  answer({ kind: 'failed', reason, message }, endNow);
}

/** Ends at once. process.exit() would wait for ever for a thread that sits in PortAudio. */
function endNow(): void {
  process.kill(process.pid, 'SIGKILL');
}
