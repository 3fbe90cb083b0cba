import type { DenoiseState } from '@shiguredo/rnnoise-wasm';

/** What RNNoise takes at once, in samples at 48 kHz: 10 ms. */
const BLOCK = 480;
/** Its output is two blocks behind its input: measured by correlation, 958 samples at the peak. */
const BEHIND_SAMPLES = 2 * BLOCK;
const SAMPLES_PER_MS = 48;
/** RNNoise takes floats of the size of 16 bit sound. */
const FULL_SCALE = 32_768;

/** Takes noise out of a voice at 48 kHz by RNNoise (Valin 2018), about 1 ms of work for 10 ms of sound. */
export class NoiseSuppressor implements Disposable {
  readonly #state: DenoiseState;
  /** Input since the last whole block. */
  readonly #waiting = new Float32Array(BLOCK);
  #waits = 0;
  /** The last input blocks as they were, for sound that must not be changed. */
  readonly #untouched: Float32Array[] = [new Float32Array(BLOCK), new Float32Array(BLOCK)];

  private constructor(state: DenoiseState) {
    this.#state = state;
  }

  /** Compiles the network's WebAssembly, some 5 MB: only where it is asked for. */
  static async load(): Promise<NoiseSuppressor> {
    const { Rnnoise } = await import('@shiguredo/rnnoise-wasm');
    // Built for browsers and their workers, it asks which of them this is before it does what runs anywhere.
    const world = globalThis as { WorkerGlobalScope?: unknown };
    const isOurs = world.WorkerGlobalScope === undefined;
    if (isOurs) world.WorkerGlobalScope = class WorkerGlobalScope {};
    try {
      return new NoiseSuppressor((await Rnnoise.load()).createDenoiseState());
    } finally {
      if (isOurs) delete world.WorkerGlobalScope;
    }
  }

  /** How long before the end of the input the end of the output is, in ms. */
  get behindMs(): number {
    return (this.#waits + BEHIND_SAMPLES) / SAMPLES_PER_MS;
  }

  /**
   * Sound without its noise, in whole blocks of 10 ms, as they become ready.
   * @param samples at 48 kHz, -1 … 1 @param keep leave it as it is, just as late.
   */
  push(samples: Float32Array, keep = false): Float32Array {
    const out = new Float32Array(Math.floor((this.#waits + samples.length) / BLOCK) * BLOCK);
    let done = 0;
    for (const sample of samples) {
      this.#waiting[this.#waits++] = sample;
      if (this.#waits < BLOCK) continue;
      this.#waits = 0;
      out.set(this.#next(keep), done);
      done += BLOCK;
    }
    return out;
  }

  [Symbol.dispose](): void {
    this.#state.destroy();
  }

  #next(keep: boolean): Float32Array {
    const block = this.#waiting.map((sample) => sample * FULL_SCALE);
    this.#state.processFrame(block);
    this.#untouched.push(this.#waiting.slice());
    const before = this.#untouched.shift()!;
    return keep ? before : block.map((sample) => sample / FULL_SCALE);
  }
}
