import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DecodeOptions } from '../../../src/avatar/clip/clip.ts';
import { decodeClip } from '../../../src/avatar/clip/decode-clip.ts';
import type { ProbedClip } from '../../../src/avatar/clip/probe-clip.ts';
import type { Picture } from '../../../src/avatar/picture.ts';

/** Runs ffmpeg; fails with what it said. */
export function ffmpeg(...args: string[]): void {
  execFileSync('ffmpeg', ['-y', '-v', 'error', '-nostdin', ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** A clip of ffmpeg's test picture, in which every frame is another one. @returns its path. */
export function makeClip(folder: string, name: string, source: string, ...args: string[]): string {
  const path = join(folder, name);
  ffmpeg('-f', 'lavfi', '-i', source, ...args, path);
  return path;
}

/**
 * A source for {@link makeClip}: red, green, blue and grey quarters, clockwise from the upper left, and frames that get
 * lighter by one step a frame in a stripe down the middle.
 */
export function quarters(width: number, height: number, rate: number, seconds: number): string {
  const half = `color=c=0xc82828:s=${width}x${height}:r=${rate}:d=${seconds}`;
  const box = (x: string, y: string, colour: string) => `drawbox=x=${x}:y=${y}:w=iw/2:h=ih/2:color=${colour}:t=fill`;
  return `${half},format=rgb24,${box('iw/2', '0', '0x28c828')},${box('iw/2', 'ih/2', '0x2828c8')},${box('0', 'ih/2', '0x808080')}`;
}

/** A folder of pictures that ffmpeg numbers, not padded: 1.png, 2.png, … 10.png. */
export function makePictures(folder: string, name: string, source: string): string {
  const path = join(folder, name);
  mkdirSync(path);
  ffmpeg('-f', 'lavfi', '-i', source, '-start_number', '1', join(path, '%d.png'));
  return path;
}

/**
 * Says in an MP4's or MOV's track header that its picture is to be shown turned by 90 degrees clockwise, as telephones do.
 * (ffmpeg's own option for it is another one in every second version.)
 */
export function turnClip(path: string, heightPx: number): void {
  const bytes = readFileSync(path);
  const header = bytes.indexOf('tkhd');
  // ISO 14496-12, 8.3.2: the matrix lies 40 bytes after version and flags of a version 0 header; a, b, u, c, d, v, x, y, w.
  const matrix = [0, 0x10000, 0, -0x10000, 0, 0, heightPx * 0x10000, 0, 0x40000000];
  for (const [i, value] of matrix.entries()) bytes.writeInt32BE(value, header + 4 + 40 + i * 4);
  writeFileSync(path, bytes);
}

/** Decodes everything, keeping what `look` makes of each frame. */
export async function decodeAll<T>(
  clip: ProbedClip,
  options: Partial<DecodeOptions>,
  look: (picture: Picture) => T,
): Promise<T[]> {
  const kept: T[] = [];
  const size = options.size ?? { width: clip.width, height: clip.height };
  for await (const picture of decodeClip(clip, { ...options, size }, new AbortController().signal))
    kept.push(look(picture));
  return kept;
}

/** The colour at a place given in shares of width and height. */
export function colourAt({ width, height, pixels }: Picture, across: number, down: number): [number, number, number] {
  const at = (Math.floor(down * height) * width + Math.floor(across * width)) * 3;
  return [pixels[at]!, pixels[at + 1]!, pixels[at + 2]!];
}
