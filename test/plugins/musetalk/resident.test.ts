import { readFile } from 'node:fs/promises';
import * as ort from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Rect } from '../../../src/api/media.ts';
import { AvatarCrops } from '../../../src/plugins/musetalk/avatar-crops.ts';
import { FRAME_LATENTS } from '../../../src/plugins/musetalk/latents-file.ts';
import {
  CpuResident,
  disposeLatents,
  GpuResident,
  type PaintOptions,
  type Resident,
} from '../../../src/plugins/musetalk/resident.ts';
import { drawnFaces, SmallAvatar } from './small-avatar.ts';

let avatar: SmallAvatar;
let cpu: CpuResident;
/** The networks that run on a GPU, here on the processor: the arithmetic is the same. */
let graph: GpuResident;

beforeAll(async () => {
  avatar = await SmallAvatar.open();
  const latentsTensor = (values: Float32Array) =>
    new ort.Tensor('float32', values, [values.length / FRAME_LATENTS, 8, 32, 32]);
  cpu = await CpuResident.open(avatar.ref, avatar.latents, { latentsTensor });
  graph = await GpuResident.open(avatar.ref, avatar.latents, { folder: avatar.folder, provider: 'cpu' });
});
afterAll(async () => {
  await cpu[Symbol.asyncDispose]();
  await graph[Symbol.asyncDispose]();
  await avatar[Symbol.asyncDispose]();
});

/** The whole picture with a patch in it. */
async function picture(resident: Resident, options: PaintOptions): Promise<Uint8Array> {
  const { width, height } = avatar.ref.manifest;
  const frame = (width * height * 3) >> 1;
  const body = await readFile(avatar.ref.bodyPath);
  const whole = Uint8Array.from(body.subarray(options.index * frame, (options.index + 1) * frame));
  const { rect, data } = await resident.paint(options);
  let from = 0;
  const put = (planeAt: number, stride: number, part: Rect) => {
    for (let row = 0; row < part.height; row++, from += part.width)
      whole.set(data.subarray(from, from + part.width), planeAt + (part.y + row) * stride + part.x);
  };
  const half = { x: rect.x / 2, y: rect.y / 2, width: rect.width / 2, height: rect.height / 2 };
  put(0, width, rect);
  put(width * height, width / 2, half);
  put((width * height * 5) / 4, width / 2, half);
  expect(from).toBe(data.length);
  return whole;
}

function worstDifference(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((worst, value, at) => Math.max(worst, Math.abs(value - b[at]!)), 0);
}

describe('a resident avatar', () => {
  it('gives the same picture whether networks or the kernel put the face into its frame', async () => {
    const faces = drawnFaces(2);
    for (let index = 0; index < avatar.ref.manifest.frameCount; index++) {
      const options = { index, shot: { faces, at: index % 2 }, gain: 1 };
      expect(worstDifference(await picture(graph, options), await picture(cpu, options))).toBeLessThanOrEqual(2);
    }
  });

  it('does so for faces that come and go, and for two that are mixed', async () => {
    const [faces, others] = [drawnFaces(1), drawnFaces(2, 'other')];
    for (const [gain, mix] of [
      [0.5, 0],
      [1, 0.5],
      [0.25, 0.25],
    ] as const) {
      const options = { index: 1, shot: { faces, at: 0 }, other: { faces: others, at: 1 }, mix, gain };
      expect(worstDifference(await picture(graph, options), await picture(cpu, options))).toBeLessThanOrEqual(2);
    }
  });

  it('leaves every pixel alone where the mask is empty, and all of them at gain 0', async () => {
    const faces = drawnFaces(1);
    const shown = await picture(graph, { index: 2, shot: { faces, at: 0 }, gain: 1 });
    const hidden = await picture(graph, { index: 2, shot: { faces, at: 0 }, gain: 0 });
    const kernel = await picture(cpu, { index: 2, shot: { faces, at: 0 }, gain: 0 });
    const { width, height } = avatar.ref.manifest;
    const frame = (width * height * 3) >> 1;
    const body = Uint8Array.from((await readFile(avatar.ref.bodyPath)).subarray(2 * frame, 3 * frame));
    expect(worstDifference(hidden, body)).toBe(0);
    expect(worstDifference(kernel, body)).toBe(0);
    const box = avatar.ref.manifest.faceBoxes[2]!;
    let changed = 0;
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        if (shown[y * width + x] === body[y * width + x]) continue;
        changed++;
        expect(y).toBeGreaterThanOrEqual(box.y + box.height / 2 - 2);
        expect(x).toBeGreaterThanOrEqual(box.x + 6);
        expect(x).toBeLessThan(box.x + box.width - 7);
      }
    expect(changed).toBeGreaterThan(1000);
  });

  it('holds only the part that masks cover, the same size for every frame', async () => {
    await using crops = await AvatarCrops.open(avatar.ref);
    expect(crops.region).toEqual({ x: 6, y: 32, width: 52, height: 38 });
    const rects = Array.from({ length: 4 }, (_, index) => crops.rectAt(index));
    expect(new Set(rects.map(({ width, height }) => `${width}x${height}`)).size).toBe(1);
    expect(rects[3]).toMatchObject({ x: 20 + 12 + 6, y: 10 + 6 + 32 });
    const pixels = 52 * 38;
    expect(graph.bytes).toBe(4 * (FRAME_LATENTS * 4 + pixels * 2.5));
  });

  it('picks the latents of the frames that are asked for, in their order', async () => {
    for (const resident of [graph, cpu]) {
      const latents = await resident.latentsAt([3, 1]);
      expect(latents.dims).toEqual([2, 8, 32, 32]);
      const values = latents.data as Float32Array;
      expect(values[0]).toBe(avatar.latents[3 * FRAME_LATENTS]);
      expect(values[2 * FRAME_LATENTS - 1]).toBe(avatar.latents[2 * FRAME_LATENTS - 1]);
      disposeLatents(latents);
    }
  });
});
