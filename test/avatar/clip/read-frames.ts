import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Picture } from '../../../src/avatar/picture.ts';

/** Size of every clip of test/clips. */
export const CLIP_SIZE = { width: 640, height: 360 } as const;

/** The frames of a clip of test/clips, RGB24, each one's pixels its own. */
export async function* readClipFrames(name: string): AsyncGenerator<Picture> {
  const path = fileURLToPath(new URL(`../../clips/${name}.mp4`, import.meta.url));
  const args = ['-v', 'error', '-nostdin', '-i', path, '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'];
  const ffmpeg = spawn('ffmpeg', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const length = CLIP_SIZE.width * CLIP_SIZE.height * 3;
  let rest = Buffer.alloc(0);
  for await (const chunk of ffmpeg.stdout as AsyncIterable<Buffer>) {
    rest = Buffer.concat([rest, chunk]);
    for (; rest.length >= length; rest = rest.subarray(length))
      yield { ...CLIP_SIZE, pixels: Uint8Array.from(rest.subarray(0, length)) };
  }
}
