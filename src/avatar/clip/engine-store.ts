import type { EngineResult, EngineResults } from '../prepare-engines.ts';
import { hashOf, type WorkFolder } from './work-folder.ts';

/** The head of a kept result: what is in it, in order. */
interface Head {
  readonly version: number;
  readonly files: readonly (readonly [path: string, byteLength: number])[];
}

/** Keeps what engines prepared in the work folder. @param key names the film it was prepared for. */
export function engineStore(work: WorkFolder, key: string): EngineResults {
  const nameOf = (id: string) => `film-${key}-engine-${hashOf(id).slice(0, 8)}`;
  return {
    async find(id) {
      const bytes = await work.read(nameOf(id));
      return bytes && unpack(bytes);
    },
    async keep(id, result) {
      await work.write(nameOf(id), pack(result));
    },
  };
}

/** Length of the head (uint32, little endian), the head as JSON, the files one after the other. */
function pack({ version, files }: EngineResult): Uint8Array {
  const head: Head = { version, files: [...files].map(([path, data]) => [path, data.byteLength]) };
  const text = Buffer.from(JSON.stringify(head));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  return Buffer.concat([length, text, ...files.values()]);
}

function unpack(bytes: Buffer): EngineResult {
  let at = 4 + bytes.readUInt32LE(0);
  const head = JSON.parse(bytes.toString('utf8', 4, at)) as Head;
  const files = new Map<string, Uint8Array>();
  for (const [path, byteLength] of head.files) {
    files.set(path, new Uint8Array(bytes.subarray(at, at + byteLength)));
    at += byteLength;
  }
  return { version: head.version, files };
}
