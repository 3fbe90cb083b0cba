import { readFile, realpath, stat } from 'node:fs/promises';
import { dirname, extname, join, sep } from 'node:path';
import type { PluginPage } from '../../api/plugin.ts';

/** Largest file of a panel that is sent, in bytes. */
export const PANEL_FILE_LIMIT_BYTES = 8 * 1024 * 1024;

/** Kinds of file that a panel may be made of; anything else in the plugin's folder stays there. */
const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.webp': 'image/webp',
  '.avif': 'image/avif',
  '.gif': 'image/gif',
  '.woff2': 'font/woff2',
  '.mp3': 'audio/mpeg',
  '.wav': 'audio/wav',
  '.ogg': 'audio/ogg',
  '.mp4': 'video/mp4',
  '.webm': 'video/webm',
};
/** A name of a file or folder: no dot first, nothing that a path means something by. */
const NAME = /^[\w@-][\w@ .-]*$/;

/** A file of a panel, as it is sent. */
export interface PanelFile {
  readonly contentType: string;
  readonly bytes: Buffer;
}

/**
 * Reads a file of a panel: one that lies beside its HTML file or below, really, whatever links say.
 * @param path relative to the folder of the HTML file, decoded, with slashes.
 * @returns undefined for everything else, and for what is too large.
 */
export async function readPanelFile(page: PluginPage, path: string): Promise<PanelFile | undefined> {
  const contentType = CONTENT_TYPES[extname(path).toLowerCase()];
  if (contentType === undefined || !path.split('/').every((name) => NAME.test(name))) return undefined;
  try {
    const root = await realpath(dirname(page.file));
    const file = await realpath(join(root, path));
    const isInside = isWithin(await realpath(page.folder), root) && isWithin(root, file) && file !== root;
    // Looked at before it is opened: opening a pipe would wait for whoever writes into it.
    const about = isInside ? await stat(file) : undefined;
    if (!about?.isFile() || about.size > PANEL_FILE_LIMIT_BYTES) return undefined;
    return { contentType, bytes: await readFile(file) };
  } catch {
    return undefined;
  }
}

function isWithin(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}
