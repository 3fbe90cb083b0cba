import type { Readable } from 'node:stream';

/** Nothing new has come: what waits is looked at. */
const EMPTY = new Uint8Array(0);
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
  /** What has come and fits nowhere yet. */
  let rest: Uint8Array[] = [];
  let isOver = false;
  let failure: unknown;
  let wake = () => {};

  /**
   * Takes what fits; keeps the rest and stops the stream when all frames are full. More may come even so: a program that
   * has ended makes Node read on, whoever has stopped the stream.
   */
  const take = (chunk: Uint8Array) => {
    if (rest.length > 0) rest.push(chunk);
    else rest = [chunk];
    for (let next = rest[0]; next && filling; next = rest[0]) {
      const length = Math.min(next.length, byteLength - filled);
      filling.set(next.subarray(0, length), filled);
      filled += length;
      if (length < next.length) rest[0] = next.subarray(length);
      else rest.shift();
      if (filled < byteLength) continue;
      full.push(filling);
      filling = free.pop();
      filled = 0;
    }
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
        if (rest.length > 0) take(EMPTY);
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
