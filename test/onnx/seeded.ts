import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Values in -1 … 1 that depend on the name and the index alone; scripts/musetalk/make-golden.py has the same. */
export function seededValues(name: string, shape: readonly number[]): Float32Array {
  let seed = 0x811c9dc5;
  for (const code of Buffer.from(name)) seed = Math.imul(seed ^ code, 0x01000193);
  const count = shape.reduce((product, size) => product * size, 1);
  return Float32Array.from({ length: count }, (_, i) => {
    let mixed = (seed + Math.imul(i, 0x9e3779b1)) | 0;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2_147_483_648 - 1;
  });
}

/** A network's weight, of a sensible size: matrices by their fan-in, norms about one, biases small. */
export function seededWeight(name: string, shape: readonly number[]): Float32Array {
  const values = seededValues(name, shape);
  if (shape.length > 1) {
    const scale = Math.fround(1.5 / Math.sqrt(shape.slice(1).reduce((product, size) => product * size, 1)));
    return values.map((value) => Math.fround(value * scale));
  }
  if (name.endsWith('weight')) return values.map((value) => 1 + Math.fround(value * Math.fround(0.2)));
  return values.map((value) => Math.fround(value * Math.fround(0.1)));
}

/** Bytes of a .safetensors file. @param rename gives tensors another name in the file. */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, { shape: readonly number[]; values: Float32Array }>,
): Buffer {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  let at = 0;
  for (const [name, { shape, values }] of tensors) {
    header[name] = { dtype: 'F32', shape, data_offsets: [at, at + values.byteLength] };
    at += values.byteLength;
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const data = [...tensors.values()].map(({ values }) =>
    Buffer.from(values.buffer, values.byteOffset, values.byteLength),
  );
  return Buffer.concat([length, json, ...data]);
}

/** Writes a network of seeded weights with the names and shapes of a golden list. */
export async function writeSeededNetwork(
  folder: string,
  fileName: string,
  shapes: Readonly<Record<string, readonly number[]>>,
  rename: (name: string) => string = (name) => name,
): Promise<string> {
  const tensors = new Map(
    Object.entries(shapes).map(
      ([name, shape]) => [rename(name), { shape, values: seededWeight(name, shape) }] as const,
    ),
  );
  const path = join(folder, fileName);
  await writeFile(path, encodeSafetensors(tensors));
  return path;
}
