import { join } from 'node:path';
import {
  AVATAR_LIMITS,
  type AvatarManifest,
  avatarIdSchema,
  avatarManifestSchema,
  type PreparedFace,
} from '../api/avatar.ts';
import type { FaceEngine } from '../api/contributions.ts';
import type { Rect, Size } from '../api/media.ts';
import { AppError } from '../base/errors.ts';
import { avatarExists, exists } from './avatar-folder.ts';
import { chooseFace } from './choose-face.ts';
import { cutFrame } from './cut-frame.ts';
import { decodePhoto } from './decode-photo.ts';
import { boundsOf, faceBoxOf } from './face-box.ts';
import { faceTopology } from './face-topology.ts';
import { FaceFinder } from './find-face.ts';
import { chooseFrame } from './frame-face.ts';
import { drawJawMask } from './jaw-mask.ts';
import { type AvatarDetails, type EngineFiles, type StillFace, writeAvatar } from './write-avatar.ts';

/** Steps of a preparation, in order. `engine` comes once for each engine. */
export type PrepareStep = 'read' | 'find-face' | 'frame' | 'engine' | 'write';

/** What a photo shall become. */
export interface PreparePhotoOptions extends AvatarDetails {
  /** Path of the photo. */
  readonly source: string;
  /** Ids that may not be taken: those of the shipped avatars. */
  readonly reservedIds?: ReadonlySet<string> | undefined;
  /** Size of the body frames in pixels, even. Default 1280x720. */
  readonly size?: Size | undefined;
  /** Which face to take where there are several, counted from the left, beginning with 1. */
  readonly face?: number | undefined;
  /** Engines that work something out beforehand, by contribution id. */
  readonly engines: ReadonlyMap<string, FaceEngine>;
  /** Told before each step and at the end: how much of the whole is done, 0 … 1. */
  readonly onProgress?: ((step: PrepareStep, fraction: number) => void) | undefined;
  /** Aborting it ends the preparation with the signal's reason and leaves nothing behind. */
  readonly signal?: AbortSignal | undefined;
}

const DEFAULT_SIZE: Size = { width: 1280, height: 720 };
const NO_SIGNAL = new AbortController().signal;

/**
 * Makes a prepared avatar of a photo: decodes it, finds the face, frames it like a webcam, works out landmarks, box and
 * mask, lets every engine prepare, and writes the folder. Either the whole avatar is there in the end, or nothing.
 * @throws AppError BAD_AVATAR_ID, CONSENT_MISSING, BAD_AVATAR_DETAILS, AVATAR_EXISTS, DISK_FULL, FOLDER_NOT_WRITABLE, and
 * what {@link decodePhoto} and {@link chooseFace} throw.
 */
export async function preparePhoto(options: PreparePhotoOptions): Promise<AvatarManifest> {
  const size = options.size ?? DEFAULT_SIZE;
  const signal = options.signal ?? NO_SIGNAL;
  const progress = (step: PrepareStep, fraction: number) => {
    signal.throwIfAborted();
    options.onProgress?.(step, fraction);
  };
  checkOptions(options, size);
  await checkFree(options);
  const still = await photograph(options, size, progress);
  const engines = await prepareEngines(options.engines, still, signal, progress);
  progress('write', 0.85);
  const manifest = await writeAvatar(options, still, engines, signal);
  options.onProgress?.('write', 1);
  return manifest;
}

type Progress = (step: PrepareStep, fraction: number) => void;

async function photograph(options: PreparePhotoOptions, size: Size, progress: Progress): Promise<StillFace> {
  progress('read', 0);
  const photo = await decodePhoto(options.source);
  const finder = await FaceFinder.open();
  try {
    progress('find-face', 0.3);
    const choice = { source: options.source, scale: photo.copyScale, face: options.face };
    const found = await chooseFace(finder, photo.copy, choice);
    progress('frame', 0.5);
    const outline = boundsOf(found.points, faceTopology.faceOval);
    const part = chooseFrame(photo, scaleRect(outline, photo.copyScale), size);
    const body = await cutFrame(photo, part, size);
    // Once more where it counts: in the pixels that will be shown.
    const start = moveLandmarks(found.points, photo.copyScale, part, size);
    let seen = await finder.landmarks(body, { points: start, score: found.score });
    seen = await finder.landmarks(body, seen);
    const { points, score } = await finder.landmarks(body, seen);
    const box = faceBoxOf(points, size);
    return { body, points, score, box, mask: drawJawMask(points, box) };
  } finally {
    await finder[Symbol.asyncDispose]();
  }
}

async function prepareEngines(
  engines: ReadonlyMap<string, FaceEngine>,
  still: StillFace,
  signal: AbortSignal,
  progress: Progress,
): Promise<EngineFiles> {
  const face: PreparedFace = {
    width: still.body.width,
    height: still.body.height,
    // Copies: what an engine does to them must not reach the avatar.
    pixels: async () => still.body.pixels.slice(),
    frameCount: 1,
    landmarks: still.points.slice(),
    masks: still.mask.slice(),
    faceBoxes: [still.box],
  };
  const prepared = new Map<string, { version: number; files: ReadonlyMap<string, Uint8Array> }>();
  let done = 0;
  for (const [id, engine] of engines) {
    progress('engine', 0.6 + (0.25 * done++) / engines.size);
    // An engine that does not listen to the signal must not hold up the person who pressed Ctrl-C.
    const result = await Promise.race([engine.prepare?.(face, signal), abortOf(signal)]);
    signal.throwIfAborted();
    if (result) prepared.set(id, result);
  }
  return prepared;
}

function abortOf(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}

function checkOptions(options: PreparePhotoOptions, size: Size): void {
  if (!avatarIdSchema.safeParse(options.id).success)
    throw new AppError('BAD_AVATAR_ID', `"${options.id}" cannot be an avatar's id.`, {
      fix: 'Use lower-case letters, digits and hyphens, at most 64, for example: --id anna-office',
    });
  const { depicts, statement } = options.consent;
  if (depicts.trim() === '' || statement.trim() === '')
    throw new AppError('CONSENT_MISSING', 'Who is shown, and who agreed to this use, is not said.', {
      fix: 'Say it: --depicts "Anna Example" --consent "Anna agreed in writing on 1 May" (or --depicts invented)',
    });
  const details = avatarManifestSchema.pick({
    name: true,
    description: true,
    licence: true,
    width: true,
    height: true,
  });
  const checked = details.safeParse({ ...options, ...size });
  const issue = checked.error?.issues[0];
  if (issue)
    throw new AppError('BAD_AVATAR_DETAILS', `The avatar's ${issue.path.join('.')} does not fit: ${issue.message}`, {
      fix: `Names have 1 to 100 characters; sizes are even, ${AVATAR_LIMITS.minWidth}x${AVATAR_LIMITS.minHeight} to ${AVATAR_LIMITS.maxWidth}x${AVATAR_LIMITS.maxHeight}`,
    });
}

async function checkFree({ id, folder, reservedIds, replace }: PreparePhotoOptions): Promise<void> {
  if (reservedIds?.has(id))
    throw new AppError('AVATAR_EXISTS', `"${id}" is the id of an avatar that comes with MuseCam.`, {
      fix: `Choose another id, for example: --id my-${id}`,
    });
  if (!replace && (await exists(join(folder, id)))) throw avatarExists(join(folder, id));
}

function scaleRect(rect: Rect, scale: number): Rect {
  return { x: rect.x * scale, y: rect.y * scale, width: rect.width * scale, height: rect.height * scale };
}

/** Landmarks of the small copy as landmarks of the frame that was cut out of the photo. */
function moveLandmarks(points: Float32Array, copyScale: number, part: Rect, size: Size): Float32Array {
  const scale = size.width / part.width;
  return points.map((value, i) =>
    i % 3 === 2 ? value * copyScale * scale : (value * copyScale - (i % 3 === 0 ? part.x : part.y)) * scale,
  );
}
