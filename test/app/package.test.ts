import { execFile, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { ShowStatus } from '../../src/api/status.ts';
import { hasProgram, need } from '../fakes/need.ts';

const project = join(import.meta.dirname, '../..');
const run = promisify(execFile);

describe('the package that npm would publish, installed in another folder', () => {
  let folder: string;
  let show: ReturnType<typeof spawn> | undefined;

  const installed = () => join(folder, 'node_modules', 'musecam');
  const env = () => ({ ...process.env, MUSECAM_HOME: join(folder, 'home'), NO_COLOR: '1', CI: 'true' });
  const cli = () => join(installed(), 'dist', 'app', 'cli.js');
  const musecam = async (...args: string[]) =>
    (await run(process.execPath, [cli(), ...args], { cwd: folder, env: env() })).stdout;
  const status = async () => JSON.parse(await musecam('status', '--json')) as ShowStatus;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'musecam-package-'));
    const staged = join(folder, 'staged');
    // Built into a folder of its own: other tests run from source beside this one.
    await run(process.execPath, [join(project, 'scripts/build.mjs'), '--to', join(staged, 'dist')]);
    const manifest = JSON.parse(await readFile(join(project, 'package.json'), 'utf8'));
    for (const name of [
      'package.json',
      'README.md',
      'LICENSE',
      ...manifest.files.filter((one: string) => one !== 'dist'),
    ]) {
      await cp(join(project, name), join(staged, name), { recursive: true });
    }
    const packed = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
      cwd: staged,
    });
    await mkdir(installed(), { recursive: true });
    const [{ filename }] = JSON.parse(packed.stdout);
    await run('tar', ['xzf', join(folder, filename), '--strip-components=1', '-C', installed()]);
    // What npm would fetch: only what package.json names as needed at run time.
    for (const name of Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })) {
      const target = join(folder, 'node_modules', name);
      await mkdir(dirname(target), { recursive: true });
      await symlink(join(project, 'node_modules', name), target);
    }
  }, 120_000);
  afterAll(async () => {
    if (show && show.exitCode === null) {
      const ended = new Promise((resolve) => show?.once('exit', resolve));
      show.kill('SIGTERM');
      await ended;
    }
    await rm(folder, { recursive: true, force: true });
  });

  it('makes a plugin from its template, whose test passes, and runs it and the three examples in one show', async (context) => {
    need(context, hasProgram('ffmpeg'), 'ffmpeg is not installed');
    await musecam('plugins', 'new', 'wave-hello', '--dir', folder);
    const tested = await run(process.execPath, ['--test'], { cwd: join(folder, 'wave-hello') });
    expect(tested.stdout).toMatch(/pass 1\b/);
    // Copied: a plugin lies anywhere, and finds the API all the same.
    for (const name of ['osc-trigger', 'png-sequence', 'test-pattern']) {
      await cp(join(installed(), 'docs/examples', name), join(folder, name), { recursive: true });
      await musecam('plugins', 'add', join(folder, name));
    }
    const code = join(folder, 'wave-hello', 'index.js');
    const changed = (await readFile(code, 'utf8')).replace(
      'return { text }',
      'return { text, rate: FRAMES_PER_SECOND }',
    );
    await writeFile(code, `import { FRAMES_PER_SECOND } from 'musecam/api';\n${changed}`);
    await musecam('plugins', 'add', join(folder, 'wave-hello'));
    await musecam('settings', 'set', 'osc-trigger.port', '0');
    const pictures = join(folder, 'pictures');
    const args = ['start', '--no-open', '--port', '0', '--engine', 'bars', '--output', `png:${pictures}`];
    show = spawn(process.execPath, [cli(), ...args], { cwd: folder, env: env(), stdio: 'ignore' });
    await vi.waitFor(async () => expect((await status()).engine.id).toBe('test-pattern.bars'), 40_000);
    const { engines } = await status();
    expect(engines.map(({ id }) => id)).toEqual(['test-pattern.bars', 'puppet.face']);
    expect(JSON.parse(await musecam('run', 'wave-hello.say', '{"to":"Ada"}'))).toEqual({
      text: 'Hello, Ada!',
      rate: 25,
    });
    const port = await vi.waitFor(async () => {
      const link = (await status()).links.find(({ id }) => id === 'osc-trigger.port');
      return Number(/port (\d+)/.exec(link?.detail ?? '')![1]);
    }, 20_000);
    const socket = createSocket('udp4');
    socket.send(Buffer.from('/avatar\0,s\0\0jonas\0\0\0'), port, '127.0.0.1');
    await vi.waitFor(async () => expect((await status()).avatarId).toBe('jonas'), 20_000);
    socket.close();
    await vi.waitFor(async () => expect((await readdir(pictures)).length).toBeGreaterThan(10), 20_000);
    expect(await musecam('plugins', 'list')).toMatch(/✔\s+png-sequence/);
  }, 150_000);

  it('gives authors of plugins the types of the API', async () => {
    const author = join(folder, 'author');
    await mkdir(author, { recursive: true });
    const good = `import { definePlugin } from 'musecam/api';
      export default definePlugin({ activate(context) {
        context.registerCommand({ id: 'a.b', run: () => context.settings['a.c'] });
        context.status.onDidChange(({ avatarId }) => context.log.info(avatarId)); } });`;
    await writeFile(join(author, 'good.ts'), good);
    await writeFile(join(author, 'bad.ts'), good.replace('registerCommand', 'registerComand'));
    const tsc = (name: string) =>
      run(
        process.execPath,
        [
          join(project, 'node_modules/typescript/bin/tsc'),
          '--noEmit',
          '--strict',
          '--module',
          'nodenext',
          '--target',
          'es2023',
          '--lib',
          'es2023,esnext.disposable',
          '--types',
          'node',
          '--typeRoots',
          join(project, 'node_modules/@types'),
          name,
        ],
        { cwd: author },
      ).then(
        () => '',
        (thrown) => String(thrown.stdout),
      );
    expect(await tsc('good.ts')).toBe('');
    expect(await tsc('bad.ts')).toContain('registerComand');
  }, 60_000);
});
