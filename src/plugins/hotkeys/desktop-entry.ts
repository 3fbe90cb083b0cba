import { access, mkdir, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** How desktops call us. */
export const APP_ID = 'io.musecam.MuseCam';

/**
 * Writes the desktop entry that portals since 1.21 want of a program that asks for keys, unless there is one. It is hidden
 * from menus. @returns its path; undefined where it was there already.
 */
export async function writeDesktopEntry(environment: NodeJS.ProcessEnv): Promise<string | undefined> {
  const folder = join(
    environment.XDG_DATA_HOME || join(environment.HOME || homedir(), '.local', 'share'),
    'applications',
  );
  const path = join(folder, `${APP_ID}.desktop`);
  const isThere = await access(path).then(
    () => true,
    () => false,
  );
  if (isThere) return undefined;
  const command = [process.execPath, process.argv[1] ?? '', 'start'].map(quote).join(' ');
  const lines = ['[Desktop Entry]', 'Type=Application', 'Name=MuseCam', `Exec=${command}`, 'NoDisplay=true', ''];
  await mkdir(folder, { recursive: true });
  await writeFile(path, lines.join('\n'), { flag: 'wx' });
  return path;
}

/** An argument as desktop entries want it. */
function quote(text: string): string {
  const escaped = text.replace(/[\\"`$]/g, (sign) => `\\${sign}`).replaceAll('\\', '\\\\');
  return `"${escaped.replaceAll('%', '%%')}"`;
}
