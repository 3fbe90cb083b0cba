/**
 * Compares our MuseTalk with upstream's, frame by frame, on a prepared avatar and a sound file:
 *
 *   tsx scripts/musetalk/parity.ts export AVATAR_FOLDER WORK      frames, boxes and masks for reference.py
 *   python scripts/musetalk/reference.py --musetalk CHECKOUT --weights MODELS --frames WORK/frames \
 *     --boxes WORK/boxes.json --masks WORK/masks --audio FILE.wav --out WORK/reference
 *   tsx scripts/musetalk/parity.ts compare AVATAR_FOLDER WORK FILE.wav
 *
 * `compare` runs the engine as `musecam render --engine musetalk` does (MUSECAM_HOME says where the model is), on the
 * processor, and prints one line of JSON: how far tokens, latents, faces (256x256) and whole frames are apart.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { frameByteLength, type Sound } from '../../src/api/media.ts';
import { type LoadedAvatar, loadAvatar } from '../../src/avatar/load-avatar.ts';
import { readMasks } from '../../src/avatar/read-masks.ts';
import { silentLog } from '../../src/base/log.ts';
import { findPaths } from '../../src/base/paths.ts';
import { Feed } from '../../src/live/feed.ts';
import { Tape } from '../../src/live/tape.ts';
import { i420ToRgb24, rgb24ToI420 } from '../../src/media/color.ts';
import { pastePatch } from '../../src/media/paste.ts';
import { FaceNetworks } from '../../src/plugins/musetalk/face-networks.ts';
import { hasLatents, latentsPathOf, readLatents } from '../../src/plugins/musetalk/latents-file.ts';
import { musetalkFace } from '../../src/plugins/musetalk/open-musetalk.ts';
import { pasteThrough } from '../../src/plugins/musetalk/paste-exact.ts';
import { wavInput } from '../../src/plugins/wav/wav-input.ts';

/** A body frame as RGB24: what the picture is for both sides. */
async function frameOf({ manifest, pose }: LoadedAvatar, index: number): Promise<Uint8Array> {
  const body = new Uint8Array(frameByteLength('i420', manifest));
  await pose(index).readBody(body);
  const pixels = new Uint8Array(manifest.width * manifest.height * 3);
  i420ToRgb24(body, manifest, pixels);
  return pixels;
}

async function exportAvatar(avatar: LoadedAvatar, work: string): Promise<void> {
  const { width, height, faceBoxes, frameCount } = avatar.manifest;
  await mkdir(join(work, 'frames'), { recursive: true });
  await mkdir(join(work, 'masks'), { recursive: true });
  const masks = await readMasks(avatar.folder, avatar.manifest);
  const box = faceBoxes[0]!;
  const maskBytes = box.width * box.height;
  for (let index = 0; index < frameCount; index++) {
    const name = String(index).padStart(5, '0');
    const raw = { width, height, channels: 3 } as const;
    await sharp(await frameOf(avatar, index), { raw })
      .png()
      .toFile(join(work, 'frames', `${name}.png`));
    const mask = masks.subarray(index * maskBytes, (index + 1) * maskBytes);
    const grey = { width: box.width, height: box.height, channels: 1 } as const;
    await sharp(mask, { raw: grey })
      .png()
      .toFile(join(work, 'masks', `mask_${name}.png`));
  }
  const boxes = faceBoxes.map(({ x, y, width, height }) => [x, y, x + width, y + height]);
  await writeFile(join(work, 'boxes.json'), JSON.stringify(boxes));
}

async function compare(avatar: LoadedAvatar, work: string, audio: string): Promise<void> {
  const { width, height, frameCount } = avatar.manifest;
  const tape = await readSound(audio);
  const shown: Uint8Array[] = [];
  const heard: Float32Array[] = [];
  const { make } = FaceNetworks.prototype;
  FaceNetworks.prototype.make = async function (this: FaceNetworks, latents, audio, decoder, wanted) {
    const faces = await make.call(this, latents, audio, decoder, wanted);
    heard.push(audio.slice());
    shown.push(faces.bytes!.slice());
    return faces;
  };
  const settings = { 'musetalk.provider': 'cpu', 'musetalk.restInSilence': false, 'musetalk.precision': 'fp32' };
  const options = { log: silentLog, settings, isLive: false, onReport: () => {} };
  const { signal } = new AbortController();
  await using engine = await musetalkFace.open(options, signal);
  await engine.load(avatar.ref);
  [shown.length, heard.length] = [0, 0];
  const reference = join(work, 'reference');
  const tokens = await readNpy(join(reference, 'tokens.npy'));
  const latents = await readNpy(join(reference, 'latents.npy'));
  const own = hasLatents(avatar.ref) ? await readLatents(latentsPathOf(avatar.ref), frameCount) : undefined;
  const frames = Math.floor(tape.end / 640);
  const face = new Difference();
  const whole = new Difference();
  const exact = new Difference();
  const masks = await readMasks(avatar.folder, avatar.manifest);
  const token = new Difference();
  const startMs = performance.now();
  for (let frame = 0; frame < frames; frame++) {
    const sound: Sound = await tape.around(frame, engine.context, signal);
    const pose = avatar.pose(frame);
    const patch = await engine.draw(await engine.hear(sound), { avatarId: avatar.ref.id, index: pose.index, frame });
    const body = new Uint8Array(frameByteLength('i420', avatar.manifest));
    await pose.readBody(body);
    pastePatch(body, avatar.manifest, patch!);
    const name = String(frame).padStart(5, '0');
    const size = tokens.length / frames;
    token.add(heard[frame]!, tokens.subarray(frame * size, (frame + 1) * size));
    face.add(shown[frame]!, await readRgb(join(reference, `recon_${name}.png`)));
    const final = await readRgb(join(reference, `final_${name}.png`));
    // Pasted in RGB, as upstream does.
    const pixels = await frameOf(avatar, pose.index);
    const box = pose.faceBox;
    const bytes = box.width * box.height;
    const mask = masks.subarray(pose.index * bytes, (pose.index + 1) * bytes);
    pasteThrough(pixels, { width, height }, { face: shown[frame]!, box, mask, area: box });
    exact.add(pixels, final);
    // As it is shown: pasted in I420, where colours have half the resolution.
    const theirs = new Uint8Array(body.length);
    rgb24ToI420(final, { width, height }, theirs);
    whole.add(body, theirs);
    process.stderr.write(`\rframe ${frame + 1}/${frames} `);
  }
  const latent = new Difference();
  if (own) latent.add(own, latents.subarray(0, own.length));
  const secondsPerFrame = (performance.now() - startMs) / 1000 / frames;
  console.log(
    JSON.stringify({
      frames,
      secondsPerFrame,
      tokens: token.facts,
      latents: latent.facts,
      faces: face.facts,
      framesRgb: exact.facts,
      framesI420: whole.facts,
    }),
  );
}

/** Largest and mean difference of numbers. */
class Difference {
  #worst = 0;
  #sum = 0;
  #count = 0;

  add(ours: ArrayLike<number>, theirs: ArrayLike<number>): void {
    if (ours.length !== theirs.length) throw new Error(`${ours.length} numbers against ${theirs.length}`);
    for (let at = 0; at < ours.length; at++) {
      const difference = Math.abs(ours[at]! - theirs[at]!);
      this.#worst = Math.max(this.#worst, difference);
      this.#sum += difference;
    }
    this.#count += ours.length;
  }

  get facts() {
    return { worst: this.#worst, mean: this.#sum / Math.max(1, this.#count), numbers: this.#count };
  }
}

async function readSound(path: string): Promise<Tape> {
  const { signal } = new AbortController();
  const options = { target: path, loop: false, isRealTime: false, log: silentLog, onHealth: () => {} };
  await using input = await wavInput.open(options, signal);
  const tape = new Tape(600);
  await new Feed(tape).follow(input, signal);
  tape.finish();
  return tape;
}

async function readRgb(path: string): Promise<Uint8Array> {
  return sharp(path).removeAlpha().raw().toBuffer();
}

/** Numbers of a .npy file of version 1, float32. */
async function readNpy(path: string): Promise<Float32Array> {
  const bytes = await readFile(path);
  const start = 10 + bytes.readUInt16LE(8);
  return new Float32Array(Uint8Array.from(bytes.subarray(start)).buffer);
}

const [job, folder, work, audio] = process.argv.slice(2);
if (!job || !folder || !work)
  throw new Error('tsx scripts/musetalk/parity.ts export|compare AVATAR_FOLDER WORK [FILE.wav]');
await using avatar = await loadAvatar(folder, { cacheFolder: findPaths().cache });
if (job === 'export') await exportAvatar(avatar, work);
else await compare(avatar, work, audio!);
process.exit();
