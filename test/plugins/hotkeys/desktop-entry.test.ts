import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { writeDesktopEntry } from '../../../src/plugins/hotkeys/desktop-entry.ts';

it('a desktop entry is written once, where the desktop looks for it, and never over another', async () => {
  const home = mkdtempSync(join(tmpdir(), 'musecam-entry-'));
  try {
    const path = join(home, '.local/share/applications/io.musecam.MuseCam.desktop');
    expect(await writeDesktopEntry({ HOME: home })).toBe(path);
    const text = readFileSync(path, 'utf8');
    expect(text).toMatch(
      /^\[Desktop Entry\]\nType=Application\nName=MuseCam\nExec="[^\n]+" "[^\n]*" "start"\nNoDisplay=true\n$/,
    );
    expect(await writeDesktopEntry({ HOME: home })).toBeUndefined();
    expect(readFileSync(path, 'utf8')).toBe(text);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
});
