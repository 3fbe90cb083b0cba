import { readFileSync } from 'node:fs';

/** Reads a 16-bit mono wav with a plain 44-byte header, as our own scripts write it. */
export function readWav(path: string): Float32Array {
  const bytes = readFileSync(path);
  const at = bytes.indexOf('data', 12, 'latin1') + 8;
  return Float32Array.from({ length: (bytes.length - at) >> 1 }, (_, i) => bytes.readInt16LE(at + i * 2) / 32768);
}
