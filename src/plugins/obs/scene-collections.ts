import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { applyEdits, type JSONPath, modify, type ParseError, parse } from 'jsonc-parser';
import { brokenCollection } from './failures.ts';

/** Where OBS keeps its scripts in a collection. */
const SCRIPTS: JSONPath = ['modules', 'scripts-tool'];
/** What is put behind the name of the file as it was before the last change. Not `.json`: OBS would list it. */
const BACKUP = '.before-musecam';

/** A script as OBS keeps it. */
export interface ScriptEntry {
  readonly path: string;
  /** What the script has saved: its keys, by hotkey. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

/** The first of these folders that OBS has filled; undefined: OBS was never started. */
export async function findObsFolder(folders: readonly string[]): Promise<string | undefined> {
  for (const folder of folders) if ((await listCollections(folder)).length > 0) return folder;
  return undefined;
}

/** Files of all scene collections. */
export async function listCollections(folder: string): Promise<readonly string[]> {
  const place = join(folder, 'basic', 'scenes');
  const names = await readdir(place).catch(() => []);
  return names.filter((name) => name.endsWith('.json')).map((name) => join(place, name));
}

/** File of the collection that OBS uses, or uses next; undefined where that is not known. */
export async function currentCollection(folder: string): Promise<string | undefined> {
  const all = await listCollections(folder);
  // OBS 31 and newer keep it in user.ini.
  for (const name of ['user.ini', 'global.ini']) {
    const text = await readFile(join(folder, name), 'utf8').catch(() => '');
    const file = /^SceneCollectionFile=(.+?)\r?$/m.exec(text)?.[1];
    const path = file && join(folder, 'basic', 'scenes', file.endsWith('.json') ? file : `${file}.json`);
    if (path && all.includes(path)) return path;
  }
  return all.length === 1 ? all[0] : undefined;
}

/** Scripts of a collection. @throws AppError OBS_COLLECTION_BROKEN. */
export async function readScripts(file: string): Promise<readonly ScriptEntry[]> {
  return scriptsIn(file, await readFile(file, 'utf8'));
}

/**
 * Adds a script to a collection, unless it is there. Only while OBS does not run. The rest of the file stays as it is, to
 * the byte. @returns path of the file as it was; undefined: nothing to do. @throws AppError OBS_COLLECTION_BROKEN.
 */
export async function addScript(file: string, path: string): Promise<string | undefined> {
  const text = await readFile(file, 'utf8');
  const scripts = scriptsIn(file, text);
  if (scripts.some((script) => script.path === path)) return undefined;
  const entry = { path, settings: {} };
  const edits =
    scripts.length > 0
      ? modify(text, [...SCRIPTS, -1], entry, { isArrayInsertion: true })
      : modify(text, SCRIPTS, [entry], {});
  return replace(file, text, applyEdits(text, edits));
}

/** Takes a script out of a collection. As {@link addScript}. */
export async function removeScript(file: string, path: string): Promise<string | undefined> {
  const text = await readFile(file, 'utf8');
  const at = scriptsIn(file, text).findIndex((script) => script.path === path);
  if (at < 0) return undefined;
  return replace(file, text, applyEdits(text, modify(text, [...SCRIPTS, at], undefined, {})));
}

function scriptsIn(file: string, text: string): readonly ScriptEntry[] {
  const errors: ParseError[] = [];
  const value = parse(text, errors) as { modules?: { 'scripts-tool'?: unknown } } | undefined;
  if (errors.length > 0 || typeof value !== 'object' || value === null) throw brokenCollection(file);
  const scripts = value.modules?.['scripts-tool'];
  return Array.isArray(scripts) ? scripts : [];
}

async function replace(file: string, before: string, after: string): Promise<string> {
  const backup = `${file}${BACKUP}`;
  await writeFile(backup, before);
  const next = `${file}.musecam-new`;
  await writeFile(next, after);
  await rename(next, file);
  return backup;
}
