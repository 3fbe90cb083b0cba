/**
 * Unpacks one avatar into the cache in a process of its own, so that the pictures of a running show are not late because of
 * it. Started by unpack-elsewhere.ts; ends when it is done, and with who started it.
 */
import { realpath } from 'node:fs/promises';
import { readManifest } from '../avatar/read-manifest.ts';
import { unpackBody } from '../avatar/unpack-body.ts';
import { AppError, messageOf } from '../base/errors.ts';
import type { WireError } from '../live/engine-protocol.ts';
import type { UnpackJob } from './unpack-elsewhere.ts';

const stop = new AbortController();
process.on('disconnect', () => stop.abort(new Error('nobody waits for it any more')));
// Ctrl-C reaches the whole process group; who started us decides.
process.on('SIGINT', () => {});
process.once('message', (job) => void unpack(job as UnpackJob));

async function unpack({ folder, cacheFolder, background }: UnpackJob): Promise<void> {
  let failure: WireError | undefined;
  try {
    const manifest = await readManifest(folder);
    await using _unpacked = await unpackBody(await realpath(folder), manifest, {
      ...{ cacheFolder, background, signal: stop.signal },
    });
  } catch (thrown) {
    failure = toWire(thrown);
  }
  if (process.connected) process.send?.({ failure }, () => process.disconnect());
}

function toWire(thrown: unknown): WireError {
  if (!(thrown instanceof AppError)) return { code: 'AVATAR_BROKEN', message: messageOf(thrown) };
  return { code: thrown.code, message: thrown.message, ...(thrown.fix === undefined ? {} : { fix: thrown.fix }) };
}
