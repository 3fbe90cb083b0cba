import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { PreparedFace } from '../../api/avatar.ts';
import type { PrepareRequest } from '../../api/contributions.ts';
import { AppError } from '../../base/errors.ts';
import { findPaths } from '../../base/paths.ts';
import { PARSER_SIDE } from '../../onnx/build-face-parser.ts';
import { Network } from '../../onnx/open-network.ts';
import { networkFile } from './convert.ts';
import { LatentEncoder } from './latent-encoder.ts';
import { encodeLatents, FILES_VERSION, FRAME_LATENTS, LATENTS_PATH, MASKS_PATH } from './latents-file.ts';
import { findInstalled, type InstalledModel } from './model-folder.ts';
import { parseFace } from './parse-face.ts';

/** Longest preparation on a processor that is done without being asked for, in seconds. */
const LONGEST_UNASKED_SECONDS = 600;
const MASK_GZIP_LEVEL = 4;

/** Models in the order they are wanted. */
export const FACE_MODELS = ['musetalk-v15', 'musetalk-v1'] as const;

/** Where models are installed. */
export function modelsFolder(): string {
  return join(findPaths().data, 'models');
}

/**
 * Works out an avatar's latents, and its masks where the face parser is installed. Nothing without an installed model, and
 * nothing where a processor would take more than ten minutes, unless it is asked for by name.
 */
export async function prepareFiles(
  face: PreparedFace,
  signal: AbortSignal,
  request: PrepareRequest,
): Promise<{ version: number; files: ReadonlyMap<string, Uint8Array> } | undefined> {
  const model = await installedOrNothing(FACE_MODELS, request);
  if (!model) return undefined;
  const latents = await encodeFrames(face, model, signal, request);
  if (!latents) return undefined;
  const files = new Map([[LATENTS_PATH, encodeLatents(latents)]]);
  const parser = await installedOrNothing(['face-parser'], { ...request, isWanted: false });
  if (parser) {
    const masks = await parseFrames(face, parser, signal);
    files.set(MASKS_PATH, await promisify(gzip)(masks, { level: MASK_GZIP_LEVEL }));
  }
  return { version: FILES_VERSION, files };
}

/** A model that is not there is no fault unless it was asked for; a broken one is only told. */
async function installedOrNothing(
  ids: readonly string[],
  { isWanted, onNote }: PrepareRequest,
): Promise<InstalledModel | undefined> {
  try {
    return await findInstalled(modelsFolder(), ids);
  } catch (thrown) {
    if (isWanted || !(thrown instanceof AppError)) throw thrown;
    if (thrown.code !== 'MODEL_MISSING') onNote(`${thrown.message} ${thrown.fix ?? ''}`);
    return undefined;
  }
}

async function encodeFrames(
  face: PreparedFace,
  { folder }: InstalledModel,
  signal: AbortSignal,
  { isWanted, onNote }: PrepareRequest,
): Promise<Float32Array | undefined> {
  await using encoder = await LatentEncoder.open(folder, ['webgpu', 'cpu'], availableParallelism());
  const latents = new Float32Array(face.frameCount * FRAME_LATENTS);
  const driven = drivenFrames(face);
  const startMs = performance.now();
  for (const [done, index] of driven.entries()) {
    signal.throwIfAborted();
    const pixels = await face.pixels(index);
    latents.set(await encoder.encode(pixels, face, face.faceBoxes[index]!), index * FRAME_LATENTS);
    const seconds = ((performance.now() - startMs) / 1000 / (done + 1)) * driven.length;
    if (done === 0 && seconds > LONGEST_UNASKED_SECONDS && encoder.provider === 'cpu' && !isWanted) {
      onNote(
        `Not prepared for MuseTalk: that would take about ${Math.round(seconds / 60)} minutes on this processor. ` +
          'To do it all the same: --engine musetalk',
      );
      return undefined;
    }
    await nextTurn();
  }
  return latents;
}

async function parseFrames(face: PreparedFace, { folder }: InstalledModel, signal: AbortSignal): Promise<Uint8Array> {
  const { width, height } = face.faceBoxes[0]!;
  const masks = new Uint8Array(face.frameCount * width * height);
  const path = join(folder, networkFile('face-parser'));
  await using network = await Network.open(path, { provider: 'cpu', threads: availableParallelism() });
  const run = async (picture: Float32Array) => {
    const { classes } = await network.run({ picture: network.tensor(picture, [1, 3, PARSER_SIDE, PARSER_SIDE]) });
    return classes!.data as Uint8Array;
  };
  for (const index of drivenFrames(face)) {
    signal.throwIfAborted();
    const { mask } = await parseFace(run, await face.pixels(index), face, face.faceBoxes[index]!, 'jaw');
    masks.set(mask, index * width * height);
    await nextTurn();
  }
  return masks;
}

/** Frames that a face is ever drawn for; the others stay zeros. */
function drivenFrames({ frameCount, passthrough }: PreparedFace): readonly number[] {
  const shownAsTheyAre = new Set(passthrough);
  return Array.from({ length: frameCount }, (_, index) => index).filter((index) => !shownAsTheyAre.has(index));
}

/** Lets a Ctrl-C and the progress bar have their turn: inference blocks the thread. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
