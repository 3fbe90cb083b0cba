import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { receiveUpload, type UploadDisk } from '../../src/app/receive-upload.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

describe('receiving an upload', () => {
  it('holds nothing of what has been written', async () => {
    const partBytes = 1_000_000;
    const count = 200;
    let mostHeldBytes = 0;
    let written = 0;
    const disk: UploadDisk = {
      freeBytes: async () => 1e12,
      create: async () => ({
        async write(bytes) {
          written += bytes.length;
          if (written % (20 * partBytes) !== 0) return;
          // Collected across a turn of the event loop: what is only on the stack of this one is not held.
          await new Promise((resolve) => setImmediate(resolve));
          collectGarbage();
          mostHeldBytes = Math.max(mostHeldBytes, process.memoryUsage().arrayBuffers);
        },
        close: async () => {},
      }),
    };
    async function* film(): AsyncGenerator<Uint8Array> {
      for (let i = 0; i < count; i++) {
        const part = new Uint8Array(partBytes);
        part.set(Buffer.from('\0\0\0\x18ftypisom', 'latin1'));
        yield part;
      }
    }
    const before = process.memoryUsage().arrayBuffers;
    const signal = new AbortController().signal;
    await receiveUpload({ path: '/x', bytes: partBytes * count, body: film(), disk, signal, onBytes: () => {} });
    expect(written).toBe(partBytes * count);
    expect(mostHeldBytes - before).toBeLessThan(60 * partBytes);
  });
});
