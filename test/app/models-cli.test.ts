import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Cli, type CliResult, makeHome, runCli } from '../fakes/cli.ts';
import { FileServer } from '../onnx/file-server.ts';
import { encodeSafetensors, seededWeight } from '../onnx/seeded.ts';
import { encodeTorchZip } from '../onnx/torch-zip.ts';

/** Old diffusers' names of the VAE's attention, as sd-vae's own file has them. */
const OLD_NAMES = { to_q: 'query', to_k: 'key', to_v: 'value', 'to_out.0': 'proj_attn' } as const;
/** Reduced networks in the folder layout and the file formats of upstream's `models`. */
const weights = new Map<string, Buffer>();
const home = makeHome();
const given = makeHome();
const models = join(home.path, 'data', 'models');

beforeAll(() => {
  const vaeName = (name: string) =>
    Object.entries(OLD_NAMES).reduce(
      (old, [now, before]) => old.replace(`.attentions.0.${now}.`, `.attentions.0.${before}.`),
      name,
    );
  weights.set('musetalkV15/unet.pth', encodeTorchZip(readNetwork('unet')));
  weights.set('sd-vae/diffusion_pytorch_model.bin', encodeTorchZip(readNetwork('vae', vaeName)));
  weights.set('whisper/pytorch_model.bin', encodeTorchZip(readNetwork('whisper', (name) => `model.${name}`)));
  weights.set('taesd/diffusion_pytorch_model.safetensors', encodeSafetensors(readNetwork('tiny-vae')));
  for (const [path, bytes] of weights) {
    mkdirSync(dirname(join(given.path, path)), { recursive: true });
    writeFileSync(join(given.path, path), bytes);
  }
});
afterAll(() => {
  home[Symbol.dispose]();
  given[Symbol.dispose]();
});

function readNetwork(network: string, rename = (name: string) => name) {
  const list = readFileSync(new URL(`../onnx/golden/${network}.json`, import.meta.url), 'utf8');
  const shapes = Object.entries(JSON.parse(list) as Record<string, readonly number[]>);
  return new Map(shapes.map(([name, shape]) => [rename(name), { shape, values: seededWeight(name, shape) }]));
}

const run = (...args: string[]) => runCli(['models', ...args], home.env);
const install = (...args: string[]) => run('install', 'musetalk-v15', '--precision', 'fp16', ...args);

function expectRefused(result: CliResult, code: string): void {
  expect(result.stderr).toContain(`[${code}]`);
  expect(result.stderr).toMatch(/^ {2}→ \S.{8}/m);
  expect(result.code).toBe(1);
  expect(result.stderr).not.toContain('This is a bug');
}

describe('musecam models, before anything is installed,', () => {
  it('lists what there is, how much is to be fetched, and what it is for', async () => {
    const { stdout, code } = await run('list');
    expect(code).toBe(0);
    expect(stdout).toMatch(/musetalk-v15 .*not installed .*3\.9 GB to fetch .*photoreal/);
    const listed = JSON.parse((await run('list', '--json')).stdout) as { id: string; state: string }[];
    expect(listed.map(({ id, state }) => `${id} ${state}`)).toContain('musetalk-v15 missing');
  });

  it('installs nothing while nobody has accepted the licences, and shows them', async () => {
    const refused = await install('--from', given.path);
    expectRefused(refused, 'LICENCE_NOT_ACCEPTED');
    expect(refused.stderr).toContain('Whisper (OpenAI): MIT');
    expect(refused.stderr).toContain('--accept-licence');
    expect(existsSync(models)).toBe(false);
  });

  it('says what is wrong with an id, a place, a precision', async () => {
    expectRefused(await run('install', '../evil', '--accept-licence'), 'NO_SUCH_MODEL');
    for (const verb of ['path', 'verify', 'remove']) expectRefused(await run(verb, 'musetalk-v15'), 'MODEL_MISSING');
    const missing = await install('--accept-licence', '--from', join(given.path, 'whisper'));
    expectRefused(missing, 'MODEL_FILE_MISSING');
    expect(missing.stderr).toContain('musetalkV15/unet.pth');
    expectRefused(await install('--accept-licence', '--from', 'http://example.org/models'), 'BAD_MODEL_SOURCE');
    expect((await run('install', 'musetalk-v15', '--precision', 'fp8')).code).toBe(2);
  });
});

it("installs from a folder as upstream's, verifies, finds damage, and gives the room back", async () => {
  const installed = await install('--accept-licence', '--from', given.path);
  expect(installed.stderr).toMatch(/Reading +100 %[\s\S]*Converting +100 %[\s\S]*Checking +100 %/);
  expect(installed.stdout).toMatch(/musetalk-v15 was installed in .*fp16/);
  expect(readdirSync(models)).toEqual(['musetalk-v15']);
  expect((await install()).stdout).toContain('was installed already');
  expect((await run('list')).stdout).toMatch(/musetalk-v15 .*installed \(fp16\)/);
  const folder = (await run('path', 'musetalk-v15')).stdout.trim();
  expect(folder).toBe(join(models, 'musetalk-v15'));

  expect((await run('verify')).code).toBe(0);
  const file = join(folder, 'unet.fp16.onnx.bin');
  writeFileSync(file, readFileSync(file).fill(1, 100, 101));
  const verified = await run('verify', 'musetalk-v15', '--json');
  expect(verified.code).toBe(1);
  expect(JSON.parse(verified.stdout)).toMatchObject({
    ok: false,
    models: [{ id: 'musetalk-v15', problems: [expect.stringContaining('unet.fp16.onnx.bin')] }],
  });

  const bytes = readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
  expect(JSON.parse((await run('remove', 'musetalk-v15', '--json')).stdout)).toMatchObject({ bytesFreed: bytes });
  expect(readdirSync(models)).toEqual([]);
});

it('keeps what is fetched at Ctrl-C, says so, and the same command goes on without asking again', async () => {
  await using server = await FileServer.open();
  // A mirror may have the weights under any of their names; only the published file has the published hash.
  for (const [path, bytes] of weights) if (!path.endsWith('.pth')) server.files.set(path, bytes);
  const unet = encodeSafetensors(readNetwork('unet'));
  server.files.set('musetalkV15/unet.safetensors', unet);
  const stall = (share: number) => (_: unknown, response: import('node:http').ServerResponse, bytes: Buffer) => {
    response.writeHead(200, { 'content-length': bytes.length });
    response.write(bytes.subarray(0, Math.floor(bytes.length * share)));
    return true;
  };
  server.mischief.push(...Array.from({ length: 4 }, () => stall(0.5)));
  const args = ['models', 'install', 'musetalk-v15', '--precision', 'fp16', '--from', server.url('')];
  await using cli = new Cli([...args, '--accept-licence'], home.env);
  await cli.says(/Fetching +[1-9]0 %/);
  cli.child.kill('SIGINT');
  const stopped = await cli.ended;
  expect(stopped.code).toBe(130);
  expect(stopped.stderr).toContain('What is fetched is kept: the same command goes on from there.');
  expect((await run('list')).stdout).toMatch(/musetalk-v15 .*interrupted, .*B are there/);

  server.mischief.length = 0;
  const finished = await runCli(args, home.env);
  expect(finished.code).toBe(0);
  expect(server.ranges.filter((range) => /^bytes=[1-9]/.test(range ?? ''))).not.toEqual([]);
  expect(readdirSync(models)).toEqual(['musetalk-v15']);
  expect((await run('remove', 'musetalk-v15')).stdout).toMatch(/musetalk-v15 is gone; .* free again/);
});
