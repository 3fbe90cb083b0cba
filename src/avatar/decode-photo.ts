import { open } from 'node:fs/promises';
import sharp, { type Metadata, type Sharp, type SharpOptions } from 'sharp';
import type { Rect } from '../api/media.ts';
import { AppError, messageOf, systemCodeOf } from '../base/errors.ts';
import type { Picture } from './picture.ts';

/** A decoded photo: upright, opaque, sRGB. */
export interface Photo {
  /** Size of the original, upright, in pixels. */
  readonly width: number;
  readonly height: number;
  /** The whole photo, at most {@link COPY_SIDE} pixels long, for finding faces. */
  readonly copy: Picture;
  /** Pixels of the original per pixel of the copy. */
  readonly copyScale: number;
  /** A part of the original at another size (Lanczos). */
  cut(part: Rect, size: { width: number; height: number }): Promise<Picture>;
}

/** Largest file that is read: a 16-bit picture of {@link MAX_PIXELS} without any compression. */
const MAX_FILE_BYTES = 800_000_000;
/** Longest side of a picture, in pixels. */
const MAX_SIDE = 16_000;
/** Pixels in a picture: telephones make 108 million; more is a mistake or an attack on the memory. */
const MAX_PIXELS = 120_000_000;
const MIN_SIDE = 128;
/** Longest side of the copy in which faces are looked for: a face of 96 px in the largest photo still has 20 px there. */
const COPY_SIDE = 2560;
/** What shows through a transparent picture: a light, slightly cool grey, as of a plain wall. */
const BACKDROP = { r: 201, g: 205, b: 209 };
/** Drawings (SVG) are rendered at least this long, so that a small viewBox does not make a blurred avatar. */
const MIN_DRAWING_SIDE = 1280;
/** Pixels per inch at which an SVG has its nominal size. */
const DRAWING_DENSITY = 72;
/** The size is checked before; the limit here is the second lock. Truncated and damaged files are refused. */
const READ_OPTIONS: SharpOptions = { limitInputPixels: MAX_PIXELS, failOn: 'error' };

/**
 * Reads a photo in any format sharp knows: turned upright by its EXIF orientation, colours converted to sRGB by its
 * profile (also CMYK, grey, 16-bit), transparency laid over a plain backdrop, the first picture of an animation.
 * @throws AppError SOURCE_MISSING, NOT_A_PICTURE, PICTURE_TOO_LARGE, PICTURE_TOO_SMALL.
 */
export async function decodePhoto(source: string): Promise<Photo> {
  const bytes = await readSource(source);
  const metadata = await readMetadata(bytes, source);
  const { width, height } = metadata.autoOrient;
  checkSize(source, width, height);
  try {
    // A drawing is rendered once, which may take seconds; photos are decoded again for each cut, in strips, which does not.
    const drawing = metadata.format === 'svg' ? await renderDrawing(bytes, width, height) : undefined;
    const upright = () => (drawing ? sharpOf(drawing) : sharp(bytes, READ_OPTIONS).autoOrient());
    const copy = await renderPixels(
      upright().resize(COPY_SIDE, COPY_SIDE, { fit: 'inside', withoutEnlargement: true }),
    );
    const full = drawing ?? { width, height };
    return {
      width: full.width,
      height: full.height,
      copy,
      copyScale: full.width / copy.width,
      cut: (part, size) =>
        renderPixels(
          upright()
            .extract({ left: part.x, top: part.y, width: part.width, height: part.height })
            .resize(size.width, size.height, { fit: 'fill' }),
        ),
    };
  } catch (thrown) {
    throw notAPicture(source, `its pixels cannot be read (${messageOf(thrown)})`, thrown);
  }
}

function renderDrawing(bytes: Buffer, width: number, height: number): Promise<Picture> {
  const zoom = Math.max(1, MIN_DRAWING_SIDE / Math.max(width, height));
  return renderPixels(sharp(bytes, { ...READ_OPTIONS, density: DRAWING_DENSITY * zoom }));
}

/** Renders a pipeline to opaque 8-bit sRGB in memory. */
export async function renderPixels(pipeline: Sharp): Promise<Picture> {
  const { data, info } = await pipeline
    .flatten({ background: BACKDROP })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== 3) throw new Error(`${info.channels} channels after conversion to sRGB, not 3`);
  return { width: info.width, height: info.height, pixels: data };
}

/** A sharp pipeline that begins with pixels in memory. */
export function sharpOf(picture: Picture): Sharp {
  return sharp(picture.pixels, { raw: { width: picture.width, height: picture.height, channels: 3 } });
}

async function readSource(source: string): Promise<Buffer> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(source, 'r');
  } catch (thrown) {
    const reason = systemCodeOf(thrown) === 'ENOENT' ? 'There is no such file' : 'It cannot be opened';
    throw new AppError('SOURCE_MISSING', `${reason}: ${source}`, {
      fix: 'Check the path of the photo; quote it if it has spaces',
      cause: thrown,
    });
  }
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw notAPicture(source, 'it is not a file');
    if (stat.size === 0) throw notAPicture(source, 'it is empty');
    if (stat.size > MAX_FILE_BYTES)
      throw new AppError('PICTURE_TOO_LARGE', `${source} has ${stat.size} bytes; at most ${MAX_FILE_BYTES} are read.`, {
        fix: 'Save the photo as a JPEG',
      });
    return await file.readFile();
  } finally {
    await file.close();
  }
}

async function readMetadata(bytes: Buffer, source: string): Promise<Metadata> {
  try {
    // Only the header is read here, so the size may be anything; it is checked right after.
    return await sharp(bytes, { limitInputPixels: false }).metadata();
  } catch (thrown) {
    throw notAPicture(source, `it cannot be read as one (${messageOf(thrown)})`, thrown);
  }
}

function checkSize(source: string, width: number, height: number): void {
  if (Math.max(width, height) > MAX_SIDE || width * height > MAX_PIXELS)
    throw new AppError(
      'PICTURE_TOO_LARGE',
      `${source} is ${width}x${height} pixels; at most ${MAX_SIDE} a side and ${MAX_PIXELS / 1e6} million in all are read.`,
      { fix: 'Make it smaller, for example 4000 pixels wide' },
    );
  if (Math.min(width, height) < MIN_SIDE)
    throw new AppError(
      'PICTURE_TOO_SMALL',
      `${source} is only ${width}x${height} pixels; at least ${MIN_SIDE} a side are needed.`,
      { fix: 'Take a larger photo: the face alone should be 300 pixels high or more' },
    );
}

/** This cannot be used as a picture. */
export function notAPicture(source: string, reason: string, cause?: unknown): AppError {
  return new AppError('NOT_A_PICTURE', `${source} is not a picture: ${reason}.`, {
    fix: 'Use a JPEG, PNG, WebP, AVIF, TIFF, GIF or SVG file, or a clip (MP4, MOV, WebM, MKV); save HEIC photos as JPEG first',
    cause,
  });
}
