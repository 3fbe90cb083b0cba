import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { OpenAudioOutput } from '../../../src/api/contributions.ts';
import { OWN_SOUND_DEVICES } from '../../../src/api/own-devices.ts';

/** Rate of what a call hears, in Hz. */
export const CALL_RATE_HZ = 48_000;
/** A chunk of the call's recorder: what is asked of the server, in ms. */
const LATENCY_MS = 5;
/** From beep to beep of a {@link Beeper}, in ms. */
export const BEEP_EVERY_MS = 400;
const BEEP_MS = 60;
/** How much a microphone delivers at once, in ms. */
const CHUNK_MS = 20;
/** What counts as a beep's first sample; the beep has an amplitude of 0.5. */
const THRESHOLD = 0.1;

/** What a call does: records from our microphone by parec, and notes when each sample arrived. */
export class CallRecorder implements AsyncDisposable {
  readonly #child;
  readonly #chunks: {
    readonly samples: Float32Array;
    readonly arrivedMs: number;
    /** How much sound had come with it in all, in ms. */
    readonly reachMs: number;
  }[] = [];
  #rest = Buffer.alloc(0);

  constructor(environment: NodeJS.ProcessEnv, source: string = OWN_SOUND_DEVICES.source) {
    const format = ['--raw', '--format=float32le', `--rate=${CALL_RATE_HZ}`, '--channels=1'];
    const args = [...format, `--latency-msec=${LATENCY_MS}`, `--device=${source}`];
    this.#child = spawn('parec', args, { env: environment, stdio: ['ignore', 'pipe', 'ignore'] });
    this.#child.stdout.on('data', (bytes: Buffer) => this.#take(bytes, performance.now()));
  }

  /** All that was heard so far. */
  get samples(): Float32Array {
    return Float32Array.from(this.#chunks.flatMap(({ samples }) => [...samples]));
  }

  /** When each beep began to be heard, `performance.now()` in ms; beeps are at least `apartMs` apart. */
  onsets(apartMs: number): number[] {
    const onsets: number[] = [];
    for (const { samples, reachMs } of this.#chunks) {
      if (!samples.some((sample) => Math.abs(sample) >= THRESHOLD)) continue;
      const arrivedMs = this.#lineAt(reachMs) + reachMs;
      for (let n = 0; n < samples.length; n++) {
        if (Math.abs(samples[n]!) < THRESHOLD) continue;
        const atMs = arrivedMs - ((samples.length - n) * 1000) / CALL_RATE_HZ;
        if (atMs - (onsets.at(-1) ?? Number.NEGATIVE_INFINITY) > apartMs) onsets.push(atMs);
      }
    }
    return onsets;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }

  #take(bytes: Buffer, arrivedMs: number): void {
    const all = Buffer.concat([this.#rest, bytes]);
    const count = all.length >> 2;
    const samples = Float32Array.from({ length: count }, (_, n) => all.readFloatLE(4 * n));
    this.#rest = all.subarray(4 * count);
    const reachMs = (this.#chunks.at(-1)?.reachMs ?? 0) + (count * 1000) / CALL_RATE_HZ;
    this.#chunks.push({ samples, arrivedMs, reachMs });
  }

  /**
   * When sound that has come in all by `reachMs` would have come if this process had never been busy, less `reachMs`:
   * the earliest arrival around it.
   */
  #lineAt(reachMs: number): number {
    const near = this.#chunks.filter((chunk) => Math.abs(chunk.reachMs - reachMs) < 500);
    return Math.min(...near.map((chunk) => chunk.arrivedMs - chunk.reachMs));
  }
}

/** What a microphone of a rate would deliver, in real time: beeps, for ever. */
export class Beeper implements Disposable {
  readonly startMs = performance.now();
  readonly #timer: NodeJS.Timeout;
  #chunks = 0;

  constructor(output: OpenAudioOutput, rateHz: number) {
    const beeps = makeBeeps(BEEP_EVERY_MS / 1000, BEEP_EVERY_MS, BEEP_MS, rateHz);
    const length = (CHUNK_MS * rateHz) / 1000;
    this.#timer = setInterval(() => {
      while (this.startMs + (this.#chunks + 1) * CHUNK_MS <= performance.now()) {
        const at = (this.#chunks * length) % beeps.length;
        const capturedAtMs = this.startMs + ++this.#chunks * CHUNK_MS;
        output.hear({ samples: beeps.slice(at, at + length), sampleRateHz: rateHz, capturedAtMs });
      }
    }, 5);
  }

  /** How long after it was captured each beep was heard, in ms. */
  delays(onsets: readonly number[]): number[] {
    return onsets.map((ms) => (((ms - this.startMs) % BEEP_EVERY_MS) + BEEP_EVERY_MS) % BEEP_EVERY_MS);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** Beeps of 1 kHz that begin at full loudness, as samples -1 … 1. @param everyMs from beep to beep. */
export function makeBeeps(seconds: number, everyMs: number, beepMs: number, rateHz: number): Float32Array {
  return Float32Array.from({ length: seconds * rateHz }, (_, n) => {
    const inBeepMs = ((n * 1000) / rateHz) % everyMs;
    return inBeepMs < beepMs ? 0.5 * Math.cos((2 * Math.PI * 1000 * inBeepMs) / 1000) : 0;
  });
}

/** The value below which this share lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
