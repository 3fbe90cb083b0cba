import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, describe, expect, it } from 'vitest';
import { type CliResult, makeHome, runCli } from '../fakes/cli.ts';
import { writeWav } from '../fakes/write-wav.ts';

using home = makeHome();
const file = (name: string) => join(home.path, name);
const photo = file('grey.png');

/** An AppError as a user meets it: one line with its code, exit code 1, no stack. */
function expectRefused(result: CliResult, code: string): void {
  expect(`${result.stderr}${result.stdout}`).toContain(`[${code}]`);
  expect(result.code).toBe(1);
  expect(result.stderr).not.toMatch(/^\s+at /m);
  expect(result.stderr).not.toContain('This is a bug');
}

afterAll(() => home[Symbol.dispose]());

describe('bad input gets its own error, exit code 1 and no stack:', () => {
  it('a sound file that is not there', async () => {
    const result = await runCli(['render', '--audio', file('none.wav'), '--out', file('a.mp4')], home.env);
    expectRefused(result, 'SOUND_MISSING');
    expect(readdirSync(home.path)).not.toContain('a.mp4');
  });

  it('a wav of no length', async () => {
    writeFileSync(file('zero.wav'), '');
    expectRefused(
      await runCli(['render', '--audio', file('zero.wav'), '--out', file('b.mp4')], home.env),
      'SOUND_EMPTY',
    );
  });

  it('an mp3 named .wav, and it says what it is', async () => {
    writeFileSync(
      file('really.wav'),
      Buffer.concat([Buffer.from('ID3\x04\x00\x00\x00\x00\x00\x00'), Buffer.alloc(2000, 0xff)]),
    );
    const result = await runCli(['render', '--audio', file('really.wav'), '--out', file('c.mp4')], home.env);
    expectRefused(result, 'SOUND_NOT_WAV');
    expect(result.stderr).toContain('ffmpeg');
  });

  it('an avatar that is not there', async () => {
    writeWav(file('ok.wav'), new Float32Array(16_000));
    const args = ['render', '--audio', file('ok.wav'), '--out', file('d.mp4'), '--avatar', 'nobody'];
    expectRefused(await runCli(args, home.env), 'NO_SUCH_AVATAR');
  });

  it('an input, an output and an engine that nobody offers', async () => {
    expectRefused(
      await runCli(['start', '--no-open', '--port', '0', '--input', 'telepathy'], home.env),
      'NO_SUCH_SCHEME',
    );
    expectRefused(
      await runCli(['start', '--no-open', '--port', '0', '--output', 'cinema'], home.env),
      'NO_SUCH_SCHEME',
    );
    expectRefused(await runCli(['start', '--no-open', '--port', '0', '--engine', 'steam'], home.env), 'NO_SUCH_SCHEME');
  });

  it('a photo without a face', async () => {
    await sharp({ create: { width: 640, height: 480, channels: 3, background: '#888' } })
      .png()
      .toFile(photo);
    const result = await runCli(['prepare', photo, '--id', 'grey', '--consent', 'a test'], home.env);
    expectRefused(result, 'NO_FACE');
    expect(readdirSync(home.path)).not.toContain('grey');
  });

  it('an avatar id that could leave its folder', async () => {
    const result = await runCli(['prepare', photo, '--id', '../evil', '--consent', 'a test'], home.env);
    expectRefused(result, 'BAD_AVATAR_ID');
  });

  it('a prepare without consent', async () => {
    expectRefused(await runCli(['prepare', photo, '--id', 'grey'], home.env), 'CONSENT_MISSING');
  });

  it('an avatar.json that is broken, or points outside its folder', async () => {
    const folder = join(home.path, 'data', 'avatars', 'broken');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'avatar.json'), '{ "schemaVersion": 1, ');
    expectRefused(await runCli(['start', '--no-open', '--port', '0', '--avatar', 'broken'], home.env), 'AVATAR_BROKEN');
    const check = await runCli(['avatars', 'check', 'broken', '--json'], home.env);
    expect(check.code).toBe(1);
    expect(JSON.parse(check.stdout)).toMatchObject({ ok: false });
  });

  it('a port that is in use', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const result = await runCli(['start', '--no-open', '--port', String(port)], home.env);
    server.close();
    expectRefused(result, 'PORT_IN_USE');
  });

  it('commands for a daemon that does not run', async () => {
    for (const args of [['status'], ['avatars', 'next'], ['avatars', 'use', 'mira'], ['run', 'avatar.next']]) {
      expectRefused(await runCli(args, home.env), 'NOT_RUNNING');
    }
  });

  it('bad usage ends with exit code 2', async () => {
    expect((await runCli(['render'], home.env)).code).toBe(2);
    expect((await runCli(['dance'], home.env)).code).toBe(2);
    expect((await runCli(['start', '--port', 'many'], home.env)).code).toBe(2);
  });
});
