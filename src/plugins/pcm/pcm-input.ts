import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AudioInput, AudioInputOptions, OpenAudioInput } from '../../api/contributions.ts';
import { type AudioChunk, SAMPLE_RATE_HZ } from '../../api/media.ts';
import { anySignal } from '../../base/any-signal.ts';
import { AppError } from '../../base/errors.ts';
import { Pace } from './pace.ts';
import { openPath, openStandardInput, type PcmSource } from './pcm-source.ts';

/** Longest chunk handed out: 20 ms. */
const CHUNK_SAMPLES = SAMPLE_RATE_HZ / 50;

/** The `pcm:-` and `pcm:PATH` input: s16le, 16 kHz, mono. `stdin` is asked for when `-` is opened. */
export function createPcmInput(stdin: () => Readable & { readonly isTTY?: boolean }): AudioInput {
  return {
    list: async () => [],
    async open(options) {
      const target = options.target || '-';
      const source = target === '-' ? openStandardInput(stdin()) : await openPath(target);
      options.onHealth({ state: 'ready' });
      return new PcmInput(source, options);
    },
  };
}

/**
 * Raw sound from a stream, read only as fast as chunks are asked for, so that the sender is held up instead of memory
 * filling up. `capturedAtMs` is the time of arrival. Ends when the sender closes the stream.
 */
class PcmInput implements OpenAudioInput {
  readonly label: string;
  readonly #source: PcmSource;
  readonly #options: AudioInputOptions;
  readonly #closed = new AbortController();

  constructor(source: PcmSource, options: AudioInputOptions) {
    this.#source = source;
    this.#options = options;
    this.label = source.label;
  }

  async *chunks(signal: AbortSignal): AsyncGenerator<AudioChunk> {
    const ended = anySignal(signal, this.#closed.signal);
    const samples = new Float32Array(CHUNK_SAMPLES);
    const pace = this.#options.isRealTime ? new Pace() : undefined;
    // Half a sample, where the sender's block ended between its two bytes.
    let rest: Buffer = Buffer.alloc(0);
    for await (const block of readBlocks(this.#source.stream, ended, this.label)) {
      const bytes = rest.length > 0 ? Buffer.concat([rest, block]) : block;
      const whole = bytes.length & ~1;
      rest = Buffer.from(bytes.subarray(whole));
      for (let at = 0; at < whole; at += 2 * CHUNK_SAMPLES) {
        const count = decode(bytes.subarray(at, whole), samples);
        if (pace && !(await keepPace(pace, (count * 1000) / SAMPLE_RATE_HZ, ended))) return;
        const capturedAtMs = pace ? performance.now() : Number.NaN;
        yield { samples: samples.subarray(0, count), sampleRateHz: SAMPLE_RATE_HZ, capturedAtMs };
      }
    }
    if (rest.length > 0 && !ended.aborted) this.#options.log.warn('the sound ended with half a sample; is it s16le?');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    this.#source[Symbol.dispose]();
  }
}

/** Decodes s16le samples, at most as many as fit; returns how many. */
function decode(bytes: Buffer, samples: Float32Array): number {
  const count = Math.min(samples.length, bytes.length >> 1);
  for (let i = 0; i < count; i++) samples[i] = bytes.readInt16LE(2 * i) / 32_768;
  return count;
}

/** Waits until the next piece may be taken in; false when aborted. */
async function keepPace(pace: Pace, durationMs: number, signal: AbortSignal): Promise<boolean> {
  const waitMs = pace.waitMs(performance.now());
  if (waitMs > 0) {
    try {
      await sleep(waitMs, undefined, { signal });
    } catch {
      return false;
    }
  }
  pace.take(performance.now(), durationMs);
  return !signal.aborted;
}

/**
 * The blocks of a stream as they come; reads on only when asked. Unlike the stream's own iterator it leaves the stream
 * open when it is left early, so that standard input can be opened again.
 */
async function* readBlocks(stream: Readable, signal: AbortSignal, label: string): AsyncGenerator<Buffer> {
  const watch = watchStream(stream, signal);
  try {
    while (!signal.aborted) {
      const block: Buffer | null = stream.read();
      if (block) yield block;
      else if (stream.errored) throw explainFailure(stream.errored, label);
      else if (stream.readableEnded || stream.destroyed) return;
      else await watch.changed();
    }
  } finally {
    watch[Symbol.dispose]();
  }
}

interface StreamWatch extends Disposable {
  /** Resolves at the next change, at once when there was one since the last call. */
  changed(): Promise<void>;
}

function watchStream(stream: Readable, signal: AbortSignal): StreamWatch {
  let hasChanged = true;
  let wake = () => {};
  const onChange = () => {
    hasChanged = true;
    wake();
  };
  const events = ['readable', 'end', 'error', 'close'] as const;
  for (const event of events) stream.on(event, onChange);
  signal.addEventListener('abort', onChange);
  return {
    async changed() {
      if (!hasChanged) await new Promise<void>((resolve) => (wake = resolve));
      hasChanged = false;
    },
    [Symbol.dispose]() {
      for (const event of events) stream.off(event, onChange);
      signal.removeEventListener('abort', onChange);
    },
  };
}

function explainFailure(failure: Error, label: string): AppError {
  return new AppError('PCM_UNREADABLE', `Reading sound from ${label} failed: ${failure.message}.`, { cause: failure });
}
