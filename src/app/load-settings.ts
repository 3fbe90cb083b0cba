import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ParseError, parse, printParseErrorCode } from 'jsonc-parser';
import type { SettingDeclaration } from '../api/plugin.ts';
import { systemCodeOf } from '../base/errors.ts';
import type { Paths } from '../base/paths.ts';
import { parseSetting, type ReadSettings, readSettings, type SettingValues } from '../host/settings.ts';
import { knownSettings } from './core-settings.ts';

/** What was read, and from where. */
export interface LoadedSettings extends ReadSettings {
  /** Every setting there is, by key. */
  readonly declared: ReadonlyMap<string, SettingDeclaration>;
  /** What the user's file says, as it is. */
  readonly fromFile: SettingValues;
  /** What `--set` says. */
  readonly fromCommandLine: SettingValues;
  /** Whether the file is there and cannot be understood: then nothing of it counts. */
  readonly isDamaged: boolean;
}

/** All settings: defaults, then settings.json in the config folder (comments allowed), then `--set key=value`. */
export async function loadSettings(paths: Paths, overrides: readonly string[]): Promise<LoadedSettings> {
  const file = await readSettingsFile(settingsPath(paths));
  const declared = knownSettings(paths);
  const fromCommandLine = Object.fromEntries(overrides.map((text) => parseSetting(declared, text)));
  const read = readSettings(declared, { ...file.values, ...fromCommandLine });
  const warnings = [...file.warnings, ...read.warnings];
  return { declared, values: read.values, warnings, fromFile: file.values, fromCommandLine, isDamaged: file.isDamaged };
}

/** Where the user's settings are. */
export function settingsPath(paths: Paths): string {
  return join(paths.config, 'settings.json');
}

async function readSettingsFile(path: string): Promise<ReadSettings & { readonly isDamaged: boolean }> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (thrown) {
    const isMissing = systemCodeOf(thrown) === 'ENOENT';
    const warnings = isMissing ? [] : [`${path} cannot be read: ${String(thrown)}`];
    return { values: {}, warnings, isDamaged: !isMissing };
  }
  const errors: ParseError[] = [];
  const values: unknown = parse(text, errors, { allowTrailingComma: true });
  const damaged = (warnings: string[]) => ({ values: {}, warnings, isDamaged: true });
  if (errors.length > 0) return damaged(errors.map((error) => `${path}${placeOf(text, error)}`));
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    return damaged([`${path} must hold one object; using the defaults.`]);
  }
  return { values: values as Record<string, unknown>, warnings: [], isDamaged: false };
}

function placeOf(text: string, { error, offset }: ParseError): string {
  const before = text.slice(0, offset).split('\n');
  return `:${before.length}:${(before.at(-1)?.length ?? 0) + 1}: ${printParseErrorCode(error)}; using the defaults.`;
}
