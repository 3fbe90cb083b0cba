import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Network } from '../../../src/onnx/open-network.ts';
import { MODELS, type ModelEntry } from '../../../src/plugins/musetalk/catalogue.ts';
import { type InstallOptions, installModel } from '../../../src/plugins/musetalk/install.ts';
import { findInstalled, listModels, removeModel, verifyModel } from '../../../src/plugins/musetalk/model-folder.ts';
import { FileServer } from '../../onnx/file-server.ts';
import { REDUCED, reducedWeights } from './stand.ts';

/** Reduced networks in the upstream layout, by path. */
const weights = new Map<string, Buffer>();
/** The catalogue with the sizes and hashes of the reduced networks. */
let models: readonly ModelEntry[];

beforeAll(async () => {
  for (const [network, path] of REDUCED) weights.set(path, await reducedWeights(network));
  models = MODELS.slice(0, 1).map((model) => ({
    ...model,
    files: model.files.map((file) => {
      const localPath = file.localPath.replace('unet.pth', 'unet.safetensors');
      const bytes = weights.get(localPath)!;
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      return { ...file, localPath, bytes: bytes.length, ...(file.role === 'whisper' ? {} : { sha256 }) };
    }),
  }));
});

let root: string;
let given: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'musecam-models-'));
  given = await mkdtemp(join(tmpdir(), 'musecam-weights-'));
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
  await rm(given, { recursive: true, force: true });
});

async function giveWeights(): Promise<void> {
  for (const [path, bytes] of weights) {
    await mkdir(dirname(join(given, path)), { recursive: true });
    await writeFile(join(given, path), bytes);
  }
}

async function openServer(): Promise<FileServer> {
  const server = await FileServer.open();
  for (const [path, bytes] of weights) server.files.set(path, bytes);
  return server;
}

const install = (options: Partial<InstallOptions>) =>
  installModel({
    ...{ id: 'musetalk-v15', root, isLicenceAccepted: true, precisions: ['float32'], models, onProgress: () => {} },
    ...{ signal: new AbortController().signal },
    ...options,
  });

const NETWORKS = ['unet', 'decoder', 'decoder-tiny', 'to-bytes', 'encoder', 'whisper-live', 'whisper-parity'].map(
  (network) => `${network}.fp32`,
);

/** A network's files: attention makes a second form, weights lie beside it. */
function filesOf(name: string): string[] {
  if (name.startsWith('to-bytes')) return [`${name}.onnx`];
  const forms = name.startsWith('decoder-tiny') ? [`${name}.onnx`] : [`${name}.onnx`, `${name}.plain.onnx`];
  return [...forms, `${name}.onnx.bin`];
}

describe('installing a model', () => {
  it('converts weights that lie in a folder and leaves them alone', async () => {
    await giveWeights();
    const steps = new Set<string>();
    const record = await install({ from: given, onProgress: ({ step }) => steps.add(step) });
    expect(record.files.map(({ path }) => path)).toEqual([
      ...NETWORKS.flatMap((name) => filesOf(name)),
      ...['check.rgb', 'check.latents.f32'],
    ]);
    expect([...steps]).toEqual(['fetch', 'convert', 'check']);
    expect(await readdir(root)).toEqual(['musetalk-v15']);
    expect((await readdir(join(given, 'musetalkV15'))).length).toBe(1);
    expect((await listModels(root))[0]).toMatchObject({ id: 'musetalk-v15', state: 'installed' });
  });

  it('makes networks that run: latents and audio in, a face out', async () => {
    await giveWeights();
    await install({ from: given });
    const folder = join(root, 'musetalk-v15');
    await using unet = await Network.open(join(folder, 'unet.fp32.onnx'), { provider: 'cpu' });
    await using decoder = await Network.open(join(folder, 'decoder-tiny.fp32.onnx'), { provider: 'cpu' });
    const { made } = await unet.run({
      latents: unet.tensor(new Float32Array(2 * 8 * 32 * 32).fill(0.1), [2, 8, 32, 32]),
      audio: unet.tensor(new Float32Array(2 * 50 * 64), [2, 50, 64]),
    });
    await using toBytes = await Network.open(join(folder, 'to-bytes.fp32.onnx'), { provider: 'cpu' });
    const { face } = await decoder.run({ made: made! });
    const { bytes } = await toBytes.run({ face: face! });
    expect(bytes!.dims).toEqual([2, 256, 256, 3]);
    expect(bytes!.type).toBe('uint8');
    const red = (face!.data as Float32Array)[0]!;
    expect(bytes!.data[0]).toBe(Math.floor(Math.min(255, Math.max(0, red + 0.5))));
  });

  it('fetches from an address, several files at once, and goes on after a broken connection', async () => {
    await using server = await openServer();
    server.mischief.push((request, response, whole) => {
      response.writeHead(200, { 'content-length': whole.length });
      response.write(whole.subarray(0, 5000), () => setTimeout(() => request.socket.end(), 60));
      return true;
    });
    await install({ from: server.url('') });
    expect(server.ranges.filter((range) => range !== undefined)).toHaveLength(1);
    expect(await readdir(root)).toEqual(['musetalk-v15']);
  });

  it('keeps what it has fetched when it is interrupted, and fetches it only once', async () => {
    await using server = await openServer();
    const abort = new AbortController();
    const stopped = install({
      from: server.url(''),
      signal: abort.signal,
      onProgress: ({ step, done }) => {
        if (step === 'convert' && done > 0) abort.abort(new Error('stopped'));
      },
    });
    await expect(stopped).rejects.toThrow('stopped');
    expect((await listModels(root))[0]!.state).toBe('missing');
    const asked = server.ranges.length;
    await install({ from: server.url('') });
    expect(server.ranges.length).toBe(asked);
  });

  it('asks for the licences first', async () => {
    await expect(install({ isLicenceAccepted: false })).rejects.toMatchObject({
      code: 'LICENCE_NOT_ACCEPTED',
      message: expect.stringContaining('MuseTalk (TMElyralab/MuseTalk): code MIT'),
    });
    expect(await readdir(root)).toEqual([]);
  });

  it('looks for room before the first byte', async () => {
    await expect(install({ from: given, freeBytes: async () => 1000 })).rejects.toMatchObject({ code: 'DISK_FULL' });
  });

  it('says where a missing file belongs', async () => {
    await giveWeights();
    await rm(join(given, 'whisper'), { recursive: true });
    await expect(install({ from: given })).rejects.toMatchObject({
      code: 'MODEL_FILE_MISSING',
      fix: expect.stringContaining(join(given, 'whisper/model.safetensors')),
    });
  });

  it('does without the small decoder where it is not to be had', async () => {
    await using server = await openServer();
    server.files.delete('taesd/diffusion_pytorch_model.safetensors');
    const record = await install({ from: server.url('') });
    expect(record.files.some(({ path }) => path.startsWith('decoder-tiny'))).toBe(false);
  });

  it('refuses weights with another hash, of another network, or with numbers that are none', async () => {
    await using server = await openServer();
    const unet = 'musetalkV15/unet.safetensors';
    const good = server.files.get(unet)!;
    server.files.set(unet, Buffer.from(good).fill(1, good.length - 4));
    await expect(install({ from: server.url('') })).rejects.toMatchObject({ code: 'DOWNLOAD_WRONG' });
    await giveWeights();
    await writeFile(join(given, unet), weights.get('sd-vae/diffusion_pytorch_model.safetensors')!);
    await expect(install({ from: given })).rejects.toMatchObject({ code: 'CHECKPOINT_MISMATCH' });
    await writeFile(join(given, unet), Buffer.from(good).fill(0xff, good.length - 4));
    await expect(install({ from: given })).rejects.toThrow(/is NaN/);
    await writeFile(join(given, unet), good);
    await truncate(join(given, unet), good.length - 1);
    await expect(install({ from: given })).rejects.toThrow(/truncated/);
    expect((await listModels(root))[0]!.state).toBe('missing');
  });
});

describe('installed models', () => {
  it('are verified byte by byte', async () => {
    await giveWeights();
    await install({ from: given });
    const signal = new AbortController().signal;
    expect(await verifyModel(root, 'musetalk-v15', () => {}, signal)).toEqual([]);
    const path = join(root, 'musetalk-v15', 'whisper-live.fp32.onnx.bin');
    const bytes = await readFile(path);
    bytes[100] = bytes[100]! ^ 1;
    await writeFile(path, bytes);
    expect(await verifyModel(root, 'musetalk-v15', () => {}, signal)).toEqual([
      expect.stringContaining('whisper-live.fp32.onnx.bin'),
    ]);
    await truncate(path, 10);
    expect((await listModels(root))[0]).toMatchObject({
      state: 'broken',
      problem: expect.stringContaining('10 bytes'),
    });
  });

  it('are told from those that another version of the program converted', async () => {
    await giveWeights();
    await install({ from: given });
    const path = join(root, 'musetalk-v15', 'model.json');
    const record = JSON.parse(await readFile(path, 'utf8'));
    await writeFile(path, JSON.stringify({ ...record, version: record.version - 1 }));
    expect((await listModels(root))[0]!.state).toBe('outdated');
    await expect(findInstalled(root, ['musetalk-v15'])).rejects.toMatchObject({
      code: 'MODEL_BROKEN',
      message: expect.stringContaining('another version'),
      fix: expect.stringContaining('musecam models install musetalk-v15'),
    });
  });

  it('are found in the order of preference, with what they can do', async () => {
    await giveWeights();
    await expect(findInstalled(root, ['musetalk-v15', 'musetalk-v1'])).rejects.toMatchObject({ code: 'MODEL_MISSING' });
    await install({ from: given });
    expect(await findInstalled(root, ['musetalk-v1', 'musetalk-v15'])).toMatchObject({
      id: 'musetalk-v15',
      precisions: ['float32'],
      hasTinyDecoder: true,
    });
  });

  it('are removed with what an interrupted installation left', async () => {
    await giveWeights();
    await install({ from: given });
    await mkdir(join(root, 'musetalk-v15.sources'));
    expect(await removeModel(root, 'musetalk-v15')).toBe(true);
    expect(await readdir(root)).toEqual([]);
    expect(await removeModel(root, 'musetalk-v15')).toBe(false);
  });

  it('are known by name only', async () => {
    await expect(removeModel(root, '../musetalk')).rejects.toMatchObject({ code: 'NO_SUCH_MODEL' });
  });
});
