import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PrepareOptions } from '../../src/avatar/prepare-options.ts';
import { preparePhoto } from '../../src/avatar/prepare-photo.ts';
import { drawPhoto } from './draw-photo.ts';

/** Options that prepare a photo without a fault; a test changes what it is about. */
export function optionsFor(folder: string, source: string, change: Partial<PrepareOptions> = {}): PrepareOptions {
  return {
    source,
    id: 'anna',
    name: 'Anna',
    consent: { depicts: 'invented', statement: 'drawn for the tests of this repository', date: '2026-01-01' },
    licence: 'MIT',
    folder,
    engines: new Map(),
    preparedBy: 'test',
    ...change,
  };
}

/** Draws one face, prepares it as an avatar `id` in `folder`, and says where it is. */
export async function prepareDrawn(folder: string, id: string): Promise<string> {
  const source = join(folder, `${id}.png`);
  await writeFile(source, await (await drawPhoto(800, 720, [{ x: 100, y: 0, height: 720 }])).png().toBuffer());
  await preparePhoto(optionsFor(folder, source, { id, size: { width: 640, height: 360 } }));
  return join(folder, id);
}
