import type { HealthReport, VideoOutputOptions } from '../../../src/api/contributions.ts';
import { frameByteLength, type Size, type VideoFrame } from '../../../src/api/media.ts';
import { silentLog } from '../../../src/base/log.ts';
import { type StreamChoices, StreamOutput } from '../../../src/plugins/obs/stream-output.ts';

/** A stream of a small show, with what it says of itself. */
export async function openStream(
  size: Size,
  choices: StreamChoices = {},
): Promise<StreamOutput & { readonly told: HealthReport[] }> {
  const told: HealthReport[] = [];
  const options: VideoOutputOptions = {
    ...{ ...size, framesPerSecond: 25, target: undefined, log: silentLog },
    onHealth: (report) => void told.push(report),
  };
  return Object.assign(await StreamOutput.open(options, choices), { told });
}

/** Values of one colour in BT.601, limited range. */
export interface Colour {
  readonly y: number;
  readonly u: number;
  readonly v: number;
}

/** Red as in a test card. */
export const RED: Colour = { y: 81, u: 90, v: 240 };

/** A picture of one colour. @param matte its alpha, for each pixel; left out: opaque. */
export function makePicture(size: Size, { y, u, v }: Colour, matte?: (x: number, y: number) => number): VideoFrame {
  const pixels = size.width * size.height;
  const data = new Uint8Array(frameByteLength('i420', size));
  data
    .fill(y, 0, pixels)
    .fill(u, pixels, pixels * 1.25)
    .fill(v, pixels * 1.25);
  const alpha =
    matte && Uint8Array.from({ length: pixels }, (_, at) => matte(at % size.width, Math.floor(at / size.width)));
  return { ...size, format: 'i420', data, alpha, index: 0, capturedAtMs: performance.now() };
}

/** Sends what `make` makes, 25 times a second, until it is disposed. */
export class Beat implements AsyncDisposable {
  readonly #done: Promise<void>;
  #isOver = false;

  constructor(stream: Pick<StreamOutput, 'send'>, make: (beat: number) => VideoFrame) {
    this.#done = this.#run(stream, make);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#done;
  }

  async #run(stream: Pick<StreamOutput, 'send'>, make: (beat: number) => VideoFrame): Promise<void> {
    const startMs = performance.now();
    for (let beat = 0; !this.#isOver; beat++) {
      await stream.send(make(beat));
      const waitMs = startMs + (beat + 1) * 40 - performance.now();
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, waitMs)));
    }
  }
}
