import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import type { AvatarManifest, AvatarRef } from '../../../src/api/avatar.ts';
import { FACE_BYTES, type MadeFaces } from '../../../src/plugins/musetalk/face-networks.ts';
import { FRAME_LATENTS } from '../../../src/plugins/musetalk/latents-file.ts';
import { seededValues } from '../../onnx/seeded.ts';

const WIDTH = 128;
const HEIGHT = 96;
const BOX = { width: 64, height: 72 };

/** An avatar of a few small frames whose face moves: what the engine reads of it, without a face. */
export class SmallAvatar implements AsyncDisposable {
  readonly ref: AvatarRef;
  /** Float32 [frameCount, 8, 32, 32]. */
  readonly latents: Float32Array;
  readonly folder: string;

  private constructor(folder: string, ref: AvatarRef, latents: Float32Array) {
    this.folder = folder;
    this.ref = ref;
    this.latents = latents;
  }

  static async open(
    frameCount = 4,
    motion: AvatarManifest['motion'] = 'ping-pong',
    id = 'small',
  ): Promise<SmallAvatar> {
    const folder = await mkdtemp(join(tmpdir(), 'musecam-small-'));
    const frameBytes = (WIDTH * HEIGHT * 3) >> 1;
    const body = Uint8Array.from(seededValues('body', [frameCount * frameBytes]), (value) => 126 + value * 100);
    const masks = new Uint8Array(frameCount * BOX.width * BOX.height);
    for (let frame = 0; frame < frameCount; frame++)
      for (let y = BOX.height / 2 - (frame % 4); y < BOX.height - 3; y++)
        for (let x = 6; x < BOX.width - 7; x++) masks[(frame * BOX.height + y) * BOX.width + x] = (x * 9 + y * 5) & 255;
    await writeFile(join(folder, 'body.i420'), body);
    await writeFile(join(folder, 'masks.bin'), masks);
    const file = (path: string, bytes: number) => ({ path, bytes, sha256: '0'.repeat(64) });
    const manifest = {
      ...{ id, width: WIDTH, height: HEIGHT, frameCount, motion, passthrough: [], engines: {} },
      faceBoxes: Array.from({ length: frameCount }, (_, frame) => ({
        ...{ x: 20 + 4 * (frame % 4), y: 10 + 2 * (frame % 4) },
        ...BOX,
      })),
      masks: file('masks.bin', masks.length),
      body: [file('body.mp4', 1)],
    } as unknown as AvatarManifest;
    const ref: AvatarRef = { id, folder, manifest, bodyPath: join(folder, 'body.i420') };
    return new SmallAvatar(folder, ref, seededValues('latents', [frameCount * FRAME_LATENTS]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Faces as a network would give them, in both forms: soft noise, so that a wrong resize shows. */
export function drawnFaces(count: number, name = 'face'): MadeFaces & { isDisposed: boolean } {
  const plane = FACE_BYTES / 3;
  const values = Float32Array.from(seededValues(name, [count * FACE_BYTES]), (value) => 127.5 + 140 * value);
  const bytes = new Uint8Array(values.length);
  for (let face = 0; face < count; face++)
    for (let i = 0; i < FACE_BYTES; i++) {
      const value = values[face * FACE_BYTES + (i % 3) * plane + Math.floor(i / 3)]!;
      bytes[face * FACE_BYTES + i] = Math.min(255, Math.max(0, Math.floor(value + 0.5)));
    }
  const made = {
    ...{ count, bytes, isDisposed: false },
    tensor: new ort.Tensor('float32', values, [count, 3, 256, 256]),
    [Symbol.dispose]() {
      made.isDisposed = true;
    },
  };
  return made;
}
