import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { Cli, makeHome, runCli } from '../fakes/cli.ts';
import { hasProgram, need } from '../fakes/need.ts';

/** Enough on a machine that has other things to do. */
const SLOW_MS = 300_000;
const home = makeHome();
afterAll(() => home[Symbol.dispose]());

const clip = fileURLToPath(new URL('../clips/still-speech.mp4', import.meta.url));
const said = ['--depicts=invented', '--consent=drawn for the tests'];
const small = ['--size=320x180', '--seconds=1.2'];

interface Line {
  readonly step?: string;
  readonly fraction?: number;
  readonly done?: { readonly id: string; readonly previewPath: string; readonly sheetPath: string };
  readonly error?: { readonly code: string; readonly message: string; readonly fix: string };
}

function linesOf(text: string): Line[] {
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
}

describe('musecam prepare', () => {
  it(
    'goes on after Ctrl-C where it was, and tells its progress line by line',
    async (context) => {
      need(context, hasProgram('ffmpeg'), 'ffmpeg');
      const command = ['prepare', clip, '--id=anna', ...said, ...small, '--progress-json'];
      await using first = new Cli(command, home.env);
      await first.says(/Working through the frames","fraction":0\.[4-7]/, 120_000);
      first.child.kill('SIGINT');
      expect((await first.ended).code).toBe(130);
      await using again = new Cli(command, home.env);
      again.child.stdin?.end();
      const { code, stdout } = await again.ended;
      expect(code).toBe(0);
      const lines = linesOf(stdout);
      // What was surveyed in the first run is not surveyed again.
      expect(lines.filter((line) => line.step === 'Following the face').length).toBeLessThanOrEqual(1);
      const fractions = lines.flatMap((line) => line.fraction ?? []);
      expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
      expect(fractions.at(-1)).toBe(1);
      const { done } = lines.at(-1)!;
      expect(done).toMatchObject({ id: 'anna', previewPath: join(home.path, 'data/avatars/anna/preview.png') });
      expect((await readFile(done!.sheetPath)).length).toBeGreaterThan(1000);
    },
    SLOW_MS,
  );

  it(
    'tells a failure as the last line, with its fix',
    async () => {
      const { code, stdout } = await runCli(
        ['prepare', '/nowhere.mp4', '--id=none', ...said, '--progress-json'],
        home.env,
      );
      expect(code).toBe(1);
      expect(linesOf(stdout).at(-1)).toMatchObject({
        error: { code: 'SOURCE_MISSING', message: expect.stringContaining('/nowhere.mp4'), fix: expect.any(String) },
      });
    },
    SLOW_MS,
  );

  it.each([
    ['--size=big', 'is no size'],
    ['--size=641x360', 'width'],
    ['--motion=round', '--motion loop'],
    ['--use=all', '--use idle'],
    ['--framing=tight', '--framing whole'],
  ])(
    'refuses %s',
    async (flag, words) => {
      const { code, stderr } = await runCli(['prepare', clip, '--id=none', ...said, flag], home.env);
      expect(code).toBe(1);
      expect(stderr).toContain('BAD_AVATAR_DETAILS');
      expect(stderr).toContain(words);
    },
    SLOW_MS,
  );
});
