import { createHash } from 'node:crypto';
import { mkdir, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { AvatarRef } from '../../api/avatar.ts';
import { AppError } from '../../base/errors.ts';
import { i420ToRgb24 } from '../../media/color.ts';
import type { Provider } from '../../onnx/open-network.ts';
import { AvatarCrops } from './avatar-crops.ts';
import { LatentEncoder } from './latent-encoder.ts';
import { encodeLatents, FRAME_LATENTS, hasLatents, latentsPathOf, readLatents } from './latents-file.ts';
import type { InstalledModel } from './model-folder.ts';

/** Where an avatar's latents may be made, and how many at most without being asked. */
export interface AvatarLatentsOptions {
  readonly model: InstalledModel;
  /** Folder for latents that were made here. */
  readonly cacheFolder: string;
  readonly providers: readonly Provider[];
  readonly threads: number;
  readonly signal: AbortSignal;
}

/** A processor takes seconds for a frame: what would take longer than this is only made when an avatar is prepared. */
const LONGEST_SECONDS = 60;

/**
 * The latents of an avatar, Float32 [frameCount, 8, 32, 32]: its own where it was prepared for MuseTalk, else those made at
 * an earlier loading, else made now. Photos and avatars that are older than the model so need nothing from the user.
 * @throws AppError MUSETALK_NOT_PREPARED for a clip that only a processor could work through, MUSETALK_LATENTS_BROKEN.
 */
export async function latentsOf(ref: AvatarRef, options: AvatarLatentsOptions): Promise<Float32Array> {
  const { frameCount } = ref.manifest;
  if (hasLatents(ref)) return readLatents(latentsPathOf(ref), frameCount);
  const cached = join(options.cacheFolder, `${keyOf(ref, options.model)}.f16`);
  if (await stat(cached).catch(() => undefined)) return readLatents(cached, frameCount);
  const made = await makeLatents(ref, options);
  await mkdir(dirname(cached), { recursive: true });
  const temporary = `${cached}.${process.pid}.tmp`;
  await writeFile(temporary, encodeLatents(made));
  await rename(temporary, cached);
  // Read back, so that the first showing is like every other one: rounded to halves.
  return readLatents(cached, frameCount);
}

async function makeLatents(ref: AvatarRef, options: AvatarLatentsOptions): Promise<Float32Array> {
  const { id, frameCount, faceBoxes } = ref.manifest;
  await using encoder = await LatentEncoder.open(options.model.folder, options.providers, options.threads);
  await using crops = await AvatarCrops.open(ref, { isWhole: true });
  const { width, height } = faceBoxes[0]!;
  const picture = new Uint8Array((width * height * 3) >> 1);
  const pixels = new Uint8Array(width * height * 3);
  const latents = new Float32Array(frameCount * FRAME_LATENTS);
  const startMs = performance.now();
  for (let index = 0; index < frameCount; index++) {
    options.signal.throwIfAborted();
    await crops.readBody(index, picture);
    i420ToRgb24(picture, { width, height }, pixels);
    const made = await encoder.encode(pixels, { width, height }, { x: 0, y: 0, width, height });
    latents.set(made, index * FRAME_LATENTS);
    const seconds = ((performance.now() - startMs) / 1000 / (index + 1)) * frameCount;
    if (encoder.provider === 'cpu' && seconds > LONGEST_SECONDS) throw notPrepared(id);
    // Loading must not stop the face on air.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return latents;
}

function notPrepared(id: string): AppError {
  return new AppError('MUSETALK_NOT_PREPARED', `The avatar "${id}" was not prepared for MuseTalk.`, {
    fix: `Prepare it again with the model installed: musecam prepare SOURCE --id ${id} --engine musetalk --replace`,
  });
}

/** Names what latents depend on: the pictures behind them, the boxes, the encoder. */
function keyOf({ manifest, id }: AvatarRef, { vae }: InstalledModel): string {
  const { body, faceBoxes } = manifest;
  const parts = [id, vae, ...body.map(({ sha256 }) => sha256), JSON.stringify(faceBoxes)];
  return createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 32);
}
