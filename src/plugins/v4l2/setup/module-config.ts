import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { systemCodeOf } from '../../../base/errors.ts';

/** First line of every file that `musecam camera setup` writes; only files that begin with it are ever changed or removed. */
export const FILE_HEADER = '# Written by MuseCam (musecam camera setup). To undo it: musecam camera remove';
/** Where our files go, seen from the root folder. */
export const OUR_LOAD_FILE = 'etc/modules-load.d/musecam.conf';
/** The options file; the second name where another program's options would otherwise be read after ours and win. */
export const OUR_OPTION_FILES = ['etc/modprobe.d/musecam.conf', 'etc/modprobe.d/zz-musecam.conf'] as const;

/** Where modprobe and systemd look, in the order in which files of one name hide each other. */
const PLACES = ['etc', 'run', 'usr/local/lib', 'usr/lib', 'lib'];
/** v4l2loopback makes up to 8 devices. */
const MAX_DEVICES = 8;

/** One device as options of the module make it. */
export interface ConfiguredDevice {
  /** 10 of /dev/video10; undefined: the kernel chooses. */
  readonly number: number | undefined;
  /** undefined: the module makes one up. */
  readonly label: string | undefined;
  readonly hasExclusiveCaps: boolean;
}

/** A file that says something about v4l2loopback. */
export interface ConfigFile {
  /** Where it lies on the machine: /etc/modprobe.d/obs.conf. */
  readonly path: string;
  readonly isOurs: boolean;
  /** Its options lines for the module, joined; empty where it only loads or bars it. */
  readonly options: string;
  /** Whether it keeps the module from being loaded by itself. */
  readonly isBlacklist: boolean;
}

/** What the system's configuration says about v4l2loopback. */
export interface ModuleConfig {
  /** Files of modprobe.d that name the module, in the order modprobe reads them: later ones win. */
  readonly optionFiles: readonly ConfigFile[];
  /** Files that load the module at every start. */
  readonly loadFiles: readonly ConfigFile[];
}

/** Reads modprobe.d, modules-load.d and /etc/modules. @param root folder that holds etc, usr and so on: `/`. */
export async function readModuleConfig(root: string): Promise<ModuleConfig> {
  const optionFiles: ConfigFile[] = [];
  for (const path of await listConfigFiles(root, 'modprobe.d')) {
    const text = await readText(join(root, path));
    const lines = text.replace(/\\\n/g, ' ').split('\n');
    const options = lines.flatMap((line) => /^\s*options\s+v4l2loopback\s+(.*)$/.exec(line)?.[1] ?? []).join(' ');
    const isBlacklist = lines.some((line) => /^\s*blacklist\s+v4l2loopback\s*$/.test(line));
    if (options || isBlacklist) optionFiles.push({ path: `/${path}`, isOurs: isOurs(text), options, isBlacklist });
  }
  const loadFiles: ConfigFile[] = [];
  for (const path of [...(await listConfigFiles(root, 'modules-load.d')), 'etc/modules']) {
    const text = await readText(join(root, path));
    if (/^\s*v4l2loopback\b/m.test(text))
      loadFiles.push({ path: `/${path}`, isOurs: isOurs(text), options: '', isBlacklist: false });
  }
  return { optionFiles, loadFiles };
}

/** Whether a file's text is one of ours. */
export function isOurs(text: string): boolean {
  return text.startsWith(FILE_HEADER);
}

/** The devices that options make, as the module itself reads them. */
export function devicesOf(options: string): readonly ConfiguredDevice[] {
  const values = parseOptions(options);
  const numbers = (values.get('video_nr') ?? '').split(',').filter(Boolean).map(Number);
  const flags = (values.get('exclusive_caps') ?? '').split(',');
  const labels = (values.get('card_label') ?? '').split(',');
  const count = Number(values.get('devices') ?? Math.max(1, numbers.length));
  return Array.from({ length: Math.min(MAX_DEVICES, count) || 1 }, (_, at) => {
    const number = numbers[at] ?? -1;
    return {
      number: number >= 0 ? number : undefined,
      label: labels[at] || undefined,
      hasExclusiveCaps: /^[1yY]/.test(flags[at] ?? ''),
    };
  });
}

/**
 * The text of our options file.
 * @param devices all of them with their numbers and labels. @param maxBuffers pictures the module keeps for readers.
 */
export function writeOptions(devices: readonly ConfiguredDevice[], maxBuffers: number): string {
  const list = (of: (device: ConfiguredDevice) => unknown) => devices.map(of).join(',');
  const count = devices.length > 1 ? `devices=${devices.length} ` : '';
  // One pair of quotes round all labels: the kernel strips only the outermost.
  const labels = list(({ label }) => label ?? 'Virtual camera');
  const options = [
    `${count}exclusive_caps=${list(({ hasExclusiveCaps }) => (hasExclusiveCaps ? 1 : 0))}`,
    `card_label="${labels}" video_nr=${list(({ number }) => number ?? -1)} max_buffers=${maxBuffers}`,
  ];
  return `${FILE_HEADER}\n# exclusive_caps: without it Chrome, Meet and Teams do not list the camera.\noptions v4l2loopback ${options.join(' ')}\n`;
}

/** The text of our file for modules-load.d. */
export function writeLoadFile(): string {
  return `${FILE_HEADER}\nv4l2loopback\n`;
}

/** Module options as the kernel takes them apart: spaces separate, except between quotes; the last of a name counts. */
function parseOptions(text: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const [, name, value] of text.matchAll(/([\w-]+)=((?:"[^"]*"|[^\s"])*)/g))
    values.set(name!, value!.replaceAll('"', ''));
  return values;
}

async function listConfigFiles(root: string, kind: string): Promise<string[]> {
  const found = new Map<string, string>();
  for (const place of PLACES) {
    const folder = join(place, kind);
    for (const name of await readdir(join(root, folder)).catch(() => []))
      if (name.endsWith('.conf') && !found.has(name)) found.set(name, join(folder, name));
  }
  return [...found.values()].sort((a, b) => (basename(a) < basename(b) ? -1 : 1));
}

/** A file's text; empty where it does not exist or may not be read (some systems hide modprobe.d from users). */
async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (thrown) {
    if (['ENOENT', 'EACCES', 'EISDIR'].includes(systemCodeOf(thrown) ?? '')) return '';
    throw thrown;
  }
}
