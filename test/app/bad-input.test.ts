import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DrawnFace, drawPhoto, FACE_SHARE } from '../avatar/draw-photo.ts';
import { Cli, type CliResult, makeHome, runCli } from '../fakes/cli.ts';
import { need } from '../fakes/need.ts';
import { writeWav } from '../fakes/write-wav.ts';

const home = makeHome();
const file = (name: string) => join(home.path, name);
const consent = ['--consent', 'drawn for a test'];
const shippedAvatar = fileURLToPath(new URL('../../avatars/jonas', import.meta.url));
afterAll(() => home[Symbol.dispose]());

/** An AppError as a user meets it: one line with its code and one that helps, exit code 1, no stack. */
function expectRefused(result: CliResult, code: string): void {
  expect(result.stderr).toContain(`[${code}]`);
  expect(result.stderr).toMatch(/^ {2}→ \S.{8}/m);
  expect(result.code).toBe(1);
  expect(result.stderr).not.toMatch(/^\s+at /m);
  expect(result.stderr).not.toContain('This is a bug');
}

/** What lies in the folder of the user's avatars, half-written ones too. */
function avatarsIn(path: string): string[] {
  const folder = join(path, 'data', 'avatars');
  return existsSync(folder) ? readdirSync(folder) : [];
}

describe('a sound that cannot be rendered gets its own error, exit code 1, and no video:', () => {
  async function expectNoVideo(audio: string, code: string, words: string | RegExp): Promise<void> {
    const result = await runCli(['render', '--audio', file(audio), '--out', file('out.mp4')], home.env);
    expectRefused(result, code);
    expect(result.stderr).toMatch(words);
    expect(readdirSync(home.path).filter((name) => name.includes('out'))).toEqual([]);
  }

  it('a file that is not there', () => expectNoVideo('none.wav', 'WAV_NOT_FOUND', /none\.wav/));

  it('a file of no length, and one that ends after its header', async () => {
    writeFileSync(file('zero.wav'), '');
    await expectNoVideo('zero.wav', 'WAV_EMPTY', '0 bytes');
    writeWav(file('header.wav'), new Float32Array(0));
    await expectNoVideo('header.wav', 'WAV_EMPTY', /header\.wav/);
  });

  it('an mp3 named .wav, and it says what it is and how to convert it', async () => {
    const mp3 = Buffer.concat([Buffer.from('ID3\x04\x00\x00\x00\x00\x00\x00'), Buffer.alloc(2000, 0xff)]);
    writeFileSync(file('really.wav'), mp3);
    await expectNoVideo('really.wav', 'WAV_WRONG_TYPE', /MP3 file[\s\S]*ffmpeg -i/);
  });
});

describe('a photo that cannot become an avatar gets its own error, exit code 1, and leaves nothing:', () => {
  const oneFace: DrawnFace = { x: 340, y: 0, height: 720 };

  async function savePhoto(name: string, width: number, height: number, faces: readonly DrawnFace[]): Promise<string> {
    await (await drawPhoto(width, height, faces)).toFile(file(name));
    return file(name);
  }

  beforeAll(async () => {
    await savePhoto('good.png', 1280, 720, [oneFace]);
  });

  it('no face', async () => {
    const photo = await savePhoto('wall.png', 640, 480, []);
    expectRefused(await runCli(['prepare', photo, '--id', 'wall', ...consent], home.env), 'NO_FACE');
    expect(avatarsIn(home.path)).toEqual([]);
  });

  it('two faces, and with one of them named it works', async () => {
    const two = [
      { x: 20, y: 0, height: 720 },
      { x: 660, y: 0, height: 720 },
    ];
    const args = ['prepare', await savePhoto('two.png', 1280, 720, two), '--id', 'two', ...consent];
    const refused = await runCli(args, home.env);
    expectRefused(refused, 'SEVERAL_FACES');
    expect(refused.stderr).toContain('--face');
    expect(avatarsIn(home.path)).toEqual([]);
    expect((await runCli([...args, '--face', '2'], home.env)).code).toBe(0);
    expect(avatarsIn(home.path)).toEqual(['two']);
    expect((await runCli(['avatars', 'remove', 'two'], home.env)).code).toBe(0);
    expect(avatarsIn(home.path)).toEqual([]);
  });

  it('a face of 20 pixels, and it says how small it is', async () => {
    const small = { x: 300, y: 200, height: Math.round(20 / FACE_SHARE) };
    const photo = await savePhoto('small.png', 640, 480, [small]);
    const result = await runCli(['prepare', photo, '--id', 'small', ...consent], home.env);
    expectRefused(result, 'FACE_TOO_SMALL');
    expect(Number(/(\d+) (?:px|pixels)/.exec(result.stderr)?.[1])).toBeGreaterThan(15);
    expect(Number(/(\d+) (?:px|pixels)/.exec(result.stderr)?.[1])).toBeLessThan(25);
    expect(avatarsIn(home.path)).toEqual([]);
  });

  it('an id that could leave its folder, or that a shipped avatar has, and no consent', async () => {
    const prepare = (...args: string[]) => runCli(['prepare', file('good.png'), ...args], home.env);
    expectRefused(await prepare('--id', '../evil', ...consent), 'BAD_AVATAR_ID');
    expectRefused(await prepare('--id', 'mira', '--replace', ...consent), 'AVATAR_EXISTS');
    expectRefused(await prepare('--id', 'anna'), 'CONSENT_MISSING');
    expect(avatarsIn(home.path)).toEqual([]);
  });

  it('a disk that gets full', async (context) => {
    using small = makeHome();
    const mounting = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', small.path]);
    need(context, mounting.status === 0, 'the right to mount a small tmpfs');
    try {
      const result = await runCli(['prepare', file('good.png'), '--id', 'anna', ...consent], small.env);
      expectRefused(result, 'DISK_FULL');
      expect(avatarsIn(small.path)).toEqual([]);
    } finally {
      spawnSync('umount', [small.path]);
    }
  });

  it('Ctrl-C in the middle: exit code 130', async () => {
    await using cli = new Cli(['prepare', file('good.png'), '--id', 'anna', ...consent], home.env);
    await cli.says(/Preparing 30 %/);
    cli.child.kill('SIGINT');
    expect((await cli.ended).code).toBe(130);
    expect(avatarsIn(home.path)).toEqual([]);
  });

  it('while a photo of 8000 pixels works', async () => {
    const photo = await savePhoto('large.jpg', 8000, 6000, [{ x: 1800, y: 300, height: 5200 }]);
    expect((await runCli(['prepare', photo, '--id', 'large', ...consent], home.env)).code).toBe(0);
    const check = await runCli(['avatars', 'check', 'large', '--json'], home.env);
    expect(JSON.parse(check.stdout)).toMatchObject({ ok: true, problems: [] });
    expect((await runCli(['avatars', 'remove', 'large'], home.env)).code).toBe(0);
  });
});

describe('an avatar that cannot be shown', () => {
  const folder = (id: string) => join(home.path, 'data', 'avatars', id);

  /** A copy of a shipped avatar whose manifest is changed. */
  function forge(id: string, change: (manifest: Record<string, unknown>) => void): void {
    cpSync(shippedAvatar, folder(id), { recursive: true });
    const path = join(folder(id), 'avatar.json');
    const manifest = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    manifest.id = id;
    change(manifest);
    writeFileSync(path, JSON.stringify(manifest));
  }

  async function expectBroken(id: string, words: RegExp): Promise<void> {
    const check = await runCli(['avatars', 'check', id, '--json'], home.env);
    expect(check.code).toBe(1);
    expect(JSON.parse(check.stdout)).toMatchObject({ ok: false });
    expect(check.stdout).toMatch(words);
    const started = await runCli(['start', '--no-open', '--port', '0', '--avatar', id], home.env);
    expectRefused(started, 'AVATAR_BROKEN');
    expect(started.stderr).toMatch(words);
  }

  it('is not there', async () => {
    writeWav(file('ok.wav'), new Float32Array(16_000));
    const args = ['render', '--audio', file('ok.wav'), '--out', file('d.mp4'), '--avatar'];
    expectRefused(await runCli([...args, 'nobody'], home.env), 'NO_SUCH_AVATAR');
    expectRefused(await runCli([...args, '../../../etc'], home.env), 'NO_SUCH_AVATAR');
    expectRefused(await runCli(['avatars', 'check', '../mira'], home.env), 'NO_SUCH_AVATAR');
    expect(existsSync(file('d.mp4'))).toBe(false);
  });

  it('passes the check when only its id was changed, so that the faults below are what is found', async () => {
    forge('copy', () => {});
    expect((await runCli(['avatars', 'check', 'copy'], home.env)).code).toBe(0);
  });

  it('has an avatar.json that breaks off', async () => {
    mkdirSync(folder('broken'), { recursive: true });
    writeFileSync(join(folder('broken'), 'avatar.json'), '{ "schemaVersion": 1, ');
    await expectBroken('broken', /JSON/);
  });

  it('has an avatar.json that points outside its folder', async () => {
    writeFileSync(join(home.path, 'data', 'secret'), 'the secret words');
    forge('upwards', (manifest) => Object.assign(manifest.masks as object, { path: '../../secret' }));
    await expectBroken('upwards', /masks\.path/);
    forge('absolute', (manifest) => Object.assign((manifest.body as object[])[0]!, { path: '/etc/hostname' }));
    await expectBroken('absolute', /body\.0\.path/);
  });
});

describe('a show that cannot be had', () => {
  const start = (...args: string[]) => runCli(['start', '--no-open', '--port', '0', ...args], home.env);

  it('names an input, an output or an engine that nobody offers, and hears what there is', async () => {
    const noInput = await start('--input', 'telepathy');
    expectRefused(noInput, 'NO_SUCH_SCHEME');
    expect(noInput.stderr).toContain('mic, wav, pcm');
    expectRefused(await start('--output', 'cinema'), 'NO_SUCH_SCHEME');
    expectRefused(await start('--engine', 'steam'), 'NO_SUCH_SCHEME');
  });

  it('names a sound file that is not there', async () => {
    expectRefused(await start('--input', `wav:${file('none.wav')}`), 'WAV_NOT_FOUND');
    expect(existsSync(join(home.path, 'state', 'daemon.json'))).toBe(false);
  });

  it('wants a port that is in use', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const result = await runCli(['start', '--no-open', '--port', String(port)], home.env);
    server.close();
    expectRefused(result, 'PORT_IN_USE');
    expect(result.stderr).toContain(String(port));
  });

  it('is told of a setting that there is not, with the nearest one, and goes on', async () => {
    const result = await start('--input', 'pcm:-', '--set', 'puppet.idel=0', '--seconds', '1');
    expect(result.code, result.stderr).toBe(0);
    expect(result.stderr).toContain('Unknown setting puppet.idel; the nearest known one is puppet.idle.');
  });
});

it('the control page without its token, or with a wrong one, is refused with 401 and shows nothing', async () => {
  await using cli = new Cli(['start', '--no-open', '--port', '0', '--input', 'pcm:-'], home.env);
  const [, url, token] = (await cli.says(/Control page: (http:\S+)\?token=(\S+)/)) as unknown as string[];
  const ask = (path: string, headers: Record<string, string> = {}) => fetch(new URL(path, url), { headers });
  for (const path of ['/', '/?token=wrong', '/api/status', '/preview.mjpg', '/api/avatars/mira/preview']) {
    for (const headers of [{}, { authorization: 'Bearer wrong' }]) {
      const answer = await ask(path, headers);
      expect({ path, status: answer.status }).toEqual({ path, status: 401 });
      expect(await answer.text()).not.toMatch(/avatarId|<canvas/);
    }
  }
  const command = await fetch(new URL('/api/commands/show.stop', url), { method: 'POST' });
  expect(command.status).toBe(401);
  const right = await ask('/api/status', { authorization: `Bearer ${token}` });
  expect(right.status).toBe(200);
  expect(await right.json()).toMatchObject({ avatarId: 'mira' });
});

describe('the command line', () => {
  it('says when no daemon runs', async () => {
    for (const args of [['status'], ['avatars', 'next'], ['avatars', 'use', 'mira'], ['run', 'avatar.next']]) {
      expectRefused(await runCli(args, home.env), 'NOT_RUNNING');
    }
  });

  it('ends with exit code 2 after bad usage', async () => {
    expect((await runCli(['render'], home.env)).code).toBe(2);
    expect((await runCli(['dance'], home.env)).code).toBe(2);
    expect((await runCli(['start', '--port', 'many'], home.env)).code).toBe(2);
  });
});
