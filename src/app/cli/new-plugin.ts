import { cp, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pluginIdSchema } from '../../api/plugin.ts';
import { AppError, systemCodeOf } from '../../base/errors.ts';
import { readVersion } from '../read-version.ts';

/** The example that new plugins are made from. */
const TEMPLATE = { id: 'hello', title: 'Hello', folder: new URL('../../../docs/examples/hello/', import.meta.url) };

/**
 * Makes a folder with a plugin in it: a manifest, code that works at once, and its test.
 * @returns the folder's absolute path. @throws AppError BAD_PLUGIN_ID, FOLDER_EXISTS.
 */
export async function createPlugin(id: string, directory: string): Promise<string> {
  if (!pluginIdSchema.safeParse(id).success) {
    throw new AppError('BAD_PLUGIN_ID', `"${id}" is no id for a plugin.`, {
      fix: 'Lower-case letters, digits and hyphens, for example: musecam plugins new wave-hello',
    });
  }
  const folder = join(directory, id);
  await mkdir(directory, { recursive: true });
  await mkdir(folder).catch((cause) => {
    if (systemCodeOf(cause) !== 'EEXIST') throw cause;
    throw new AppError('FOLDER_EXISTS', `${folder} is there already.`, { cause, fix: 'Take another id or --dir.' });
  });
  await cp(fileURLToPath(TEMPLATE.folder), folder, { recursive: true });
  for (const name of await readdir(folder, { recursive: true })) {
    const path = join(folder, name);
    if (!(await stat(path)).isFile()) continue;
    await writeFile(path, renamed(await readFile(path, 'utf8'), id));
  }
  return folder;
}

/** The template's text with another id and title, for this version of the API. */
function renamed(text: string, id: string): string {
  const title = id.charAt(0).toUpperCase() + id.slice(1).replaceAll('-', ' ');
  return text
    .replaceAll(`"${TEMPLATE.id}"`, `"${id}"`)
    .replaceAll(`${TEMPLATE.id}.`, `${id}.`)
    .replaceAll(`"${TEMPLATE.title}"`, `"${title}"`)
    .replace(/"musecam": "[^"]*"/, `"musecam": "^${readVersion()}"`);
}
