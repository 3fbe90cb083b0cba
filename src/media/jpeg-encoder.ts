import type { Size } from '../api/media.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';

/** RGB24 pixels to one JPEG file. The pixels may be reused as soon as the promise resolves. */
export type JpegEncoder = (rgb: Uint8Array, size: Size) => Promise<Uint8Array>;

/** Quality 1 … 100: at 640x360 about 30 kB a picture, no visible blocks on faces. */
const QUALITY = 80;

/**
 * libjpeg-turbo, 4:2:0. A picture of 640x360 takes 0.35 ms, a quarter of sharp's time, on the thread pool.
 * @throws when the package has no binary for this platform.
 */
export async function loadTurboEncoder(): Promise<JpegEncoder> {
  // A CommonJS package: Node sees all of it as the default export.
  const { default: turbo } = await import('@julusian/jpeg-turbo');
  let scratch = Buffer.alloc(0);
  return async (rgb, { width, height }) => {
    const options = { format: turbo.FORMAT_RGB, width, height, quality: QUALITY, subsampling: turbo.SAMP_420 };
    const neededBytes = turbo.bufferSize(options);
    if (scratch.length < neededBytes) scratch = Buffer.alloc(neededBytes);
    const pixels = Buffer.from(rgb.buffer, rgb.byteOffset, rgb.byteLength);
    return Buffer.from(await turbo.compress(pixels, scratch, options));
  };
}

/** sharp: slower, and there on every platform that renders avatars. */
export async function loadSharpEncoder(): Promise<JpegEncoder> {
  const { default: sharp } = await import('sharp');
  return (rgb, { width, height }) =>
    sharp(rgb, { raw: { width, height, channels: 3 } })
      .jpeg({ quality: QUALITY })
      .toBuffer();
}

/** The fastest encoder that loads here. Encoders are not reentrant: one picture at a time. */
export async function loadJpegEncoder(log: Log): Promise<JpegEncoder> {
  try {
    return await loadTurboEncoder();
  } catch (thrown) {
    log.warn('jpeg-turbo cannot be loaded; the preview uses sharp, which is slower', { reason: messageOf(thrown) });
    return loadSharpEncoder();
  }
}
