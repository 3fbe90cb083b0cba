import { stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { resolve } from 'node:path';
import sharp from 'sharp';
import { frameByteLength, type Size } from '../../api/media.ts';
import { AppError, messageOf } from '../../base/errors.ts';
import { rgb24ToI420 } from '../../media/color.ts';
import { BackgroundReplacer } from './replace-background.ts';

/** What is behind the person. */
export type Background =
  | { readonly kind: 'keep' | 'blur' | 'transparent' }
  /** Red, green and blue, 0 … 255. */
  | { readonly kind: 'colour'; readonly rgb: readonly [number, number, number] }
  /** Absolute path of a picture. */
  | { readonly kind: 'picture'; readonly path: string };

/** Changes a body frame, I420, in place. @param alpha Uint8 `[height, width]`, 255 = person. */
export type ApplyBackground = (body: Uint8Array, alpha: Uint8Array) => void;

/** Largest background picture, in bytes and in pixels. */
const MAX_PICTURE_BYTES = 100_000_000;
const MAX_PICTURE_PIXELS = 120_000_000;
const WORDS = new Set(['keep', 'blur', 'transparent']);

/**
 * Reads what somebody wrote as a background: `keep`, `blur`, `transparent`, a colour `#rrggbb`, or the path of a picture.
 * Whether the picture is there is found out by {@link openBackground}.
 * @throws AppError BAD_BACKGROUND.
 */
export function parseBackground(text: string): Background {
  const word = text.trim();
  if (WORDS.has(word)) return { kind: word as 'keep' | 'blur' | 'transparent' };
  if (/^#[0-9a-f]{6}$/i.test(word)) {
    const value = Number.parseInt(word.slice(1), 16);
    return { kind: 'colour', rgb: [value >> 16, (value >> 8) & 255, value & 255] };
  }
  // A path has a separator or an ending; anything else is a slip of the pen.
  if (word === '' || word.startsWith('#') || word.includes('\0') || !/[/\\.]/.test(word)) throw badBackground(text);
  return { kind: 'picture', path: resolve(word.replace(/^~(?=[/\\])/, homedir())) };
}

/**
 * Makes what puts a background behind the person. Colours at the person's edge lose what the old background gave them.
 * `transparent` only does that: the picture stays as it is, but where it shows through.
 * @returns undefined where nothing is changed. The function owns space of the frame's size; each frame is treated by itself.
 * @throws AppError BAD_BACKGROUND.
 */
export async function openBackground(text: string, size: Size): Promise<ApplyBackground | undefined> {
  const background = parseBackground(text);
  if (background.kind === 'keep') return undefined;
  const replacer = new BackgroundReplacer(size);
  if (background.kind === 'colour' || background.kind === 'picture') {
    const ground =
      background.kind === 'colour' ? plainGround(background.rgb, size) : await readGround(background.path, size);
    return (body, alpha) => replacer.replace(body, alpha, ground);
  }
  return background.kind === 'blur'
    ? (body, alpha) => replacer.blur(body, alpha)
    : (body, alpha) => replacer.cleanEdges(body, alpha);
}

/** A picture of one colour, I420. */
function plainGround(rgb: readonly [number, number, number], size: Size): Uint8Array {
  const two = { width: 2, height: 2 };
  const sample = new Uint8Array(frameByteLength('i420', two));
  rgb24ToI420(
    Uint8Array.from({ length: 12 }, (_, at) => rgb[at % 3]!),
    two,
    sample,
  );
  const pixels = size.width * size.height;
  const ground = new Uint8Array(frameByteLength('i420', size)).fill(sample[0]!, 0, pixels);
  return ground.fill(sample[4]!, pixels, pixels * 1.25).fill(sample[5]!, pixels * 1.25);
}

/** A picture, upright, that covers the frame, its middle kept, I420. */
async function readGround(path: string, size: Size): Promise<Uint8Array> {
  try {
    const found = await stat(path);
    const bytes = found.size;
    if (!found.isFile()) throw new Error('it is not a file');
    if (bytes > MAX_PICTURE_BYTES) throw new Error(`it has ${bytes} bytes; at most ${MAX_PICTURE_BYTES} are read`);
    const { data, info } = await sharp(path, { limitInputPixels: MAX_PICTURE_PIXELS, failOn: 'error' })
      .autoOrient()
      .resize(size.width, size.height, { fit: 'cover' })
      .flatten({ background: '#000000' })
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== 3) throw new Error(`it has ${info.channels} channels`);
    const ground = new Uint8Array(frameByteLength('i420', size));
    rgb24ToI420(data, size, ground);
    return ground;
  } catch (thrown) {
    throw new AppError('BAD_BACKGROUND', `The background ${path} cannot be used: ${messageOf(thrown)}`, {
      fix: 'Name a JPEG, PNG, WebP or SVG picture, or use: keep, blur, transparent, or a colour as #336699',
      cause: thrown,
    });
  }
}

function badBackground(text: string): AppError {
  return new AppError('BAD_BACKGROUND', `"${text}" is not a background.`, {
    fix: 'Use keep, blur, transparent, a colour as #336699, or the path of a picture',
  });
}
