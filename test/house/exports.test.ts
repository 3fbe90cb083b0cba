import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const source = join(import.meta.dirname, '../../src');
const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter(
  (path) => path.endsWith('.ts') && !path.startsWith('media/kernel/'),
);

/** Exported declarations whose line above is not the end of a doc comment. */
function undocumented(path: string): string[] {
  const lines = readFileSync(join(source, path), 'utf8').split('\n');
  return lines.flatMap((line, at) => {
    const declared = /^export (?:abstract )?(?:async )?(?:function\*?|class|interface|type|const) (\w+)/.exec(line);
    if (!declared) return [];
    return lines[at - 1]?.trimEnd().endsWith('*/') ? [] : [`${path}:${at + 1} ${declared[1]}`];
  });
}

describe('exports', () => {
  it('each have a doc comment', () => {
    // A plugin's manifest.ts documents itself: it is data with titles and descriptions.
    const looked = files.filter((path) => !path.endsWith('/manifest.ts'));
    expect(looked.length).toBeGreaterThan(50);
    expect(looked.flatMap(undocumented)).toEqual([]);
  });

  it('live in files of one idea: none is longer than 400 lines', () => {
    const long = files.map((path) => ({ path, lines: readFileSync(join(source, path), 'utf8').split('\n').length }));
    expect(long.filter(({ lines }) => lines > 400)).toEqual([]);
  });

  it('never are default exports, but for plugins', () => {
    const defaults = files.filter((path) => /^export default/m.test(readFileSync(join(source, path), 'utf8')));
    expect(defaults.filter((path) => !/^plugins\/[^/]+\/index\.ts$/.test(path))).toEqual([]);
  });
});
