import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const source = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => readFileSync(join(root, 'src', path), 'utf8'))
  .join('\n');

/** Codes are written in capitals with at least one underscore, in quotes, wherever an error is made. */
const thrown = new Set([...source.matchAll(/['"`]([A-Z][A-Z0-9_]{4,})['"`]/g)].map((match) => match[1]));
const documented = [...readFileSync(join(root, 'docs/errors.md'), 'utf8').matchAll(/^## ([A-Z0-9_]+)$/gm)].map(
  (match) => match[1] ?? '',
);

/** Words in capitals that are not codes of ours: names of environment variables and the like. */
const notCodes = new Set(['NO_COLOR', 'WAYLAND_DISPLAY', 'MUSECAM_HOME']);

describe('error codes', () => {
  it('are each thrown somewhere, when documented', () => {
    expect(documented.length).toBeGreaterThan(20);
    expect(documented.filter((code) => !thrown.has(code))).toEqual([]);
  });

  it('are each documented once, when thrown', () => {
    const codesThrown = [...source.matchAll(/new AppError\(\s*['"]([A-Z0-9_]+)['"]/g)].map((match) => match[1] ?? '');
    expect(new Set(codesThrown).size).toBeGreaterThan(20);
    const missing = [...new Set(codesThrown)].filter((code) => !documented.includes(code) && !notCodes.has(code));
    expect(missing).toEqual([]);
    expect(documented.length).toBe(new Set(documented).size);
  });
});
