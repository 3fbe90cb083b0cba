import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { satisfies, validRange } from 'semver';
import { z } from 'zod';
import { contributesSchema, type PluginManifest, pluginIdSchema, pluginManifestSchema } from '../api/plugin.ts';
import { AppError, messageOf, systemCodeOf } from '../base/errors.ts';
import { nearest } from './settings.ts';

/** package.json of a plugin; other keys are npm's. */
export const pluginPackageSchema = z.object({
  /** Names the plugin, a scope such as `@me/` left out, and begins the id of everything it contributes. */
  name: z.string().max(214),
  version: z.string().max(60).optional(),
  /** What people read; left out: the name. */
  displayName: z.string().min(1).max(80).optional(),
  description: z.string().max(400).optional(),
  /** The module that exports the plugin by default, in the plugin's folder. */
  main: z.string().min(1).max(200).default('index.js'),
  /** `musecam`: range of versions of the plugin API, as npm writes them: `^0.1.0`. */
  engines: z.object({ musecam: z.string().max(60) }),
  /** `use`: its code is imported on first use of what it contributes; `show`: as soon as a show runs. */
  activation: z.enum(['use', 'show']).default('use'),
  contributes: contributesSchema,
});

/** A plugin's folder, read and checked; none of its code has run. */
export interface PluginPackage {
  readonly folder: string;
  readonly version: string;
  readonly manifest: PluginManifest;
  /** Absolute path of its main module. */
  readonly main: string;
}

/**
 * Reads a plugin's package.json.
 * @param apiVersion version of this program's plugin API.
 * @throws AppError NO_PLUGIN, BAD_MANIFEST (file, place and reason), PLUGIN_VERSION.
 */
export function readPlugin(folder: string, apiVersion: string): PluginPackage {
  const path = join(folder, 'package.json');
  const read = pluginPackageSchema.safeParse(readJson(path));
  if (!read.success) throw badManifest(path, read.error.issues);
  const { name, version = '0.0.0', displayName, description, main, engines, activation, contributes } = read.data;
  const id = name.replace(/^@[^/]+\//, '');
  if (!pluginIdSchema.safeParse(id).success) {
    throw new AppError('BAD_MANIFEST', `${path}: name: "${name}" is no id: lower-case letters, digits, hyphens.`);
  }
  checkRange(path, engines.musecam, apiVersion);
  const manifest = pluginManifestSchema.safeParse({
    ...{ id, title: displayName ?? id, activation, contributes },
    ...(description === undefined ? {} : { description }),
  });
  if (!manifest.success) throw badManifest(path, manifest.error.issues);
  const module = resolve(folder, main);
  if (!existsSync(module)) throw new AppError('BAD_MANIFEST', `${path}: main: there is no file ${module}.`);
  return { folder, version, manifest: manifest.data, main: module };
}

function readJson(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const why = systemCodeOf(cause) === 'ENOENT' ? 'there is no file' : 'it cannot be read';
    throw new AppError('NO_PLUGIN', `${path}: ${why}.`, {
      cause,
      fix: 'Name the folder of a plugin: the one with its package.json. A new one: musecam plugins new my-plugin',
    });
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AppError('BAD_MANIFEST', `${path}: ${messageOf(cause)}`, { cause });
  }
}

function checkRange(path: string, range: string, apiVersion: string): void {
  if (validRange(range) === null) {
    throw new AppError('BAD_MANIFEST', `${path}: engines.musecam: "${range}" is no range of versions.`);
  }
  if (satisfies(apiVersion, range, { includePrerelease: true })) return;
  throw new AppError('PLUGIN_VERSION', `${path}: it is made for MuseCam ${range}, and this is ${apiVersion}.`, {
    fix: 'Get another version of the plugin or of MuseCam.',
  });
}

function badManifest(path: string, issues: readonly z.core.$ZodIssue[]): AppError {
  const words = issues.map((issue) => `${path}: ${placeOf(issue.path)}${describe(issue)}`);
  return new AppError('BAD_MANIFEST', words.join('\n'));
}

function placeOf(path: readonly PropertyKey[]): string {
  const text = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
  return text === '' ? '' : `${text.replace(/^\./, '')}: `;
}

function describe(issue: z.core.$ZodIssue): string {
  if (issue.code !== 'unrecognized_keys') return issue.message;
  const known = Object.keys(contributesSchema.shape);
  return issue.keys.map((key) => `unknown key "${key}"; the nearest known one is "${nearest(key, known)}"`).join('; ');
}
