import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import sharp from 'sharp';
import {
  AVATAR_LIMITS,
  type AvatarFile,
  type AvatarManifest,
  LANDMARK_COUNT,
  qualityReportSchema,
} from '../api/avatar.ts';
import { messageOf } from '../base/errors.ts';
import { decodeMp4 } from './decode-mp4.ts';
import {
  AVATAR_BYTE_LIMITS,
  isClip,
  isGzipped,
  isVideo,
  landmarkBytes,
  listFiles,
  maskBytes,
  problem,
} from './manifest-rules.ts';
import { ProbeError, probeVideo } from './probe-video.ts';
import type { AvatarProblem } from './read-manifest.ts';

/** An avatar while its rules are run. */
export interface AvatarUnderCheck {
  /** The name under which its folder was asked for, or will have. */
  readonly name: string;
  /** Real path of the folder. */
  readonly folder: string;
  readonly manifest: AvatarManifest;
  /** Program that looks into videos: `ffprobe`. */
  readonly probe: string;
  readonly signal: AbortSignal | undefined;
}

/**
 * One rule: what is wrong, or nothing. Rules run in order; `sound` holds the paths of the files that the rules before
 * have found to be there, inside the folder and unchanged, and only these may be opened.
 */
export type AvatarRule = (avatar: AvatarUnderCheck, sound: Set<string>) => Promise<AvatarProblem[]> | AvatarProblem[];

/** Landmarks may lie a little outside the frame; this many frames away they are nonsense. */
const MAX_LANDMARK_FRAMES = 1;
const PICTURE_FORMATS = new Set(['png', 'webp', 'jpeg']);
const VIDEO_CODECS = new Set(['h264', 'mpeg4']);

/** The rules that look at the files, in the order in which they are run. */
export const FILE_RULES: readonly AvatarRule[] = [
  idIsTheFoldersName,
  filesAreInside,
  filesAreUnchanged,
  landmarksAreSane,
  masksUnpack,
  bodyPicturesFit,
  mattePictureFits,
  previewsArePictures,
  reportIsAReport,
];

/** Rules that start a program: run only where nothing else is wrong. */
export const VIDEO_RULES: readonly AvatarRule[] = [videosFit];

/** What unpacking finds out anyway, the first time it sees these very files. */
export const UNPACKING_RULES: ReadonlySet<AvatarRule> = new Set([masksUnpack, videosFit]);

/** Rules that decode everything: for avatars from elsewhere, where nothing else is wrong. */
export const DEEP_RULES: readonly AvatarRule[] = [picturesDecode, videosDecode];

function idIsTheFoldersName({ name, manifest }: AvatarUnderCheck): AvatarProblem[] {
  if (name === manifest.id) return [];
  const message = `avatar.json says the id is "${manifest.id}", but its folder is called "${name}".`;
  return [{ code: 'wrong-id', message, fix: `Rename the folder to ${manifest.id}` }];
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

/** Gzipped masks have the length they shall have. Counted, never held: a bomb ends at the first byte too many. */
async function masksUnpack({ folder, manifest }: AvatarUnderCheck, sound: Set<string>): Promise<AvatarProblem[]> {
  const { masks } = manifest;
  if (!isGzipped(masks) || !sound.has(masks.path)) return [];
  const expected = maskBytes(manifest);
  let length = 0;
  const counter = new Writable({
    write(chunk: Uint8Array, _encoding, done) {
      length += chunk.byteLength;
      done(length > expected ? new Error(`more than ${expected} bytes`) : null);
    },
  });
  try {
    await pipeline(createReadStream(join(folder, masks.path)), createGunzip(), counter);
  } catch (thrown) {
    return [problem('bad-masks', `${masks.path} cannot be unpacked: ${messageOf(thrown)}.`)];
  }
  if (length === expected) return [];
  return [problem('wrong-length', `${masks.path} unpacks to ${length} bytes, not ${expected}.`)];
}

async function bodyPicturesFit({ folder, manifest }: AvatarUnderCheck, sound: Set<string>): Promise<AvatarProblem[]> {
  if (isClip(manifest)) return [];
  const problems: AvatarProblem[] = [];
  for (const file of manifest.body) problems.push(...(await checkPictureSize(folder, file, manifest, sound)));
  return problems;
}

async function mattePictureFits({ folder, manifest }: AvatarUnderCheck, sound: Set<string>): Promise<AvatarProblem[]> {
  const { matte } = manifest;
  return matte && !isVideo(matte) ? checkPictureSize(folder, matte, manifest, sound) : [];
}

/** A picture has the avatar's own size. */
async function checkPictureSize(
  folder: string,
  { path, bytes }: AvatarFile,
  { width, height }: AvatarManifest,
  sound: Set<string>,
): Promise<AvatarProblem[]> {
  if (!sound.has(path) || bytes > AVATAR_BYTE_LIMITS.picture) return [];
  const size = await pictureSize(join(folder, path));
  if (typeof size === 'string') return [problem('bad-picture', `${path}: ${size}.`)];
  if (size.width === width && size.height === height) return [];
  return [problem('wrong-picture-size', `${path} is ${size.width}x${size.height}, not ${width}x${height}.`)];
}

/** The preview and the contact sheet are pictures of a bearable size. */
async function previewsArePictures(
  { folder, manifest }: AvatarUnderCheck,
  sound: Set<string>,
): Promise<AvatarProblem[]> {
  const problems: AvatarProblem[] = [];
  for (const file of [manifest.preview, manifest.sheet]) {
    if (!file || !sound.has(file.path) || file.bytes > AVATAR_BYTE_LIMITS.picture) continue;
    const size = await pictureSize(join(folder, file.path));
    if (typeof size === 'string') problems.push(problem('bad-picture', `${file.path}: ${size}.`));
    else if (size.width > AVATAR_LIMITS.maxWidth || size.height > AVATAR_LIMITS.maxHeight)
      problems.push(problem('wrong-picture-size', `${file.path} is too large: ${size.width}x${size.height}.`));
  }
  return problems;
}

async function reportIsAReport({ folder, manifest }: AvatarUnderCheck, sound: Set<string>): Promise<AvatarProblem[]> {
  const { report } = manifest;
  if (!report || !sound.has(report.path) || report.bytes > AVATAR_BYTE_LIMITS.report) return [];
  try {
    const checked = qualityReportSchema.safeParse(JSON.parse(await readFile(join(folder, report.path), 'utf8')));
    if (checked.success) return [];
    const { path, message } = checked.error.issues[0]!;
    return [problem('bad-report', `${report.path}: ${path.join('.') || 'the whole'}: ${message}.`)];
  } catch (thrown) {
    return [problem('bad-report', `${report.path} is not JSON: ${messageOf(thrown)}.`)];
  }
}

/** Body and matte videos hold the right number of frames of the right size, in the one way that is decoded later. */
async function videosFit(avatar: AvatarUnderCheck, sound: Set<string>): Promise<AvatarProblem[]> {
  const { body, matte } = avatar.manifest;
  const problems: AvatarProblem[] = [];
  for (const file of [...body, matte])
    if (file && isVideo(file) && sound.has(file.path)) problems.push(...(await checkVideo(avatar, file)));
  return problems;
}

async function checkVideo({ folder, manifest, probe, signal }: AvatarUnderCheck, file: AvatarFile) {
  const { width, height, frameCount } = manifest;
  try {
    const facts = await probeVideo(join(folder, file.path), manifest, probe, signal);
    const faults: string[] = [];
    if (facts.streamCount !== 1) faults.push(`it holds ${facts.streamCount} streams, not one`);
    if (!VIDEO_CODECS.has(facts.codec)) faults.push(`its codec is ${facts.codec}, not h264 or mpeg4`);
    if (facts.pixelFormat !== 'yuv420p') faults.push(`its pixels are ${facts.pixelFormat}, not yuv420p`);
    if (facts.width !== width || facts.height !== height)
      faults.push(`it is ${facts.width}x${facts.height}, not ${width}x${height}`);
    if (facts.frameCount !== frameCount) faults.push(`it has ${facts.frameCount} frames, not ${frameCount}`);
    return faults.length === 0 ? [] : [problem('bad-video', `${file.path}: ${faults.join('; ')}.`)];
  } catch (thrown) {
    if (!(thrown instanceof ProbeError)) throw thrown;
    if (thrown.reason === 'failed') return [problem('bad-video', `${file.path}: ${thrown.message}.`)];
    const message = `${file.path} cannot be checked or shown: ${thrown.message} on PATH.`;
    return [{ code: 'ffmpeg-missing', message, fix: 'Install ffmpeg: sudo apt install ffmpeg' }];
  }
}

async function picturesDecode({ folder, manifest, signal }: AvatarUnderCheck): Promise<AvatarProblem[]> {
  const { body, matte, sheet, preview } = manifest;
  const problems: AvatarProblem[] = [];
  for (const file of [...body, matte, sheet, preview]) {
    if (!file || isVideo(file)) continue;
    signal?.throwIfAborted();
    try {
      await sharp(await readFile(join(folder, file.path)), { failOn: 'error' }).stats();
    } catch (thrown) {
      problems.push(problem('bad-picture', `${file.path}: ${messageOf(thrown)}.`));
    }
  }
  return problems;
}

async function videosDecode({ folder, manifest, signal }: AvatarUnderCheck): Promise<AvatarProblem[]> {
  const { body, matte, frameCount } = manifest;
  const problems: AvatarProblem[] = [];
  for (const file of [...body, matte]) {
    if (!file || !isVideo(file)) continue;
    const pictures = decodeMp4(join(folder, file.path), manifest, frameCount, signal ?? new AbortController().signal);
    try {
      for await (const _ of pictures);
    } catch (thrown) {
      signal?.throwIfAborted();
      problems.push(problem('bad-video', `${file.path}: ${messageOf(thrown)}.`));
    }
  }
  return problems;
}

/** Size of a PNG, WebP or JPEG from its header, or in words why it has none. */
async function pictureSize(path: string): Promise<{ width: number; height: number } | string> {
  try {
    // Bytes, not the path: sharp remembers what it has read by path, and avatars are replaced.
    const picture = sharp(await readFile(path), { limitInputPixels: false });
    const { width, height, format, pages = 1 } = await picture.metadata();
    if (pages > 1) return `it has ${pages} pictures in it`;
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
