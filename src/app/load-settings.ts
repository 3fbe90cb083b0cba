import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ParseError, parse, printParseErrorCode } from 'jsonc-parser';
import { systemCodeOf } from '../base/errors.ts';
import type { Paths } from '../base/paths.ts';
import { parseSetting, type ReadSettings, readSettings } from '../host/settings.ts';
import { allSettings } from './core-settings.ts';

/** All settings: defaults, then settings.json in the config folder (comments allowed), then `--set key=value`. */
export async function loadSettings(paths: Paths, overrides: readonly string[]): Promise<ReadSettings> {
  const file = await readSettingsFile(join(paths.config, 'settings.json'));
  const given = { ...file.values, ...Object.fromEntries(overrides.map((text) => parseSetting(allSettings, text))) };
  const read = readSettings(allSettings, given);
  return { values: read.values, warnings: [...file.warnings, ...read.warnings] };
}

async function readSettingsFile(path: string): Promise<ReadSettings> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (thrown) {
    const isMissing = systemCodeOf(thrown) === 'ENOENT';
    return { values: {}, warnings: isMissing ? [] : [`${path} cannot be read: ${String(thrown)}`] };
  }
  const errors: ParseError[] = [];
  const values: unknown = parse(text, errors, { allowTrailingComma: true });
  if (errors.length > 0) return { values: {}, warnings: errors.map((error) => `${path}${placeOf(text, error)}`) };
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    return { values: {}, warnings: [`${path} must hold one object; using the defaults.`] };
  }
  return { values: values as Record<string, unknown>, warnings: [] };
}

function placeOf(text: string, { error, offset }: ParseError): string {
  const before = text.slice(0, offset).split('\n');
  return `:${before.length}:${(before.at(-1)?.length ?? 0) + 1}: ${printParseErrorCode(error)}; using the defaults.`;
}
