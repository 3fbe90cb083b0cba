import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import sharp from 'sharp';
import type { AvatarFile, AvatarManifest } from '../../src/api/avatar.ts';

/** Side of the pictures of these avatars, in pixels: the smallest there may be. */
const TEST_SIZE_PX = 128;
const BOX = { x: 32, y: 48, width: 16, height: 16 };

/** A manifest whose parts may be replaced by anything at all. */
export type LooseManifest = Record<string, unknown> & AvatarManifest;

/** Writes a tiny sound avatar without preparing anything: a still, or with `frames` a clip (which takes ffmpeg). */
export async function writeTestAvatar(shelf: string, id: string, frames = 1): Promise<string> {
  const folder = join(shelf, id);
  await mkdir(folder, { recursive: true });
  const add = async (path: string, data: Uint8Array): Promise<AvatarFile> => {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), data);
    return describeFile(path, data);
  };
  const picture = await drawPicture();
  const landmarks = Float32Array.from({ length: frames * 478 * 3 }, (_, i) => (i % 3 === 2 ? 0 : 20 + (i % 60)));
  const masks = Uint8Array.from({ length: frames * BOX.width * BOX.height }, (_, i) => i % 256);
  const isClip = frames > 1;
  const report = { verdict: 'fair', frames: { total: frames, usable: frames }, measures: [] };
  const manifest: AvatarManifest = {
    schemaVersion: 2,
    id,
    name: 'Anna',
    licence: 'MIT',
    consent: { depicts: 'invented', statement: 'drawn for the tests of this repository', date: '2026-01-01' },
    width: TEST_SIZE_PX,
    height: TEST_SIZE_PX,
    framesPerSecond: 25,
    frameCount: frames,
    motion: isClip ? 'ping-pong' : 'still',
    body: [isClip ? await add('body.mp4', await makeVideo(frames)) : await add('body/0000.webp', picture)],
    faceBoxes: Array.from({ length: frames }, (_, i) => ({ ...BOX, x: BOX.x + 2 * (i % 4) })),
    masks: isClip ? await add('masks.bin.gz', gzipSync(masks)) : await add('masks.bin', masks),
    landmarks: await add('landmarks.f32', new Uint8Array(landmarks.buffer)),
    preview: await add('preview.png', await sharp(picture).resize(64).png().toBuffer()),
    passthrough: isClip ? [1] : [],
    ...(isClip ? { idle: { start: 2, count: 2 } } : {}),
    matte: isClip ? await add('matte.mp4', await makeVideo(frames)) : await add('matte.webp', picture),
    report: await add('report.json', Buffer.from(JSON.stringify(report))),
    sheet: await add('sheet.webp', picture),
    faceScore: 0.9,
    engines: { puppet: { version: 1, files: [await add('puppet/fields.bin', new Uint8Array(4000))] } },
    preparedBy: 'test',
  };
  await writeFile(join(folder, 'avatar.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  return folder;
}

/** An entry of a manifest for a file with these bytes. */
export function describeFile(path: string, data: Uint8Array): AvatarFile {
  return { path, bytes: data.byteLength, sha256: createHash('sha256').update(data).digest('hex') };
}

/** Reads, changes and writes avatar.json. */
export async function changeTestManifest(folder: string, change: (manifest: LooseManifest) => void): Promise<void> {
  const path = join(folder, 'avatar.json');
  const manifest = JSON.parse(await readFile(path, 'utf8')) as LooseManifest;
  change(manifest);
  await writeFile(path, JSON.stringify(manifest));
}

/** Puts other bytes under a file of an avatar, with the right size and hash: only what they mean is wrong. */
export async function forgeTestFile(
  folder: string,
  pick: (manifest: LooseManifest) => AvatarFile,
  data: Uint8Array,
): Promise<void> {
  let path = '';
  await changeTestManifest(folder, (manifest) => {
    const file = pick(manifest);
    path = file.path;
    Object.assign(file, describeFile(path, data));
  });
  await writeFile(join(folder, path), data);
}

/** A lossless picture of the avatar's size that is not of one colour. */
function drawPicture(): Promise<Buffer> {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${TEST_SIZE_PX}" height="${TEST_SIZE_PX}">
    <rect width="100%" height="100%" fill="#357"/><circle cx="60" cy="60" r="40" fill="#dba"/></svg>`;
  return sharp(Buffer.from(svg)).removeAlpha().webp({ lossless: true }).toBuffer();
}

/** A video of ffmpeg's test picture. @param options for ffmpeg, in place of the sound ones. */
export async function makeVideo(
  frames: number,
  options: readonly string[] = ['-pix_fmt', 'yuv420p', '-c:v', 'libx264'],
  sizePx = TEST_SIZE_PX,
): Promise<Uint8Array> {
  const source = `testsrc=size=${sizePx}x${sizePx}:rate=25`;
  const args = ['-v', 'error', '-f', 'lavfi', '-i', source, '-frames:v', String(frames), ...options];
  args.push('-f', 'mp4', '-movflags', 'frag_keyframe+empty_moov', 'pipe:1');
  const { status, stdout, stderr } = spawnSync('ffmpeg', args, { maxBuffer: 50_000_000 });
  if (status !== 0) throw new Error(stderr.toString());
  return stdout;
}
