/**
 * Golden faces of a whole clip for test/plugins/musetalk/clip-parity.test.ts: upstream's own code on reduced networks.
 *
 *   python scripts/musetalk/make-seeded-weights.py --reduced --out WEIGHTS
 *   tsx scripts/musetalk/make-clip-golden.ts PYTHON MUSETALK_CHECKOUT WEIGHTS
 *
 * PYTHON has what scripts/musetalk/reference.py asks for.
 */
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { SAMPLES_PER_FRAME } from '../../src/api/media.ts';
import { i420ToRgb24 } from '../../src/media/color.ts';
import { writeWav } from '../../test/fakes/write-wav.ts';
import { makeVoice } from '../../test/media/voice.ts';
import { CLIP_FRAMES, KEPT_FRAMES, thinned, upstreamBoxes } from '../../test/plugins/musetalk/golden-clip.ts';
import { SmallAvatar } from '../../test/plugins/musetalk/small-avatar.ts';

const [python, checkout, weights] = process.argv.slice(2);
if (!python || !checkout || !weights) throw new Error('make-clip-golden.ts PYTHON MUSETALK_CHECKOUT WEIGHTS');
const work = await mkdtemp(join(tmpdir(), 'musecam-clip-'));
await using avatar = await SmallAvatar.open(CLIP_FRAMES + 2, 'loop');
const { width, height, frameCount, faceBoxes } = avatar.ref.manifest;
const body = await readFile(avatar.ref.bodyPath);
const masks = await readFile(join(avatar.folder, 'masks.bin'));
await mkdir(join(work, 'frames'));
await mkdir(join(work, 'masks'));
const box = faceBoxes[0]!;
for (let index = 0; index < frameCount; index++) {
  const name = String(index).padStart(5, '0');
  const frameBytes = (width * height * 3) >> 1;
  const pixels = new Uint8Array(width * height * 3);
  i420ToRgb24(body.subarray(index * frameBytes, (index + 1) * frameBytes), { width, height }, pixels);
  await sharp(pixels, { raw: { width, height, channels: 3 } })
    .png()
    .toFile(join(work, 'frames', `${name}.png`));
  const bytes = box.width * box.height;
  const mask = masks.subarray(index * bytes, (index + 1) * bytes);
  const grey = { width: box.width, height: box.height, channels: 1 } as const;
  await sharp(mask, { raw: grey })
    .png()
    .toFile(join(work, 'masks', `mask_${name}.png`));
}
await writeFile(join(work, 'boxes.json'), JSON.stringify(upstreamBoxes(avatar)));
writeWav(join(work, 'voice.wav'), makeVoice(CLIP_FRAMES * SAMPLES_PER_FRAME));
const reference = fileURLToPath(new URL('./reference.py', import.meta.url));
const flags = { musetalk: checkout, weights, frames: join(work, 'frames'), boxes: join(work, 'boxes.json') };
const more = { masks: join(work, 'masks'), audio: join(work, 'voice.wav'), out: join(work, 'out') };
const args = Object.entries({ ...flags, ...more }).flatMap(([name, value]) => [`--${name}`, value]);
execFileSync(python, [reference, ...args], { stdio: 'inherit' });
const kept: Uint8Array[] = [];
for (const frame of KEPT_FRAMES) {
  const path = join(work, 'out', `recon_${String(frame).padStart(5, '0')}.png`);
  kept.push(thinned(await sharp(path).removeAlpha().raw().toBuffer()));
}
const golden = new URL('../../test/plugins/musetalk/golden/clip.rgb', import.meta.url);
await writeFile(golden, Buffer.concat(kept));
await rm(work, { recursive: true, force: true });
