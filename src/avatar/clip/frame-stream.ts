import type { Readable } from 'node:stream';

/** Frames read ahead while one is being worked on. */
const AHEAD = 2;

/**
 * Cuts a stream of bytes into frames of one length, and reads a little ahead of who takes them, no further. A frame is
 * valid until the next one is asked for. What is left at the end and fills no frame is dropped.
 */
export async function* readFrames(stream: Readable, byteLength: number): AsyncGenerator<Uint8Array> {
  const free = Array.from({ length: AHEAD + 1 }, () => new Uint8Array(byteLength));
  const full: Uint8Array<ArrayBuffer>[] = [];
  let filling = free.pop();
  let filled = 0;
  let rest: Uint8Array | undefined;
  let isOver = false;
  let failure: unknown;
  let wake = () => {};

  /** Takes what fits; keeps the rest and stops the stream when all frames are full. */
  const take = (chunk: Uint8Array) => {
    let at = 0;
    while (filling && at < chunk.length) {
      const length = Math.min(chunk.length - at, byteLength - filled);
      filling.set(chunk.subarray(at, at + length), filled);
      at += length;
      filled += length;
      if (filled < byteLength) continue;
      full.push(filling);
      filling = free.pop();
      filled = 0;
    }
    rest = at < chunk.length ? chunk.subarray(at) : undefined;
    if (!filling) stream.pause();
    if (full.length > 0) wake();
  };
  const over = (thrown?: unknown) => {
    isOver = true;
    failure ??= thrown;
    wake();
  };
  stream.on('data', take);
  stream.once('error', over);
  stream.once('close', () => over());
  try {
    for (;;) {
      const frame = full.shift();
      if (frame) {
        yield frame;
        free.push(frame);
        filling ??= free.pop();
        if (rest) take(rest);
        if (filling) stream.resume();
        continue;
      }
      if (failure) throw failure;
      if (isOver) return;
      await new Promise<void>((settle) => {
        wake = settle;
      });
    }
  } finally {
    stream.destroy();
  }
}
