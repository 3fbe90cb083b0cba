import type { PluginManifest, SettingDeclaration } from '../api/plugin.ts';
import { AppError } from '../base/errors.ts';

/** Values by flat dotted key: `microphone.backend`. */
export type SettingValues = Readonly<Record<string, unknown>>;

/** What reading the settings gave: usable values, and what was wrong with the others. */
export interface ReadSettings {
  readonly values: SettingValues;
  /** One sentence each: unknown keys with the nearest known one, values that do not fit and kept their default. */
  readonly warnings: readonly string[];
}

/** Every setting declared by a manifest, by key. */
export function declaredSettings(manifests: Iterable<PluginManifest>): ReadonlyMap<string, SettingDeclaration> {
  const all = new Map<string, SettingDeclaration>();
  for (const { contributes } of manifests) {
    for (const [key, setting] of Object.entries(contributes.configuration)) {
      all.set(key, setting);
    }
  }
  return all;
}

/** Layers given values over the defaults. Wrong values and unknown keys are told and never fatal. */
export function readSettings(declared: ReadonlyMap<string, SettingDeclaration>, given: SettingValues): ReadSettings {
  const values: Record<string, unknown> = {};
  const warnings: string[] = [];
  for (const [key, setting] of declared) values[key] = setting.default;
  for (const [key, value] of Object.entries(given)) {
    const setting = declared.get(key);
    if (!setting) {
      warnings.push(`Unknown setting ${key}; the nearest known one is ${nearest(key, declared.keys())}.`);
      continue;
    }
    const problem = problemOf(setting, value);
    if (problem)
      warnings.push(`${key} = ${JSON.stringify(value)}: ${problem}; using ${JSON.stringify(setting.default)}.`);
    else values[key] = value;
  }
  return { values, warnings };
}

/** Reads one `key=value` of the command line; the declared type decides what the text means. */
export function parseSetting(declared: ReadonlyMap<string, SettingDeclaration>, text: string): [string, unknown] {
  const at = text.indexOf('=');
  if (at < 1)
    throw new AppError('BAD_SETTING', `--set ${text}: expected key=value.`, {
      fix: 'For example: --set puppet.idle=0',
    });
  const key = text.slice(0, at);
  const value = text.slice(at + 1);
  const type = declared.get(key)?.type;
  if (type === 'number') return [key, Number(value)];
  if (type === 'object') return [key, parseObject(value)];
  if (type === 'boolean') return [key, value === 'true' ? true : value === 'false' ? false : value];
  return [key, value];
}

function problemOf(setting: SettingDeclaration, value: unknown): string | undefined {
  if (setting.type === 'object') return isWords(value) ? undefined : 'expected an object of texts';
  if (typeof value !== setting.type || Number.isNaN(value)) return `expected a ${setting.type}`;
  if (setting.enum && !setting.enum.includes(String(value))) return `expected one of ${setting.enum.join(', ')}`;
  if (typeof value === 'number' && value < (setting.minimum ?? -Infinity))
    return `expected at least ${setting.minimum}`;
  if (typeof value === 'number' && value > (setting.maximum ?? Infinity)) return `expected at most ${setting.maximum}`;
  return undefined;
}

function isWords(value: unknown): value is Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((one) => typeof one === 'string');
}

/** What is no JSON stays a text, which is then told to be no object. */
function parseObject(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The key with the smallest edit distance. */
export function nearest(key: string, known: Iterable<string>): string {
  let best = '';
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const distance = editDistance(key, candidate);
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Levenshtein's distance between two words. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replace, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
