/**
 * Prepares the shipped avatars from their SVG sources, through the same `preparePhoto` as anybody's photo:
 * `npx tsx scripts/avatars/prepare-shipped.ts [mira] [jonas]`. Writes everything beside source.svg.
 */
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import type { FaceEngine } from '../../src/api/contributions.ts';
import { openPluginsWithoutShow } from '../../src/app/builtin-plugins.ts';
import { readVersion } from '../../src/app/read-version.ts';
import { preparePhoto } from '../../src/avatar/prepare-photo.ts';
import { silentLog } from '../../src/base/log.ts';

const avatars = fileURLToPath(new URL('../../avatars', import.meta.url));
const names: Readonly<Record<string, string>> = { mira: 'Mira', jonas: 'Jonas' };
const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(names);

await using plugins = openPluginsWithoutShow(silentLog, {});
const engines = new Map<string, FaceEngine>();
for (const { id } of plugins.contributions('faceEngines')) engines.set(id, await plugins.record('faceEngines', id));

const folder = mkdtempSync(join(tmpdir(), 'musecam-avatars-'));
try {
  for (const id of wanted) await prepare(id);
} finally {
  rmSync(folder, { recursive: true });
}

async function prepare(id: string): Promise<void> {
  const picture = join(folder, `${id}.png`);
  await sharp(join(avatars, id, 'source.svg'))
    .resize(1280, 720)
    .png()
    .toFile(picture);
  const manifest = await preparePhoto({
    source: picture,
    id,
    name: names[id] ?? id,
    description: 'Drawn for MuseCam; see source.svg and scripts/avatars.',
    licence: 'CC0-1.0',
    consent: {
      depicts: 'an invented character',
      statement: 'Drawn by the MuseCam authors; depicts no real person.',
      date: '2026-11-22',
    },
    folder,
    engines,
    preparedBy: `musecam ${readVersion()}`,
  });
  for (const entry of readdirSync(join(avatars, id))) {
    if (entry !== 'source.svg') rmSync(join(avatars, id, entry), { recursive: true });
  }
  cpSync(join(folder, id), join(avatars, id), { recursive: true });
  console.log(`${id}: face score ${manifest.faceScore.toFixed(3)}, box ${JSON.stringify(manifest.faceBoxes[0])}`);
}
