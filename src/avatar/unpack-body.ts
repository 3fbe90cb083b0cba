import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import type { AvatarFile, AvatarManifest } from '../api/avatar.ts';
import { frameByteLength } from '../api/media.ts';
import { AppError, messageOf } from '../base/errors.ts';
import { rgb24ToI420 } from '../media/color.ts';
import { decodeMp4 } from './decode-mp4.ts';
import { type Background, openBackground, parseBackground } from './matte/background.ts';
import { readMasks } from './read-masks.ts';
import { type Append, type StoreLimits, type UnpackedFile, UnpackedStore } from './unpacked-store.ts';

/** What is behind an avatar when nobody asks for something else: what was there. */
export const KEEP_BACKGROUND = 'keep';

/** How an avatar is unpacked. */
export interface UnpackOptions {
  /** Folder for what can be made again; the pictures go to `unpacked` in it. */
  readonly cacheFolder: string;
  /** `keep`, `blur`, `transparent`, `#rrggbb` or the path of a picture. Default `keep`. */
  readonly background?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told after each picture that had to be unpacked, with how many there are. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  readonly limits?: StoreLimits | undefined;
  /**
   * Unpacks into the same cache somewhere else, where it does no harm that it takes long: asked when a clip or a background
   * is not there yet. What it left undone is done here.
   */
  readonly elsewhere?:
    | ((job: { folder: string; cacheFolder: string; background: string }) => Promise<void>)
    | undefined;
}

/** An avatar's pictures as raw files, open for reading and held in the cache until disposed. */
export interface UnpackedAvatar extends AsyncDisposable {
  /** I420 of all frames. */
  readonly body: UnpackedFile;
  /** Uint8 masks of all frames. */
  readonly masks: UnpackedFile;
  /** Uint8 matte of all frames, where the background is transparent. */
  readonly alpha: UnpackedFile | undefined;
}

/** Part of every key: changes when the same files shall be unpacked differently. */
const UNPACK_VERSION = 1;

/**
 * Makes sure that an avatar's pictures lie unpacked in the cache: every frame as I420, with the background asked for, and
 * every mask. Nothing is decoded while it is shown. What is there from an earlier time is used again.
 * @param folder real path of an avatar that has been checked.
 * @throws AppError AVATAR_BROKEN, AVATAR_WITHOUT_MATTE, BAD_BACKGROUND, FFMPEG_MISSING, DISK_FULL, FOLDER_NOT_WRITABLE;
 *   the signal's reason when aborted.
 */
export async function unpackBody(
  folder: string,
  manifest: AvatarManifest,
  options: UnpackOptions,
): Promise<UnpackedAvatar> {
  const { background = KEEP_BACKGROUND, signal = new AbortController().signal, onProgress = () => {} } = options;
  const { kind } = parseBackground(background);
  if (kind !== 'keep' && !manifest.matte) throw withoutMatte(manifest.id, background);
  const store = new UnpackedStore(join(options.cacheFolder, 'unpacked'), options.limits);
  const work: Work = { folder, manifest, background, signal, onProgress };
  const files: UnpackedFile[] = [];
  const close = async () => {
    for (const file of files) await file[Symbol.asyncDispose]();
  };
  try {
    const take = async (name: string, bytes: number, write: (append: Append) => Promise<void>) => {
      const file = await store.take(name, bytes, write);
      files.push(file);
      return file;
    };
    const { width, height, frameCount, faceBoxes } = manifest;
    const name = await bodyName(work);
    const bodyBytes = frameCount * frameByteLength('i420', manifest);
    const isLong = frameCount > 1 || kind !== 'keep';
    if (options.elsewhere && isLong && !(await store.has(name, bodyBytes)))
      await options.elsewhere({ folder, cacheFolder: options.cacheFolder, background });
    const body = await take(name, bodyBytes, (append) => writeBody(work, append));
    const masks = await take(
      `${keyOf(manifest, [manifest.masks])}.masks`,
      frameCount * faceBoxes[0]!.width * faceBoxes[0]!.height,
      async (append) => append(await readMasks(folder, manifest)),
    );
    const alpha =
      kind === 'transparent'
        ? await take(`${keyOf(manifest, [manifest.matte!])}.alpha`, frameCount * width * height, (append) =>
            writeMatte(work, append),
          )
        : undefined;
    return { body, masks, alpha, [Symbol.asyncDispose]: close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

/** One avatar being unpacked. */
interface Work {
  readonly folder: string;
  readonly manifest: AvatarManifest;
  readonly background: string;
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
}

async function bodyName({ manifest, background }: Work): Promise<string> {
  const parsed = parseBackground(background);
  if (parsed.kind === 'keep') return `${keyOf(manifest, manifest.body)}.i420`;
  const files = [...manifest.body, manifest.matte!];
  return `${keyOf(manifest, files, await identityOf(parsed))}.i420`;
}

/** Changes with what is meant by a background: the bytes of a picture, not its name. */
async function identityOf(background: Background): Promise<string> {
  if (background.kind === 'colour') return background.rgb.join(' ');
  if (background.kind !== 'picture') return background.kind;
  const { path } = background;
  try {
    return createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
  } catch (thrown) {
    throw new AppError('BAD_BACKGROUND', `The background ${path} cannot be used: ${messageOf(thrown)}`, {
      fix: 'Name a picture that is there, or use keep, blur, transparent, or a colour as #rrggbb',
      cause: thrown,
    });
  }
}

function keyOf({ width, height, frameCount }: AvatarManifest, files: readonly AvatarFile[], background = ''): string {
  const hash = createHash('sha256').update(`${UNPACK_VERSION} ${width}x${height} ${frameCount} ${background}`);
  for (const { sha256 } of files) hash.update(`\n${sha256}`);
  return hash.digest('hex').slice(0, 40);
}

async function writeBody(work: Work, append: Append): Promise<void> {
  const { manifest, background, signal, onProgress } = work;
  const paint = await openBackground(background, manifest);
  const mattes = paint ? decodeMattes(work) : undefined;
  let done = 0;
  try {
    for await (const picture of decodeBody(work)) {
      const matte = await mattes?.next();
      if (paint && matte && !matte.done) paint(picture, matte.value);
      await append(picture);
      signal.throwIfAborted();
      onProgress(++done, manifest.frameCount);
    }
  } finally {
    await mattes?.return();
  }
}

async function writeMatte(work: Work, append: Append): Promise<void> {
  for await (const matte of decodeMattes(work)) {
    await append(matte.map(settled));
    work.signal.throwIfAborted();
  }
}

/** Every body frame as I420; one is valid until the next one is asked for. */
async function* decodeBody({ folder, manifest, signal }: Work): AsyncGenerator<Uint8Array, void> {
  for (const { path } of manifest.body) {
    const frames = path.endsWith('.mp4')
      ? decodeMp4(join(folder, path), manifest, manifest.frameCount, signal)
      : decodePicture(join(folder, path), manifest, 3);
    for await (const frame of tellingBroken(frames, folder, path, signal)) {
      if (path.endsWith('.mp4')) yield frame;
      else yield toI420(frame, manifest);
    }
  }
}

/** Every matte as Uint8 `[height, width]`; one is valid until the next one is asked for. */
async function* decodeMattes({ folder, manifest, signal }: Work): AsyncGenerator<Uint8Array, void> {
  const { path } = manifest.matte!;
  const pixels = manifest.width * manifest.height;
  if (!path.endsWith('.mp4')) {
    for await (const grey of tellingBroken(decodePicture(join(folder, path), manifest, 1), folder, path, signal))
      for (let frame = 0; frame < manifest.frameCount; frame++) yield grey;
    return;
  }
  const matte = new Uint8Array(pixels);
  const frames = decodeMp4(join(folder, path), manifest, manifest.frameCount, signal);
  for await (const frame of tellingBroken(frames, folder, path, signal)) {
    for (let at = 0; at < pixels; at++) matte[at] = GREY_OF_LUMA[frame[at]!]!;
    yield matte;
  }
}

/** The codec leaves specks in what is all person or all background. */
function settled(value: number): number {
  return value < 6 ? 0 : value > 249 ? 255 : value;
}

/** Limited range to full: 16 … 235 is 0 … 255. */
const GREY_OF_LUMA = Uint8Array.from({ length: 256 }, (_, luma) =>
  Math.min(255, Math.max(0, Math.round(((luma - 16) * 255) / 219))),
);

function toI420(rgb: Uint8Array, manifest: AvatarManifest): Uint8Array {
  const { width, height } = manifest;
  const body = new Uint8Array(frameByteLength('i420', manifest));
  rgb24ToI420(rgb, { width, height }, body);
  return body;
}

/** A picture of the avatar's size as RGB24 (3 channels) or grey (1). */
async function* decodePicture(
  path: string,
  { width, height }: AvatarManifest,
  channels: 1 | 3,
): AsyncGenerator<Uint8Array, void> {
  // Bytes, not the path: sharp remembers what it has read by path, and avatars are replaced.
  const picture = sharp(await readFile(path), { limitInputPixels: width * height, failOn: 'error' }).removeAlpha();
  const { data, info } = await (channels === 3 ? picture.toColourspace('srgb') : picture.extractChannel(0))
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  if (info.width !== width || info.height !== height || info.channels !== channels)
    throw new Error(`${info.width}x${info.height} with ${info.channels} channels`);
  yield data;
}

/** The same frames; what is wrong with the file is told as AVATAR_BROKEN. */
async function* tellingBroken(
  frames: AsyncGenerator<Uint8Array, void>,
  folder: string,
  path: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  try {
    for (;;) {
      const next = await nextOf(frames, folder, path, signal);
      if (next.done) return;
      yield next.value;
    }
  } finally {
    await frames.return();
  }
}

async function nextOf(frames: AsyncGenerator<Uint8Array, void>, folder: string, path: string, signal: AbortSignal) {
  try {
    return await frames.next();
  } catch (thrown) {
    signal.throwIfAborted();
    if (thrown instanceof AppError) throw thrown;
    const message = `The avatar in ${folder} cannot be used: ${path} cannot be read: ${messageOf(thrown)}.`;
    throw new AppError('AVATAR_BROKEN', message, { fix: 'Prepare the avatar again', cause: thrown });
  }
}

function withoutMatte(id: string, background: string): AppError {
  const message = `"${id}" was prepared without a matte: its background cannot be changed to ${background}.`;
  return new AppError('AVATAR_WITHOUT_MATTE', message, {
    fix: `Prepare it again: musecam prepare FILE --id ${id} --replace, or keep its background: musecam run background.set '{"background":"keep"}'`,
  });
}
