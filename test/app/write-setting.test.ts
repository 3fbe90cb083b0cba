import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { writeSetting } from '../../src/app/write-setting.ts';
import { findPaths } from '../../src/base/paths.ts';
import { makeHome } from '../fakes/cli.ts';

const home = makeHome();
afterAll(() => home[Symbol.dispose]());
const paths = findPaths(home.env);
const file = join(paths.config, 'settings.json');

describe('a setting that is kept', () => {
  it('makes the file where there is none', async () => {
    expect(await writeSetting(paths, 'virtual-mic.extraMilliseconds', 12)).toBe(file);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ 'virtual-mic.extraMilliseconds': 12 });
  });

  it('leaves comments, order and everything else as it is', async () => {
    const text = '{\n  // the quiet office\n  "puppet.idle": 0.5, // calm\n  "virtual-mic.extraMilliseconds": 12,\n}\n';
    writeFileSync(file, text);
    await writeSetting(paths, 'virtual-mic.extraMilliseconds', -8);
    expect(readFileSync(file, 'utf8')).toBe(text.replace('12', '-8'));
    expect(readdirSync(paths.config)).toEqual(['settings.json']);
  });

  it('touches nothing that it does not understand', async () => {
    mkdirSync(paths.config, { recursive: true });
    for (const text of ['{ "a": 1', '[]', 'null', '{ "a": }']) {
      writeFileSync(file, text);
      await expect(writeSetting(paths, 'a', 2)).rejects.toMatchObject({ code: 'SETTINGS_DAMAGED' });
      expect(readFileSync(file, 'utf8')).toBe(text);
    }
  });
});
