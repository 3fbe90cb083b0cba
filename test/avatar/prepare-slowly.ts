import { writeFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { preparePhoto } from '../../src/avatar/prepare-photo.ts';
import { optionsFor } from './prepare-drawn.ts';

/** Prepares a photo as the command line does, but writes so slowly that it can be stopped in the middle. */
const [folder, source] = process.argv.slice(2);
const abort = new AbortController();
process.once('SIGINT', () => abort.abort(new Error('interrupted')));
const files = {
  async writeFile(path: string, data: Uint8Array) {
    await writeFile(path, data);
    process.stdout.write('one file is written\n');
    await setTimeout(2000, undefined, { signal: abort.signal });
  },
};
try {
  await preparePhoto(optionsFor(folder!, source!, { files, signal: abort.signal }));
} catch {
  process.exitCode = 130;
}
