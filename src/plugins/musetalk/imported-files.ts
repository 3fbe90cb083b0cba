import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { z } from 'zod';
import { AVATAR_LIMITS, type AvatarRef } from '../../api/avatar.ts';
import type { Rect, Size } from '../../api/media.ts';
import { messageOf } from '../../base/errors.ts';
import { unreadable } from './body-patches.ts';
import { ENGINE_KEY, FILES_VERSION, MASKS_PATH } from './latents-file.ts';

/**
 * Path of the face boxes of an avatar that MuseTalk itself prepared: JSON `[[x, y, width, height], …]`, one a frame, whole
 * pixels of any size and place inside the frame. Where this file is, {@link MASKS_PATH} holds one mask a frame over its
 * patch (see {@link patchesAround}): Uint8 `[frameCount, patch height, patch width]`, 0 outside the box, gzipped.
 */
const BOXES_PATH = 'musetalk/boxes.json';

const MASK_GZIP_LEVEL = 4;
/** A line of four numbers of five digits. */
const MAX_BYTES_PER_BOX = 64;
/** A face that is smaller is none. */
const LEAST_BOX_PX = 4;

const whole = z.number().int().min(0).max(AVATAR_LIMITS.maxWidth);
const boxesSchema = z.array(z.tuple([whole, whole, whole, whole]));

/** What an avatar that MuseTalk itself prepared has instead of our boxes and masks. */
export interface ImportedFaces {
  /** Where each frame's face goes, in pixels of the frame. */
  readonly boxes: readonly Rect[];
  /** Uint8 `[frameCount, patch height, patch width]`, over {@link patchesAround} of the boxes. */
  readonly masks: Uint8Array;
}

/**
 * The pieces of the frames that the boxes can change: even, all of one size, each the leftmost and topmost that holds its
 * box and lies inside the frame.
 * @param frame even. @param boxes inside it.
 */
export function patchesAround(boxes: readonly Rect[], frame: Size): Rect[] {
  let [width, height] = [2, 2];
  for (const box of boxes) {
    width = Math.max(width, evenCeil(box.x + box.width) - evenFloor(box.x));
    height = Math.max(height, evenCeil(box.y + box.height) - evenFloor(box.y));
  }
  return boxes.map(({ x, y }) => ({
    x: Math.min(evenFloor(x), frame.width - width),
    y: Math.min(evenFloor(y), frame.height - height),
    width,
    height,
  }));
}

/** Why a box cannot be used in a frame of this size; undefined where it can. */
export function boxFault({ x, y, width, height }: Rect, frame: Size): string | undefined {
  const words = `${width}x${height} at ${x},${y}`;
  if (![x, y, width, height].every(Number.isSafeInteger)) return `it is not in whole pixels (${words})`;
  if (width < LEAST_BOX_PX || height < LEAST_BOX_PX) return `it is too small (${words})`;
  if (x < 0 || y < 0 || x + width > frame.width || y + height > frame.height)
    return `it reaches out of the ${frame.width}x${frame.height} picture (${words})`;
  return undefined;
}

/** The files, by path. */
export async function encodeImported({ boxes, masks }: ImportedFaces): Promise<ReadonlyMap<string, Uint8Array>> {
  const rows = boxes.map(({ x, y, width, height }) => JSON.stringify([x, y, width, height]));
  return new Map([
    [BOXES_PATH, Buffer.from(`[\n${rows.join(',\n')}\n]\n`)],
    [MASKS_PATH, await promisify(gzip)(masks, { level: MASK_GZIP_LEVEL })],
  ]);
}

/** Whether an avatar was prepared by MuseTalk itself, in the version that is read here. */
export function isImported({ manifest }: AvatarRef): boolean {
  const own = manifest.engines[ENGINE_KEY];
  return own?.version === FILES_VERSION && own.files.some(({ path }) => path === BOXES_PATH);
}

/** @throws AppError AVATAR_BROKEN for boxes or masks that do not fit the avatar. */
export async function readImported(ref: AvatarRef): Promise<ImportedFaces> {
  const { manifest, folder } = ref;
  const { frameCount } = manifest;
  try {
    const boxes = parseBoxes(await readShort(join(folder, BOXES_PATH), frameCount * MAX_BYTES_PER_BOX));
    if (boxes.length !== frameCount) throw new Error(`${BOXES_PATH} has ${boxes.length} boxes, not ${frameCount}`);
    for (const [frame, box] of boxes.entries()) {
      const fault = boxFault(box, manifest);
      if (fault) throw new Error(`${BOXES_PATH}: box ${frame} does not fit: ${fault}`);
    }
    const { width, height } = patchesAround(boxes, manifest)[0]!;
    const expected = frameCount * width * height;
    const packed = await readFile(join(folder, MASKS_PATH));
    const masks = await promisify(gunzip)(packed, { maxOutputLength: expected });
    if (masks.length !== expected) throw new Error(`${MASKS_PATH} has ${masks.length} bytes, not ${expected}`);
    return { boxes, masks };
  } catch (thrown) {
    throw unreadable(ref, messageOf(thrown), thrown);
  }
}

function parseBoxes(text: string): Rect[] {
  const parsed = boxesSchema.safeParse(JSON.parse(text));
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    throw new Error(`${BOXES_PATH}: ${path.join('.') || 'the whole'}: ${message}`);
  }
  return parsed.data.map(([x, y, width, height]) => ({ x, y, width, height }));
}

async function readShort(path: string, limit: number): Promise<string> {
  const handle = await open(path);
  try {
    const { size } = await handle.stat();
    if (size > limit) throw new Error(`${BOXES_PATH} has ${size} bytes, at most ${limit} are read`);
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}

function evenFloor(value: number): number {
  return value & ~1;
}

function evenCeil(value: number): number {
  return (value + 1) & ~1;
}
