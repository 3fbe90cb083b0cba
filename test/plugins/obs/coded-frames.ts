import type { OBSWebSocket } from 'obs-websocket-js/json';
import type { Size, VideoFrame } from '../../../src/api/media.ts';
import { FRAME_MS, frameByteLength } from '../../../src/api/media.ts';
import { paintTimeCode, readTimeCode, TIME_CODE_CELLS, TIME_CODE_MIDDLE } from '../../../src/media/time-code.ts';

/** What pictures are handed to. */
interface Sink {
  send(frame: VideoFrame): Promise<void>;
}

/** How the pictures are. */
export interface CodedOptions {
  /** Lower right quarter transparent, the rest not. */
  readonly hasAlpha?: boolean;
  /** What is coded: the time of painting in ms, or which picture it is. */
  readonly code?: 'time' | 'count';
}

/** Sends pictures 25 times a second that say when they were painted. Dispose to stop. */
export class CodedFrames implements AsyncDisposable {
  readonly #size: Size;
  readonly #sink: Sink;
  readonly #options: CodedOptions;
  readonly #data: Uint8Array;
  readonly #alpha: Uint8Array;
  readonly #done: Promise<void>;
  #isOver = false;
  #count = 0;

  constructor(sink: Sink, size: Size, options: CodedOptions = {}) {
    this.#sink = sink;
    this.#size = size;
    this.#options = options;
    this.#data = new Uint8Array(frameByteLength('i420', size)).fill(128);
    const { width, height } = size;
    this.#alpha = Uint8Array.from({ length: width * height }, (_, at) =>
      at % width >= width / 2 && at >= (width * height) / 2 ? 0 : 255,
    );
    this.#done = this.#run();
  }

  /** Pictures sent so far. */
  get count(): number {
    return this.#count;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#done;
  }

  async #run(): Promise<void> {
    const startMs = performance.now();
    for (let beat = 0; !this.#isOver; beat++) {
      const waitMs = startMs + beat * FRAME_MS - performance.now();
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
      const nowMs = performance.now();
      paintTimeCode(this.#data, this.#size, this.#options.code === 'count' ? this.#count : nowMs, false);
      this.#count++;
      await this.#sink.send({
        ...{ ...this.#size, format: 'i420', data: this.#data, index: beat, capturedAtMs: nowMs },
        alpha: this.#options.hasAlpha ? this.#alpha : undefined,
      });
    }
  }
}

/** Size of the screenshots that codes are read from: small, so that OBS answers soon. */
const LOOK = { imageWidth: TIME_CODE_CELLS * 8, imageHeight: 117 } as const;

/** The code in a source as OBS has it now; undefined where there is none to be read. */
export async function readCodeInObs(hand: OBSWebSocket, sourceName: string): Promise<number | undefined> {
  const { imageData } = await hand.call('GetSourceScreenshot', { sourceName, imageFormat: 'bmp', ...LOOK });
  const bmp = Buffer.from(imageData.slice(imageData.indexOf(',') + 1), 'base64');
  const bytesPerPixel = bmp.readUInt16LE(28) / 8;
  const stride = (LOOK.imageWidth * bytesPerPixel + 3) & ~3;
  const row = Math.floor(LOOK.imageHeight * TIME_CODE_MIDDLE);
  // From the bottom row up, and green stands for grey.
  const from = bmp.readUInt32LE(10) + (LOOK.imageHeight - 1 - row) * stride + 1;
  return readTimeCode(Uint8Array.from({ length: LOOK.imageWidth }, (_, x) => bmp[from + x * bytesPerPixel]!));
}
