import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { applyEdits, modify, type ParseError, parse } from 'jsonc-parser';
import { AppError, systemCodeOf } from '../base/errors.ts';
import type { Paths } from '../base/paths.ts';

/**
 * Changes one value in the user's settings.json, whose comments and order stay; makes the file where there is none.
 * @returns the file's path. @throws AppError SETTINGS_DAMAGED when it cannot be understood: nothing is written then.
 */
export async function writeSetting(paths: Paths, key: string, value: unknown): Promise<string> {
  const path = join(paths.config, 'settings.json');
  const text = await readFile(path, 'utf8').catch((thrown) => {
    if (systemCodeOf(thrown) === 'ENOENT') return '{}\n';
    throw thrown;
  });
  const errors: ParseError[] = [];
  const before: unknown = parse(text, errors, { allowTrailingComma: true });
  if (errors.length > 0 || typeof before !== 'object' || before === null || Array.isArray(before)) {
    throw new AppError('SETTINGS_DAMAGED', `${path} is not understood, and is left as it is`, {
      fix: `Repair it, then set "${key}": ${JSON.stringify(value)}`,
    });
  }
  const formattingOptions = { insertSpaces: true, tabSize: 2 };
  await mkdir(paths.config, { recursive: true });
  await writeFile(`${path}.new`, applyEdits(text, modify(text, [key], value, { formattingOptions })));
  await rename(`${path}.new`, path);
  return path;
}
