import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { OpenAudioInput } from '../../../src/api/contributions.ts';
import { Resampler } from '../../../src/media/resample.ts';
import { CAPTURE_TIMING } from '../../../src/plugins/microphone/capture-timing.ts';
import { createMicrophoneInput } from '../../../src/plugins/microphone/microphone-input.ts';
import { audioOptions, type RecordedOptions } from '../../fakes/audio-options.ts';
import { captureChildren } from '../../fakes/capture-children.ts';
import { findSpeech } from '../../fakes/find-speech.ts';
import { hasPackage, hasProgram, need } from '../../fakes/need.ts';
import { hasPulse, PULSE_RATE_HZ, PulseServer, synthesizeSpeech } from '../../fakes/pulse-server.ts';

const never = new AbortController().signal;
const SENTENCE = 'Peter Piper picked a peck of pickled peppers, and nobody knows why he bothered.';
const OTHER_SENTENCE = 'My mother may move Monday morning; bring both blue bags before breakfast.';

afterEach(() => {
  expect(captureChildren(), 'children left behind').toEqual([]);
});

/** Listens all the time; what it heard since the last {@link Listener.take}. */
class Listener {
  readonly #parts: Float32Array[] = [];
  readonly #stop = new AbortController();
  readonly #listening: Promise<void>;

  constructor(input: OpenAudioInput) {
    this.#listening = (async () => {
      for await (const chunk of input.chunks(this.#stop.signal)) this.#parts.push(chunk.samples.slice());
    })();
  }

  take(): Float32Array {
    const parts = this.#parts.splice(0);
    return Float32Array.from(parts.flatMap((part) => [...part]));
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#listening;
  }
}

/** The same speech at 16 kHz, -1 … 1. */
function at16kHz(pcm48k: Int16Array): Float32Array {
  const resampler = new Resampler(PULSE_RATE_HZ);
  const start = resampler.push(Float32Array.from(pcm48k, (sample) => sample / 32_768));
  const end = resampler.flush();
  return Float32Array.from([...start, ...end]);
}

/** Speaks and checks that all of it was heard, as it was said, in one piece. */
async function speakAndCheck(pulse: PulseServer, listener: Listener, sentence: string): Promise<void> {
  const speech = synthesizeSpeech(sentence);
  listener.take();
  await pulse.speak(speech);
  await sleep(700);
  const found = findSpeech(at16kHz(speech), listener.take());
  // The wave itself, not only its loudness; what is lacking to 1 is PulseAudio's resampler and its volume.
  expect(found.correlation).toBeGreaterThan(0.95);
  // Each half second stands at the same place: nothing was lost, doubled or shifted.
  expect(found.worstPieceCorrelation).toBeGreaterThan(0.9);
  expect(found.gain).toBeGreaterThan(0.8);
  expect(found.gain).toBeLessThan(1.2);
}

async function waitForState(options: RecordedOptions, state: string, from: number): Promise<void> {
  while (!options.health.slice(from).some((report) => report.state === state)) await sleep(20);
}

describe.each(['naudiodon', 'parec', 'arecord'] as const)('the microphone on a real sound server, by %s', (backend) => {
  const isThere = backend === 'naudiodon' ? hasPackage('naudiodon') : hasProgram(backend);

  it('hears speech as it was said, and again after the server was killed and started anew', async (context) => {
    need(context, hasPulse(), 'PulseAudio (pulseaudio, pulseaudio-utils, libasound2-plugins)');
    need(context, hasProgram('espeak-ng'), 'espeak-ng');
    need(context, isThere, backend);
    await using pulse = await PulseServer.start();
    const options = audioOptions(undefined, { isRealTime: true });
    const mic = createMicrophoneInput(() => backend, { environment: pulse.env });
    await using input = await mic.open(options, never);
    const listener = new Listener(input);
    await speakAndCheck(pulse, listener, SENTENCE);
    expect(options.health).toEqual([{ state: 'ready', detail: expect.stringContaining(`by ${backend}`) }]);

    await pulse.kill();
    await waitForState(options, 'degraded', 1);
    await sleep(1_000);
    await pulse.restart();
    const before = options.health.length;
    await waitForState(options, 'ready', before);
    await speakAndCheck(pulse, listener, OTHER_SENTENCE);
    await listener.stop();
  });

  it('comes back by itself after the microphone was unplugged', async (context) => {
    need(context, hasPulse(), 'PulseAudio (pulseaudio, pulseaudio-utils, libasound2-plugins)');
    need(context, hasProgram('espeak-ng'), 'espeak-ng');
    need(context, isThere, backend);
    await using pulse = await PulseServer.start();
    const options = audioOptions(undefined, { isRealTime: true });
    const mic = createMicrophoneInput(() => backend, { environment: pulse.env });
    await using input = await mic.open(options, never);
    const listener = new Listener(input);
    pulse.unplugMicrophone();
    await waitForState(options, 'degraded', 1);
    // Only the monitor of the speakers is left: that must not be taken instead.
    await sleep(1_500);
    expect(options.health.at(-1)!.state).toBe('degraded');
    const before = options.health.length;
    pulse.plugMicrophone();
    await waitForState(options, 'ready', before);
    await speakAndCheck(pulse, listener, OTHER_SENTENCE);
    await listener.stop();
  });

  it('notices that the server hangs, and hears it again when it goes on', async (context) => {
    need(context, hasPulse(), 'PulseAudio (pulseaudio, pulseaudio-utils, libasound2-plugins)');
    need(context, isThere, backend);
    await using pulse = await PulseServer.start();
    const options = audioOptions(undefined, { isRealTime: true });
    const timing = { ...CAPTURE_TIMING, startLimitMs: 1_500, listLimitMs: 1_000 };
    const mic = createMicrophoneInput(() => backend, { environment: pulse.env, timing });
    await using input = await mic.open(options, never);
    const listener = new Listener(input);
    process.kill(pulse.pid, 'SIGSTOP');
    await waitForState(options, 'degraded', 1);
    const startMs = performance.now();
    // Our own loop goes on meanwhile: nothing waits for the server.
    await sleep(500);
    expect(performance.now() - startMs).toBeLessThan(1_500);
    listener.take();
    const before = options.health.length;
    process.kill(pulse.pid, 'SIGCONT');
    await waitForState(options, 'ready', before);
    await sleep(500);
    expect(listener.take().length).toBeGreaterThan(1_000);
    await listener.stop();
  });
});

describe('the microphone on a real sound server', () => {
  it('is listed, and the monitor of the speakers is never the default', async (context) => {
    need(context, hasPulse(), 'PulseAudio (pulseaudio, pulseaudio-utils, libasound2-plugins)');
    await using pulse = await PulseServer.start();
    pulse.pactl('set-default-source', 'speakers.monitor');
    const mic = createMicrophoneInput(() => 'auto', { environment: pulse.env });
    const devices = await mic.list(never);
    expect(devices.map(({ id, isDefault, state }) => [id, isDefault, state])).toEqual([
      ['mic', true, 'ready'],
      ['speakers.monitor', false, 'ready'],
    ]);
    for (const backend of ['parec', 'naudiodon'] as const) {
      if (backend === 'naudiodon' && !hasPackage('naudiodon')) continue;
      const named = createMicrophoneInput(() => backend, { environment: pulse.env });
      await using input = await named.open(audioOptions(undefined), never);
      const listener = new Listener(input);
      await sleep(500);
      // Room noise: the monitor would deliver digital silence.
      expect(listener.take().some((sample) => sample !== 0)).toBe(true);
      await listener.stop();
    }
  });

  it('is not there when the server has only monitors, and the monitor can still be asked for', async (context) => {
    need(context, hasPulse(), 'PulseAudio (pulseaudio, pulseaudio-utils, libasound2-plugins)');
    await using pulse = await PulseServer.start();
    pulse.unplugMicrophone();
    const mic = createMicrophoneInput(() => 'auto', { environment: pulse.env });
    await expect(mic.open(audioOptions(undefined), never)).rejects.toMatchObject({ code: 'NO_MICROPHONE' });
    expect((await mic.list(never)).filter(({ isDefault }) => isDefault)).toEqual([]);
    await using input = await mic.open(audioOptions('Monitor of Null'), never);
    expect(input.label).toBe('Monitor of Null Output');
  });

  it('asks whether it is muted when it delivers only digital silence', async (context) => {
    need(context, hasPulse(), 'PulseAudio (pulseaudio, pulseaudio-utils, libasound2-plugins)');
    await using pulse = await PulseServer.start();
    const options = audioOptions(undefined);
    const timing = { ...CAPTURE_TIMING, silenceLimitSeconds: 1 };
    const mic = createMicrophoneInput(() => 'parec', { environment: pulse.env, timing });
    await using input = await mic.open(options, never);
    expect(input.label).toContain('Unix FIFO source');
    pulse.pactl('set-source-mute', 'mic', '1');
    await waitForState(options, 'degraded', 0);
    expect(options.health.at(-1)!.detail).toContain('delivers only silence: is it muted?');
    pulse.pactl('set-source-mute', 'mic', '0');
    await waitForState(options, 'ready', 2);
    expect((await mic.list(never))[0]!.detail).toBeUndefined();
  });
});
