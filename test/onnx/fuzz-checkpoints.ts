import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { AppError } from '../../src/base/errors.ts';
import { type ByteSource, memorySource } from '../../src/onnx/byte-source.ts';
import type { Checkpoint } from '../../src/onnx/checkpoint.ts';
import { openSafetensors } from '../../src/onnx/safetensors.ts';
import { openTorchFile } from '../../src/onnx/torch-file.ts';
import { encodeSafetensors, seededValues } from './seeded.ts';

/** What came of a run of damaged files. */
export interface FuzzCounts {
  files: number;
  refused: number;
  /** Damage that nobody can see: in the numbers themselves, in unused fields. */
  accepted: number;
  slowestMs: number;
}

const fixture = (name: string) => readFile(new URL(`./fixtures/${name}`, import.meta.url));
/** Numbers that have broken readers before. */
const NASTY = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

/**
 * Damages good checkpoints in `count` ways and reads them whole. Anything but an {@link AppError} or a sound result is
 * thrown on, with the number of the file that did it: the same number makes the same file.
 */
export async function fuzzCheckpoints(count: number, first = 0): Promise<FuzzCounts> {
  const small = encodeSafetensors(
    new Map([
      ['a', { shape: [2, 3], values: seededValues('a', [6]) }],
      ['bb', { shape: [4], values: seededValues('b', [4]) }],
    ]),
  );
  const sources = [
    { bytes: await fixture('zip.pth'), open: openTorchFile },
    { bytes: await fixture('legacy.pth'), open: openTorchFile },
    { bytes: await fixture('list.pt'), open: openTorchFile },
    { bytes: small, open: openSafetensors },
  ];
  const counts: FuzzCounts = { files: 0, refused: 0, accepted: 0, slowestMs: 0 };
  for (let number = first; number < first + count; number++) {
    const { bytes, open } = sources[number % sources.length]!;
    const random = randomOf(number);
    const damaged = damage(Buffer.from(bytes), random);
    const start = performance.now();
    try {
      await readWhole(open, damaged);
      counts.accepted++;
    } catch (thrown) {
      if (!(thrown instanceof AppError)) throw new Error(`file ${number}: ${String(thrown)}`, { cause: thrown });
      counts.refused++;
    }
    counts.files++;
    counts.slowestMs = Math.max(counts.slowestMs, performance.now() - start);
  }
  return counts;
}

/** A function of its own: esbuild keeps the error of one round of a loop for the `await using` of the next. */
async function readWhole(open: (source: ByteSource) => Promise<Checkpoint>, bytes: Buffer): Promise<void> {
  await using checkpoint = await open(memorySource(bytes));
  for (const [name, { shape }] of checkpoint.tensors) {
    const values = await checkpoint.read(name);
    const expected = shape.reduce((product, size) => product * size, 1);
    if (values.length !== expected) throw new Error(`${name} has ${values.length} numbers instead of ${expected}`);
    // A file of a few kilobytes cannot hold more.
    if (values.length > bytes.length) throw new Error(`${name} has ${values.length} numbers`);
  }
}

/** One to four changes: bits, bytes, nasty numbers, cuts, doublings, pieces moved. */
function damage(bytes: Buffer, random: () => number): Buffer {
  let damaged = bytes;
  const below = (limit: number) => Math.floor(random() * limit);
  for (let change = 1 + below(4); change > 0; change--) {
    const at = below(damaged.length);
    const length = Math.min(damaged.length - at, 1 + below(24));
    switch (below(7)) {
      case 0:
        damaged[at] = damaged[at]! ^ (1 << below(8));
        break;
      case 1:
        damaged[at] = below(256);
        break;
      case 2:
        if (at + 4 <= damaged.length) damaged.writeUInt32LE(NASTY[below(NASTY.length)]!, at);
        break;
      case 3:
        damaged = damaged.subarray(0, Math.max(1, at));
        break;
      case 4:
        damaged = Buffer.concat([damaged.subarray(0, at + length), damaged.subarray(at)]);
        break;
      case 5:
        damaged = Buffer.concat([damaged.subarray(0, at), damaged.subarray(at + length)]);
        if (damaged.length === 0) return Buffer.alloc(1);
        break;
      default:
        damaged.copyWithin(below(damaged.length), at, at + length);
    }
  }
  return damaged;
}

/** Mulberry32: small, seeded, good enough to spread damage. */
function randomOf(seed: number): () => number {
  let state = (seed * 0x9e3779b1) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({ options: { count: { type: 'string' }, first: { type: 'string' } } });
  const start = performance.now();
  const counts = await fuzzCheckpoints(Number(values.count ?? 100_000), Number(values.first ?? 0));
  const memoryMegabytes = Math.round(process.resourceUsage().maxRSS / 1000);
  const seconds = Math.round((performance.now() - start) / 1000);
  process.stdout.write(`${JSON.stringify({ ...counts, seconds, memoryMegabytes })}\n`);
}
