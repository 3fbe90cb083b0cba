/**
 * Makes the clips of test/clips from the drawings of the shipped avatars: `npx tsx scripts/make-test-clips.ts [name …]`.
 * Every clip is 640x360 at 25 frames a second, with a little grain, so that landmarks tremble as they do in real ones.
 * Needs ffmpeg with libx264.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { seededRandom } from './test-clips/chance.ts';
import { finishFrame } from './test-clips/compose-frame.ts';
import { type Scene, scenes } from './test-clips/scenes.ts';

/** Standard deviation of the grain, steps of 0 … 255: a webcam in a lit room. */
const GRAIN = 2.2;
const folder = fileURLToPath(new URL('../test/clips/', import.meta.url));

mkdirSync(folder, { recursive: true });
const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(scenes);
for (const name of wanted) {
  const scene = scenes[name];
  if (!scene) throw new Error(`There is no clip ${name}; there are ${Object.keys(scenes).join(', ')}.`);
  const path = `${folder}${name}.mp4`;
  await writeClip(scene, path);
  console.log(`${name}: ${scene.frameCount} frames, ${Math.round(statSync(path).size / 1000)} kB`);
}

async function writeClip({ frameCount, draw }: Scene, path: string): Promise<void> {
  const input = '-f rawvideo -pix_fmt rgb24 -s 640x360 -r 25 -i -';
  const output =
    '-c:v libx264 -preset slow -crf 23 -pix_fmt yuv420p -map_metadata -1 -fflags +bitexact -flags:v +bitexact';
  const args = ['-y', '-v', 'error', ...input.split(' '), ...output.split(' '), '-movflags', '+faststart', path];
  const ffmpeg = spawn('ffmpeg', args, { stdio: ['pipe', 'inherit', 'inherit'] });
  const ended = once(ffmpeg, 'exit');
  const random = seededRandom(7);
  for (let frame = 0; frame < frameCount; frame++) {
    const pixels = finishFrame(await draw(frame), random, GRAIN);
    if (!ffmpeg.stdin.write(pixels)) await once(ffmpeg.stdin, 'drain');
  }
  ffmpeg.stdin.end();
  const [status] = await ended;
  if (status !== 0) throw new Error(`ffmpeg ended with ${status} while writing ${path}`);
}
