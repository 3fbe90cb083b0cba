import { type AvatarFile, type AvatarManifest, LANDMARK_COUNT } from '../api/avatar.ts';
import { frameByteLength } from '../api/media.ts';
import { type AvatarProblem, PREPARE_AGAIN } from './read-manifest.ts';

/** What avatars may take at most: files of one avatar in bytes, unpacked frames in bytes, files in pieces. */
export const AVATAR_BYTE_LIMITS = {
  /** The largest picture file: an uncompressed frame of the largest size, and then some. */
  picture: 64_000_000,
  /** A minute of 4K needs about a third of it. */
  video: 1_000_000_000,
  /** Some forty measures with advice have 10 kB. */
  report: 200_000,
  /** All files together, as they lie on the disk. */
  total: 2_000_000_000,
  /** Body frames unpacked (I420): a minute of 1080p has 4.7 GB. They go to the disk, not into memory. */
  unpacked: 5_000_000_000,
  /** Masks are held in memory while live: a minute of boxes of 512x512 has 0.4 GB. */
  masks: 500_000_000,
} as const;

/** A body picture for each of the most frames there may be, and room for the rest. */
const MAX_FILES = 16_000;
/** Names that mean a device on Windows, whatever follows the dot; and names that end in a dot lose it there. */
const UNPORTABLE = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)|\.$/i;

/** One rule about a manifest alone: what is wrong, or nothing. */
export type ManifestRule = (manifest: AvatarManifest) => AvatarProblem[];

/** All rules that need no look at the disk: an avatar in a pack is held to them before anything is unpacked. */
export const MANIFEST_RULES: readonly ManifestRule[] = [
  countsAgree,
  framesAreNamedRightly,
  pathsAreApart,
  sizesFit,
  boxesAreInTheFrame,
  lengthsAgree,
];

/** Every file of an avatar but avatar.json. */
export function listFiles(manifest: AvatarManifest): AvatarFile[] {
  const { body, masks, landmarks, preview, matte, report, sheet } = manifest;
  const engines = Object.values(manifest.engines).flatMap((engine) => engine.files);
  const optional = [matte, report, sheet].filter((file) => file !== undefined);
  return [...body, masks, landmarks, preview, ...optional, ...engines];
}

/** Whether the body frames are in one video file, not in pictures. */
export function isClip({ body, frameCount }: AvatarManifest): boolean {
  return frameCount > 1 && body.length === 1 && isVideo(body[0]!);
}

/** Whether a file of an avatar is a video. */
export function isVideo(file: AvatarFile): boolean {
  return file.path.endsWith('.mp4');
}

/** Whether a file of an avatar is gzipped. */
export function isGzipped(file: AvatarFile): boolean {
  return file.path.endsWith('.gz');
}

/** Bytes of all masks, unpacked: Uint8 `[frameCount, box height, box width]`. */
export function maskBytes({ frameCount, faceBoxes }: AvatarManifest): number {
  const box = faceBoxes[0]!;
  return frameCount * box.width * box.height;
}

/** Bytes of all landmarks: Float32, x, y and z of each landmark of each frame. */
export function landmarkBytes(manifest: AvatarManifest): number {
  return manifest.frameCount * LANDMARK_COUNT * 3 * 4;
}

/** A problem that only a new preparation mends. */
export function problem(code: string, message: string): AvatarProblem {
  return { code, message, fix: PREPARE_AGAIN };
}

function countsAgree(manifest: AvatarManifest): AvatarProblem[] {
  const { frameCount, body, faceBoxes, motion, matte } = manifest;
  const problems: AvatarProblem[] = [];
  if (!isClip(manifest) && body.some(isVideo))
    problems.push(problem('wrong-count', 'A body is one video of several frames, or one picture for each frame.'));
  else if (!isClip(manifest) && body.length !== frameCount)
    problems.push(problem('wrong-count', `${body.length} body pictures for ${frameCount} frames.`));
  if (faceBoxes.length !== frameCount)
    problems.push(problem('wrong-count', `${faceBoxes.length} face boxes for ${frameCount} frames.`));
  if (motion === 'still' && frameCount !== 1)
    problems.push(problem('wrong-count', `${frameCount} frames in a still avatar.`));
  if (matte && isVideo(matte) !== frameCount > 1)
    problems.push(problem('wrong-count', `${matte.path}: a matte is a picture for one frame, a video for several.`));
  return problems;
}

/** The frames that are shown as they are, and the calmest ones, are frames that there are. */
function framesAreNamedRightly({ frameCount, passthrough, idle }: AvatarManifest): AvatarProblem[] {
  const problems: AvatarProblem[] = [];
  const wrong = passthrough.find((frame, i) => frame >= frameCount || frame <= (passthrough[i - 1] ?? -1));
  if (wrong !== undefined)
    problems.push(problem('bad-passthrough', `passthrough: ${wrong} is beyond ${frameCount} frames or not rising.`));
  else if (passthrough.length === frameCount)
    problems.push(problem('bad-passthrough', 'No frame has a face that can be driven.'));
  if (idle && idle.start + idle.count > frameCount) {
    const words = `${idle.count} frames from ${idle.start} on`;
    problems.push(problem('bad-idle', `idle: ${words} reach beyond the ${frameCount} frames.`));
  }
  return problems;
}

/** One file per path on every system: also where upper and lower case are the same, and beside avatar.json. */
function pathsAreApart(manifest: AvatarManifest): AvatarProblem[] {
  const files = listFiles(manifest);
  if (files.length > MAX_FILES)
    return [problem('too-many-files', `It names ${files.length} files; at most ${MAX_FILES} are taken.`)];
  const spelling = new Map([['avatar.json', 'avatar.json']]);
  const folders = new Set<string>();
  const problems: AvatarProblem[] = [];
  for (const { path } of files) {
    const known = spelling.get(path.toLowerCase());
    if (known === 'avatar.json' || (known !== undefined && known !== path))
      problems.push(problem('same-path', `${path} and ${known} are one file on some systems.`));
    spelling.set(path.toLowerCase(), path);
    const parts = path.split('/');
    if (parts.some((part) => part === '' || UNPORTABLE.test(part)))
      problems.push(problem('bad-path', `${path} cannot be the name of a file on every system.`));
    for (let end = 1; end < parts.length; end++) folders.add(parts.slice(0, end).join('/').toLowerCase());
  }
  for (const [lower, path] of spelling)
    if (folders.has(lower)) problems.push(problem('same-path', `${path} is named as a file and as a folder.`));
  return problems;
}

function sizesFit(manifest: AvatarManifest): AvatarProblem[] {
  const limits = AVATAR_BYTE_LIMITS;
  const frames = manifest.frameCount * frameByteLength('i420', manifest);
  const total = listFiles(manifest).reduce((sum, file) => sum + file.bytes, 0);
  const sizes = [
    ['frames', frames, limits.unpacked],
    ['masks', maskBytes(manifest), limits.masks],
    ['files', total, limits.total],
  ] as const;
  return sizes
    .filter(([, bytes, most]) => bytes > most)
    .map(([what, bytes, most]) => ({
      code: 'too-large',
      message: `Its ${what} need ${Math.round(bytes / 1e6)} MB; at most ${most / 1e6} MB are given.`,
      fix: 'Prepare it shorter or smaller',
    }));
}

function boxesAreInTheFrame({ width, height, faceBoxes }: AvatarManifest): AvatarProblem[] {
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

function lengthsAgree(manifest: AvatarManifest): AvatarProblem[] {
  const { masks, landmarks, body, preview, matte, sheet, report } = manifest;
  const problems: AvatarProblem[] = [];
  const expect = (file: AvatarFile, bytes: number) => {
    if (file.bytes !== bytes)
      problems.push(problem('wrong-length', `${file.path} shall have ${bytes} bytes, avatar.json says ${file.bytes}.`));
  };
  const limit = (file: AvatarFile | undefined, most: number, what: string) => {
    if (file && file.bytes > most)
      problems.push(problem('file-too-large', `${file.path}: ${file.bytes} bytes are too many for ${what}.`));
  };
  if (!isGzipped(masks)) expect(masks, maskBytes(manifest));
  expect(landmarks, landmarkBytes(manifest));
  for (const file of [...body, preview, matte, sheet])
    if (file && isVideo(file)) limit(file, AVATAR_BYTE_LIMITS.video, 'a video');
    else limit(file, AVATAR_BYTE_LIMITS.picture, 'a picture');
  limit(report, AVATAR_BYTE_LIMITS.report, 'a report');
  return problems;
}
