import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AudioInput, AudioInputOptions, OpenAudioInput } from '../../api/contributions.ts';
import type { AudioChunk } from '../../api/media.ts';
import { AppError } from '../../base/errors.ts';
import { WavFile } from './read-wav.ts';

/** Chunks a second: 20 ms each. */
const CHUNKS_PER_SECOND = 50;

/** The `wav:PATH` input. There is nothing to choose from, so that its list is empty. */
export const wavInput: AudioInput = {
  list: async () => [],
  open: async (options) => WavInput.open(options),
};

/**
 * A sound file as if it were spoken now. In real time its chunks keep to an absolute clock that starts with the first
 * chunk asked for: sample n "is captured" at start + n / rate, and a chunk comes out as soon as its last sample has been.
 * A reader that was held up gets what it missed at once, and nothing drifts. Off line chunks come as fast as they are
 * asked for and `capturedAtMs` is NaN.
 */
class WavInput implements OpenAudioInput {
  readonly label: string;
  readonly #file: WavFile;
  readonly #options: AudioInputOptions;
  #closing: Promise<void> | undefined;

  private constructor(file: WavFile, label: string, options: AudioInputOptions) {
    this.#file = file;
    this.label = label;
    this.#options = options;
  }

  /** @throws AppError WAV_NO_PATH, and what {@link WavFile.open} throws. */
  static async open(options: AudioInputOptions): Promise<WavInput> {
    if (!options.target) {
      throw new AppError('WAV_NO_PATH', 'The input wav: needs the path of a sound file.', {
        fix: 'Name it after the colon: --input wav:voice.wav',
      });
    }
    const path = expandPath(options.target);
    const file = await WavFile.open(path);
    const input = new WavInput(file, options.target, options);
    options.onHealth({ state: 'ready', detail: describe(file, options.loop) });
    return input;
  }

  async *chunks(signal: AbortSignal): AsyncGenerator<AudioChunk> {
    const rate = this.#file.sampleRateHz;
    const samples = new Float32Array(Math.ceil(rate / CHUNKS_PER_SECOND));
    const startMs = performance.now();
    this.#file.rewind();
    let position = 0;
    for (let index = 1; !signal.aborted && !this.#closing; index++) {
      // By the absolute position, so that rates that do not divide by 50 (11 025 Hz) do not drift.
      const wanted = Math.round((index * rate) / CHUNKS_PER_SECOND) - position;
      const count = await this.#fill(samples.subarray(0, wanted));
      if (count === 0) return;
      position += count;
      const capturedAtMs = this.#options.isRealTime ? startMs + (position * 1000) / rate : Number.NaN;
      if (!(await waitUntil(capturedAtMs, signal)) || this.#closing) return;
      yield { samples: samples.subarray(0, count), sampleRateHz: rate, capturedAtMs };
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#file[Symbol.asyncDispose]();
    return this.#closing;
  }

  /** Fills `output` from the file, in a loop without a seam where that is asked for; returns how much there was. */
  async #fill(output: Float32Array): Promise<number> {
    let done = await this.#readOpen(output);
    while (this.#options.loop && done < output.length && !this.#closing) {
      this.#file.rewind();
      const count = await this.#readOpen(output.subarray(done));
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  /** Reads; a file that is closed meanwhile is at its end. */
  async #readOpen(output: Float32Array): Promise<number> {
    if (this.#closing) return 0;
    try {
      return await this.#file.read(output);
    } catch (thrown) {
      if (this.#closing) return 0;
      throw thrown;
    }
  }
}

/** Waits for a time on `performance.now()`'s clock (NaN or past: not at all); false when aborted. */
async function waitUntil(timeMs: number, signal: AbortSignal): Promise<boolean> {
  // Timers may fire up to a millisecond early, hence the loop.
  for (let restMs = timeMs - performance.now(); restMs > 0; restMs = timeMs - performance.now()) {
    try {
      await sleep(restMs, undefined, { signal });
    } catch {
      return false;
    }
  }
  return !signal.aborted;
}

/** `~/voice.wav` after `wav:` is not expanded by the shell. */
function expandPath(target: string): string {
  return target.startsWith('~/') ? join(homedir(), target.slice(2)) : resolve(target);
}

function describe(file: WavFile, loop: boolean): string {
  const seconds = (file.frameCount / file.sampleRateHz).toFixed(1);
  return `${seconds} s at ${file.sampleRateHz} Hz${loop ? ', in a loop' : ''}`;
}
