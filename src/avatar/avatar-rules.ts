import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import sharp from 'sharp';
import { AVATAR_LIMITS, type AvatarFile, type AvatarManifest, LANDMARK_COUNT } from '../api/avatar.ts';
import { frameByteLength } from '../api/media.ts';
import { messageOf } from '../base/errors.ts';
import { type AvatarProblem, PREPARE_AGAIN } from './read-manifest.ts';

/** An avatar while its rules are run. */
export interface AvatarUnderCheck {
  /** The name under which its folder was asked for. */
  readonly name: string;
  /** Real path of the folder. */
  readonly folder: string;
  readonly manifest: AvatarManifest;
}

/**
 * One rule: what is wrong, or nothing. Rules run in order; `sound` holds the paths of the files that the rules before
 * have found to be there, inside the folder and unchanged, and only these may be opened.
 */
export type AvatarRule = (avatar: AvatarUnderCheck, sound: Set<string>) => Promise<AvatarProblem[]> | AvatarProblem[];

/** Body frames (I420) and masks in memory: 80 seconds of 720p. What is shown repeats after seconds anyway. */
const MAX_AVATAR_BYTES = 3_000_000_000;
/** The largest picture file: an uncompressed frame of the largest size, and then some. */
const MAX_PICTURE_BYTES = 64_000_000;
/** Landmarks may lie a little outside the frame; this many frames away they are nonsense. */
const MAX_LANDMARK_FRAMES = 1;
const PICTURE_FORMATS = new Set(['png', 'webp', 'jpeg']);

/** All rules, in the order in which they are run. */
export const AVATAR_RULES: readonly AvatarRule[] = [
  idIsTheFoldersName,
  countsAgree,
  sizesFitMemory,
  boxesAreInTheFrame,
  lengthsAgree,
  filesAreInside,
  filesAreUnchanged,
  landmarksAreSane,
  bodyPicturesFit,
  previewIsAPicture,
];

/** Every file of an avatar but avatar.json. */
function listFiles(manifest: AvatarManifest): AvatarFile[] {
  const engines = Object.values(manifest.engines).flatMap((engine) => engine.files);
  return [...manifest.body, manifest.masks, manifest.landmarks, manifest.preview, ...engines];
}

function idIsTheFoldersName({ name, manifest }: AvatarUnderCheck): AvatarProblem[] {
  if (name === manifest.id) return [];
  const message = `avatar.json says the id is "${manifest.id}", but its folder is called "${name}".`;
  return [{ code: 'wrong-id', message, fix: `Rename the folder to ${manifest.id}` }];
}

function countsAgree({ manifest }: AvatarUnderCheck): AvatarProblem[] {
  const { frameCount, body, faceBoxes, motion } = manifest;
  const problems: AvatarProblem[] = [];
  if (body.length !== frameCount)
    problems.push(problem('wrong-count', `${body.length} body pictures for ${frameCount} frames.`));
  if (faceBoxes.length !== frameCount)
    problems.push(problem('wrong-count', `${faceBoxes.length} face boxes for ${frameCount} frames.`));
  if (motion === 'still' && frameCount !== 1)
    problems.push(problem('wrong-count', `${frameCount} frames in a still avatar.`));
  return problems;
}

function sizesFitMemory({ manifest }: AvatarUnderCheck): AvatarProblem[] {
  const box = manifest.faceBoxes[0]!;
  const bytes = manifest.frameCount * (frameByteLength('i420', manifest) + box.width * box.height);
  if (bytes <= MAX_AVATAR_BYTES) return [];
  const message = `Its frames and masks need ${Math.round(bytes / 1e6)} MB of memory; at most ${MAX_AVATAR_BYTES / 1e6} MB are given.`;
  return [{ code: 'too-large', message, fix: 'Prepare it shorter or smaller' }];
}

function boxesAreInTheFrame({ manifest }: AvatarUnderCheck): AvatarProblem[] {
  const { width, height, faceBoxes } = manifest;
  const first = faceBoxes[0]!;
  return faceBoxes.flatMap((box, i) => {
    const words = `${box.width}x${box.height} at ${box.x},${box.y}`;
    if (box.x + box.width > width || box.y + box.height > height)
      return [problem('box-outside', `Face box ${i} (${words}) reaches out of the ${width}x${height} frame.`)];
    if (box.width !== first.width || box.height !== first.height)
      return [problem('box-size', `Face box ${i} (${words}) is not as large as the first one.`)];
    return [];
  });
}

function lengthsAgree({ manifest }: AvatarUnderCheck): AvatarProblem[] {
  const { frameCount, faceBoxes, masks, landmarks, body, preview } = manifest;
  const box = faceBoxes[0]!;
  const problems: AvatarProblem[] = [];
  const expect = (file: AvatarFile, bytes: number) => {
    if (file.bytes !== bytes)
      problems.push(problem('wrong-length', `${file.path} shall have ${bytes} bytes, avatar.json says ${file.bytes}.`));
  };
  expect(masks, frameCount * box.width * box.height);
  expect(landmarks, landmarkBytes(manifest));
  for (const file of [...body, preview])
    if (file.bytes > MAX_PICTURE_BYTES)
      problems.push(problem('file-too-large', `${file.path}: ${file.bytes} bytes are too many for a picture.`));
  return problems;
}

/** Float32, x, y and z of each landmark of each frame. */
function landmarkBytes(manifest: AvatarManifest): number {
  return manifest.frameCount * LANDMARK_COUNT * 3 * 4;
}

/** No path may lead out of the folder, neither by dots (the schema sees to that) nor by links. */
async function filesAreInside({ folder, manifest }: AvatarUnderCheck, sound: Set<string>): Promise<AvatarProblem[]> {
  const problems: AvatarProblem[] = [];
  for (const { path } of listFiles(manifest)) {
    const full = join(folder, path);
    try {
      const stat = await lstat(full);
      if ((await realpath(full)) !== full)
        problems.push(problem('link', `${path} is a link or lies behind one; links are not followed.`));
      else if (!stat.isFile()) problems.push(problem('not-a-file', `${path} is not a plain file.`));
      else sound.add(path);
    } catch {
      problems.push(problem('missing-file', `${path} is missing.`));
    }
  }
  return problems;
}

async function filesAreUnchanged({ folder, manifest }: AvatarUnderCheck, sound: Set<string>): Promise<AvatarProblem[]> {
  const problems: AvatarProblem[] = [];
  for (const { path, bytes, sha256 } of listFiles(manifest)) {
    if (!sound.has(path)) continue;
    const { size } = await lstat(join(folder, path));
    if (size !== bytes) problems.push(problem('wrong-size', `${path} has ${size} bytes, avatar.json says ${bytes}.`));
    else if ((await hashFile(join(folder, path))) !== sha256)
      problems.push(problem('wrong-hash', `${path} was changed: its SHA-256 is not the one in avatar.json.`));
    else continue;
    sound.delete(path);
  }
  return problems;
}

async function landmarksAreSane({ folder, manifest }: AvatarUnderCheck, sound: Set<string>): Promise<AvatarProblem[]> {
  const { landmarks, width, height } = manifest;
  if (!sound.has(landmarks.path) || landmarks.bytes !== landmarkBytes(manifest)) return [];
  const bytes = await readFile(join(folder, landmarks.path));
  const reach = [width, height, Math.max(width, height)];
  for (let at = 0; at + 4 <= bytes.byteLength; at += 4) {
    const value = bytes.readFloatLE(at);
    const axis = (at / 4) % 3;
    const most = reach[axis]! * (1 + MAX_LANDMARK_FRAMES);
    const least = -reach[axis]! * MAX_LANDMARK_FRAMES;
    if (Number.isFinite(value) && value >= least && value <= most) continue;
    const where = `landmark ${Math.floor(at / 12) % LANDMARK_COUNT} of frame ${Math.floor(at / 12 / LANDMARK_COUNT)}`;
    return [problem('bad-landmarks', `${landmarks.path}: ${where} lies at ${value}, ${'xyz'[axis]}.`)];
  }
  return [];
}

async function bodyPicturesFit({ folder, manifest }: AvatarUnderCheck, sound: Set<string>): Promise<AvatarProblem[]> {
  const { width, height } = manifest;
  const problems: AvatarProblem[] = [];
  for (const { path, bytes } of manifest.body) {
    if (!sound.has(path) || bytes > MAX_PICTURE_BYTES) continue;
    const size = await pictureSize(join(folder, path));
    if (typeof size === 'string') problems.push(problem('bad-picture', `${path}: ${size}.`));
    else if (size.width !== width || size.height !== height)
      problems.push(problem('wrong-picture-size', `${path} is ${size.width}x${size.height}, not ${width}x${height}.`));
  }
  return problems;
}

async function previewIsAPicture({ folder, manifest }: AvatarUnderCheck, sound: Set<string>): Promise<AvatarProblem[]> {
  const { path, bytes } = manifest.preview;
  if (!sound.has(path) || bytes > MAX_PICTURE_BYTES) return [];
  const size = await pictureSize(join(folder, path));
  if (typeof size === 'string') return [problem('bad-picture', `${path}: ${size}.`)];
  if (size.width <= AVATAR_LIMITS.maxWidth && size.height <= AVATAR_LIMITS.maxHeight) return [];
  return [problem('wrong-picture-size', `${path} is ${size.width}x${size.height}: too large for a preview.`)];
}

/** Size of a PNG, WebP or JPEG from its header, or in words why it has none. */
async function pictureSize(path: string): Promise<{ width: number; height: number } | string> {
  try {
    // Bytes, not the path: sharp remembers what it has read by path, and avatars are replaced.
    const { width, height, format } = await sharp(await readFile(path), { limitInputPixels: false }).metadata();
    return PICTURE_FORMATS.has(format) ? { width, height } : `${format} is not among the formats for avatars`;
  } catch (thrown) {
    return messageOf(thrown);
  }
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

function problem(code: string, message: string): AvatarProblem {
  return { code, message, fix: PREPARE_AGAIN };
}
