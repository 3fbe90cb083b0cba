import { createHash } from 'node:crypto';
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { z } from 'zod';
import { AVATAR_LIMITS } from '../../api/avatar.ts';
import { FRAMES_PER_SECOND, type Rect, type Size } from '../../api/media.ts';
import { AVATAR_BYTE_LIMITS } from '../../avatar/manifest-rules.ts';
import { AppError, messageOf } from '../../base/errors.ts';
import { LATENT_SIDE } from '../../onnx/build-unet.ts';
import { memorySource } from '../../onnx/byte-source.ts';
import type { Checkpoint } from '../../onnx/checkpoint.ts';
import { readNumberRows } from '../../onnx/numpy-pickle.ts';
import { openTorchFile } from '../../onnx/torch-file.ts';
import { boxFault, encodeImported, patchesAround } from './imported-files.ts';
import { decodeLatents, encodeLatents, FRAME_LATENTS, LATENTS_PATH } from './latents-file.ts';
import { checkNumbered, folderBroken, numberedPng, readPlainFile, readPngSize } from './upstream-files.ts';

/** The file by which a folder of MuseTalk is known; upstream spells it so. */
const INFO_NAME = 'avator_info.json';

/** What a folder of MuseTalk says about itself. */
export interface UpstreamInfo {
  /** What the avatar is called there. */
  readonly name: string;
  /** `v15` or `v1`. */
  readonly version: string;
  /** The folder of its frames. */
  readonly framesFolder: string;
}

/** An avatar that MuseTalk's realtime script prepared, read and checked. */
export interface UpstreamAvatar {
  /** How many of its frames are used: the first ones. */
  readonly frameCount: number;
  /** To and fro where its lists are mirrored, as upstream writes them. */
  readonly motion: 'ping-pong' | 'loop';
  /** Size of the frames that are shown, even. */
  readonly size: Size;
  /** This engine's files of the new avatar, by path. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Changes when boxes, latents or the mask's places do. */
  readonly mark: string;
}

const MAX_SECONDS = 60;
const MAX_FRAMES = MAX_SECONDS * FRAMES_PER_SECOND;
const LIMITS = { info: 100_000, pickle: 16_000_000, latents: 300_000_000, picture: AVATAR_BYTE_LIMITS.picture };
/** 1.5 times the longest side of the largest box there may be. */
const MAX_MASK_SIDE = 6000;

const infoSchema = z.object({
  avatar_id: z.union([z.string().max(200), z.number()]).transform(String),
  version: z
    .string()
    .regex(/^[\w.-]{1,20}$/)
    .optional(),
});

/**
 * Reads what MuseTalk noted about an avatar.
 * @throws AppError MUSETALK_FOLDER_UNKNOWN where it is no such folder, MUSETALK_FOLDER_BROKEN.
 */
export async function readUpstreamInfo(folder: string): Promise<UpstreamInfo> {
  const { avatar_id, version } = await readInfo(folder);
  return {
    name: avatar_id.replace(/\p{C}/gu, '').trim(),
    version: version ?? 'v1',
    framesFolder: framesFolderOf(folder),
  };
}

function framesFolderOf(folder: string): string {
  return join(folder, 'full_imgs');
}

/**
 * Reads a folder that MuseTalk's realtime script prepared (see {@link readUpstreamInfo}): `full_imgs`, `coords.pkl`,
 * `latents.pt`, `mask`, `mask_coords.pkl`. Nothing in it is trusted: pickles are read as data, links are not followed, every count, size
 * and place is checked. Boxes that reach over the right or lower edge, which upstream lets through, end at it.
 * @param onMask told how many masks were read, of how many.
 * @throws AppError MUSETALK_FOLDER_BROKEN, CLIP_TOO_SHORT, CLIP_TOO_LONG; the signal's reason when aborted.
 */
export async function readUpstream(
  folder: string,
  signal: AbortSignal,
  onMask: (done: number, total: number) => void = () => {},
): Promise<UpstreamAvatar> {
  const coords = await readRows(join(folder, 'coords.pkl'));
  const crops = await readRows(join(folder, 'mask_coords.pkl'));
  const total = coords.length;
  checkLength(folder, total);
  if (crops.length !== total)
    throw folderBroken(join(folder, 'mask_coords.pkl'), `it has ${crops.length} entries for ${total} face boxes`);
  const framesFolder = framesFolderOf(folder);
  await checkNumbered(framesFolder, total);
  await checkNumbered(join(folder, 'mask'), total);
  const latents = await readLatentList(join(folder, 'latents.pt'), total);
  signal.throwIfAborted();

  const isMirrored = [coords, crops, latents.frames].every((list) => isMirror<ArrayLike<number>>(list));
  const frameCount = isMirrored ? total / 2 : total;
  checkFrameCount(folder, frameCount);
  const size = await readFrameSize(framesFolder, frameCount, signal);
  const boxes = coords.slice(0, frameCount).map((row, frame) => boxOf(row, size, `face box ${frame} in ${folder}`));
  const masks = await cutMasks({ folder, boxes, crops, size, signal, onMask });
  const values = joinLatents(latents.frames.slice(0, frameCount), latents.path);
  const hash = createHash('sha256')
    .update(values)
    .update(JSON.stringify([boxes, crops]));
  return {
    frameCount,
    size,
    motion: isMirrored ? 'ping-pong' : 'loop',
    files: new Map([[LATENTS_PATH, values], ...(await encodeImported({ boxes, masks }))]),
    mark: hash.digest('hex').slice(0, 32),
  };
}

async function readInfo(folder: string): Promise<z.infer<typeof infoSchema>> {
  const path = join(folder, INFO_NAME);
  if (!(await lstat(path).catch(() => undefined)))
    throw new AppError('MUSETALK_FOLDER_UNKNOWN', `${folder} holds no ${INFO_NAME}: MuseTalk did not prepare it.`, {
      fix: 'Name the folder results/v15/avatars/ID of MuseTalk, or prepare pictures anew: musecam prepare FOLDER --id ID',
    });
  const text = await readPlainFile(path, LIMITS.info);
  try {
    return infoSchema.parse(JSON.parse(text.toString('utf8')));
  } catch (thrown) {
    const why = thrown instanceof z.ZodError ? (thrown.issues[0]?.path.join('.') ?? '') : messageOf(thrown);
    throw folderBroken(path, `it is not what MuseTalk writes (${why})`, thrown);
  }
}

async function readRows(path: string): Promise<number[][]> {
  const bytes = await readPlainFile(path, LIMITS.pickle);
  return asImport(path, async () => readNumberRows(bytes, path, 4));
}

/** What the readers of weights say fits here, their advice does not. */
async function asImport<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (thrown) {
    if (!(thrown instanceof AppError)) throw thrown;
    throw folderBroken(path, thrown.message.replace(/^.*? cannot be used: /, '').replace(/\.$/, ''), thrown);
  }
}

/** The lists have twice as many entries as there are frames, or as many. */
function checkLength(folder: string, total: number): void {
  if (total > MAX_FRAMES * 2) throw tooLong(folder, total / 2);
  if (total < FRAMES_PER_SECOND) throw tooShort(folder, total);
}

function checkFrameCount(folder: string, frameCount: number): void {
  if (frameCount > MAX_FRAMES) throw tooLong(folder, frameCount);
  if (frameCount < FRAMES_PER_SECOND) throw tooShort(folder, frameCount);
}

function tooShort(folder: string, frameCount: number): AppError {
  return new AppError('CLIP_TOO_SHORT', `${folder} has ${frameCount} frames; at least 1 s (25 of them) is needed.`, {
    fix: 'Prepare a longer clip with MuseTalk, or one of the pictures as a photo: musecam prepare PICTURE --id ID',
  });
}

function tooLong(folder: string, frameCount: number): AppError {
  const seconds = Math.round(frameCount / FRAMES_PER_SECOND);
  return new AppError('CLIP_TOO_LONG', `${folder} has ${seconds} s of frames; at most ${MAX_SECONDS} s are used.`, {
    fix: 'Prepare a shorter part of the clip with MuseTalk',
  });
}

/** Whether the second half is the first one backwards. */
function isMirror<T extends ArrayLike<number>>(list: readonly T[]): boolean {
  if (list.length % 2 !== 0) return false;
  const areSame = (a: T, b: T) => {
    for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
    return true;
  };
  for (let at = 0; at < list.length / 2; at++) if (!areSame(list[at]!, list[list.length - 1 - at]!)) return false;
  return true;
}

async function readLatentList(
  path: string,
  count: number,
): Promise<{ readonly path: string; readonly frames: readonly Float32Array[] }> {
  const bytes = await readPlainFile(path, LIMITS.latents);
  return asImport(path, async () => {
    await using file = await openTorchFile(memorySource(bytes, path));
    checkShapes(file, count);
    const frames: Float32Array[] = [];
    for (let at = 0; at < count; at++) frames.push(await file.read(String(at)));
    return { path, frames };
  });
}

function checkShapes({ path, tensors }: Checkpoint, count: number): void {
  if (tensors.size !== count) throw folderBroken(path, `it has ${tensors.size} latents for ${count} face boxes`);
  for (let at = 0; at < count; at++) {
    const tensor = tensors.get(String(at));
    if (!tensor) throw folderBroken(path, 'it is not a list of tensors');
    const { type, shape } = tensor;
    if ((type === 'F16' || type === 'F32') && shape.join('x') === `1x8x${LATENT_SIDE}x${LATENT_SIDE}`) continue;
    const words = `${type} ${shape.join('x')}`.slice(0, 100);
    throw folderBroken(path, `latent ${at} is ${words}, not F16 1x8x${LATENT_SIDE}x${LATENT_SIDE}`);
  }
}

function joinLatents(frames: readonly Float32Array[], path: string): Uint8Array {
  const values = new Float32Array(frames.length * FRAME_LATENTS);
  for (const [at, frame] of frames.entries()) values.set(frame, at * FRAME_LATENTS);
  const bytes = encodeLatents(values);
  try {
    decodeLatents(bytes, frames.length, path);
  } catch (thrown) {
    const why = messageOf(thrown).replace(/^.*? cannot be used: /, '');
    throw folderBroken(path, why.replace(/\.$/, ''), thrown);
  }
  return bytes;
}

/** The size all frames have, even: an odd last column or row is not shown. */
async function readFrameSize(folder: string, frameCount: number, signal: AbortSignal): Promise<Size> {
  const first = await readPngSize(numberedPng(folder, 0), LIMITS.picture);
  const { minWidth, minHeight, maxWidth, maxHeight } = AVATAR_LIMITS;
  const words = `${first.width}x${first.height}`;
  if (first.width < minWidth || first.height < minHeight || first.width > maxWidth || first.height > maxHeight)
    throw folderBroken(
      numberedPng(folder, 0),
      `it has ${words} pixels; avatars have ${minWidth}x${minHeight} to ${maxWidth}x${maxHeight}`,
      undefined,
      'Scale the clip, for example ffmpeg -i CLIP -vf scale=1920:-2 smaller.mp4, and prepare that with MuseTalk',
    );
  for (let frame = 1; frame < frameCount; frame++) {
    signal.throwIfAborted();
    const path = numberedPng(folder, frame);
    const { width, height } = await readPngSize(path, LIMITS.picture);
    if (width !== first.width || height !== first.height)
      throw folderBroken(path, `it has ${width}x${height} pixels, the first frame ${words}`);
  }
  return { width: first.width & ~1, height: first.height & ~1 };
}

function boxOf([x1, y1, x2, y2]: readonly number[], size: Size, what: string): Rect {
  if (x1 === 0 && y1 === 0 && x2 === 0 && y2 === 0) throw folderBroken(what, 'there is no face in this frame');
  // Beyond these edges upstream's own crop ended, too: the latents are of what is inside.
  const right = Math.min(x2!, size.width);
  const bottom = Math.min(y2!, size.height);
  const box = { x: x1!, y: y1!, width: right - x1!, height: bottom - y1! };
  const isMostlyInside = box.width * 2 >= x2! - x1! && box.height * 2 >= y2! - y1!;
  const fault = boxFault(isMostlyInside ? box : { x: x1!, y: y1!, width: x2! - x1!, height: y2! - y1! }, size);
  if (fault) throw folderBroken(what, fault);
  return box;
}

interface MaskJob {
  readonly folder: string;
  readonly boxes: readonly Rect[];
  readonly crops: readonly (readonly number[])[];
  readonly size: Size;
  readonly signal: AbortSignal;
  readonly onMask: (done: number, total: number) => void;
}

/** Every frame's mask over its patch, 0 outside its box. */
async function cutMasks({ folder, boxes, crops, size, signal, onMask }: MaskJob): Promise<Uint8Array> {
  const patches = patchesAround(boxes, size);
  const { width, height } = patches[0]!;
  const bytes = boxes.length * width * height;
  if (bytes > AVATAR_BYTE_LIMITS.masks)
    throw new AppError(
      'CLIP_TOO_LONG',
      `The masks of ${folder} would take ${Math.round(bytes / 1e6)} MB of memory; at most ${AVATAR_BYTE_LIMITS.masks / 1e6} MB are given.`,
      { fix: 'Prepare a shorter or smaller clip with MuseTalk' },
    );
  const masks = new Uint8Array(bytes);
  let isAnySeen = false;
  for (const [frame, box] of boxes.entries()) {
    signal.throwIfAborted();
    const crop = cropOf(crops[frame]!, `mask ${frame} in ${folder}`);
    const mask = await readMask(numberedPng(join(folder, 'mask'), frame), crop);
    const target = masks.subarray(frame * width * height);
    if (copyMask(mask, crop, box, target, patches[frame]!)) isAnySeen = true;
    onMask(frame + 1, boxes.length);
  }
  if (!isAnySeen) throw folderBroken(join(folder, 'mask'), 'no mask lets anything of a face through');
  return masks;
}

function cropOf([x1, y1, x2, y2]: readonly number[], what: string): Rect {
  const crop = { x: x1!, y: y1!, width: x2! - x1!, height: y2! - y1! };
  const { width, height } = crop;
  const isSound = Object.values(crop).every(Number.isSafeInteger) && width > 0 && height > 0;
  if (isSound && width <= MAX_MASK_SIDE && height <= MAX_MASK_SIDE) return crop;
  throw folderBroken(what, `its place in mask_coords.pkl is none (${[x1, y1, x2, y2].join(', ')})`);
}

/** A mask's pixels, Uint8 `[crop.height, crop.width]`. */
async function readMask(path: string, { width, height }: Rect): Promise<Uint8Array> {
  const size = await readPngSize(path, LIMITS.picture);
  if (size.width !== width || size.height !== height)
    throw folderBroken(path, `it has ${size.width}x${size.height} pixels, mask_coords.pkl says ${width}x${height}`);
  const bytes = await readPlainFile(path, LIMITS.picture);
  try {
    const { data, info } = await sharp(bytes, { failOn: 'error' })
      .extractChannel(0)
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== 1 || data.length !== width * height) throw new Error(`${info.channels} channels`);
    return data;
  } catch (thrown) {
    throw folderBroken(path, `its pixels cannot be read (${messageOf(thrown)})`, thrown);
  }
}

/** Copies what of a mask lies in the box. @returns whether that is anything but 0. */
function copyMask(mask: Uint8Array, crop: Rect, box: Rect, target: Uint8Array, patch: Rect): boolean {
  const left = Math.max(box.x, crop.x);
  const right = Math.min(box.x + box.width, crop.x + crop.width);
  let seen = 0;
  for (let y = Math.max(box.y, crop.y); y < Math.min(box.y + box.height, crop.y + crop.height); y++) {
    if (right <= left) return false;
    const from = (y - crop.y) * crop.width - crop.x;
    const row = mask.subarray(from + left, from + right);
    target.set(row, (y - patch.y) * patch.width + left - patch.x);
    for (const value of row) seen |= value;
  }
  return seen !== 0;
}
