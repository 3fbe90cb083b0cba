import type { AudioChunk, Size } from '../../../src/api/media.ts';
import { FRAME_MS } from '../../../src/api/media.ts';
import type { StreamOutput } from '../../../src/plugins/obs/stream-output.ts';
import { makePicture } from './stream-stand.ts';

const RATE_HZ = 44_100;
const CHUNK_MS = 10;
const TONE_HZ = 1_000;
/** How often it beeps, and how long, in frames. */
const EVERY_FRAMES = 25;
const BEEP_FRAMES = 3;

const isBeeping = (frame: number) => ((frame % EVERY_FRAMES) + EVERY_FRAMES) % EVERY_FRAMES < BEEP_FRAMES;

/**
 * A show whose picture is white exactly while its voice beeps, and black otherwise. The voice comes as it is captured, the
 * pictures as much later as those of a real show. Dispose to stop.
 */
export class SpeakingShow implements AsyncDisposable {
  readonly #stream: Pick<StreamOutput, 'send' | 'hearVoice'>;
  readonly #size: Size;
  readonly #lagMs: number;
  readonly #done: Promise<unknown>;
  #isOver = false;

  /** @param lagMs from the moment that a picture's sound began to be captured until the picture is sent. */
  constructor(stream: Pick<StreamOutput, 'send' | 'hearVoice'>, size: Size, lagMs = 95) {
    this.#stream = stream;
    this.#size = size;
    this.#lagMs = lagMs;
    const startMs = performance.now() + 20;
    this.#done = Promise.all([this.#speak(startMs), this.#show(startMs)]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#done;
  }

  async #speak(startMs: number): Promise<void> {
    const length = (RATE_HZ * CHUNK_MS) / 1000;
    for (let n = 0; !this.#isOver; n++) {
      const capturedAtMs = startMs + (n + 1) * CHUNK_MS;
      await sleepUntil(capturedAtMs);
      const samples = Float32Array.from({ length }, (_, i) => {
        const seconds = (n * CHUNK_MS) / 1000 + i / RATE_HZ;
        return isBeeping(Math.floor((seconds * 1000) / FRAME_MS)) ? 0.5 * Math.sin(2 * Math.PI * TONE_HZ * seconds) : 0;
      });
      const chunk: AudioChunk = { samples, sampleRateHz: RATE_HZ, capturedAtMs };
      this.#stream.hearVoice(chunk);
    }
  }

  async #show(startMs: number): Promise<void> {
    for (let frame = 0; !this.#isOver; frame++) {
      await sleepUntil(startMs + frame * FRAME_MS + this.#lagMs);
      const picture = makePicture(this.#size, { y: isBeeping(frame) ? 235 : 16, u: 128, v: 128 });
      await this.#stream.send({ ...picture, index: frame, capturedAtMs: startMs + (frame + 0.5) * FRAME_MS });
    }
  }
}

async function sleepUntil(ms: number): Promise<void> {
  const waitMs = ms - performance.now();
  if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
}
