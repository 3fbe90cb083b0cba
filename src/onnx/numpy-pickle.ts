import { checkpointBroken } from './checkpoint.ts';
import { type PickleGlobal, PickleTuple, unpickle } from './unpickle.ts';

/** A numpy number type while a pickle is read: `i4`, its byte order set afterwards. */
class NumberKind {
  readonly kind: string;
  isBigEndian = false;
  constructor(kind: string) {
    this.kind = kind;
  }
  /** numpy's `(version, order, …)`. */
  setState(state: unknown): void {
    this.isBigEndian = state instanceof PickleTuple && state.items[1] === '>';
  }
}

/**
 * Reads a pickle of rows of numbers, as `pickle.dump` writes them of lists or tuples whose numbers are Python's or numpy's.
 * Nothing else is allowed in it, and nothing of it is run.
 * @param path for messages.
 * @returns the rows, each of `width` numbers.
 * @throws AppError CHECKPOINT_BROKEN.
 */
export function readNumberRows(bytes: Buffer, path: string, width: number): number[][] {
  const rows = itemsOf(unpickle(bytes, { globals: numpyScalars(path), path }).value);
  if (!rows) throw checkpointBroken(path, 'it is no list');
  return rows.map((row, at) => {
    const numbers = itemsOf(row);
    if (numbers?.length === width && numbers.every((value) => typeof value === 'number')) return numbers as number[];
    throw checkpointBroken(path, `entry ${at} is not ${width} numbers`);
  });
}

function itemsOf(value: unknown): readonly unknown[] | undefined {
  return value instanceof PickleTuple ? value.items : Array.isArray(value) ? value : undefined;
}

function numpyScalars(path: string): ReadonlyMap<string, PickleGlobal> {
  const scalar: PickleGlobal = ([kind, bytes]) => {
    if (!(kind instanceof NumberKind) || !(bytes instanceof Uint8Array))
      throw checkpointBroken(path, 'a number is described in a way that numpy does not');
    return numberOf(kind, bytes, path);
  };
  return new Map<string, PickleGlobal>([
    ['numpy dtype', ([kind]) => new NumberKind(String(kind))],
    ['numpy.core.multiarray scalar', scalar],
    // Since numpy 2.
    ['numpy._core.multiarray scalar', scalar],
    // Bytes before protocol 3: characters of Latin-1.
    ['_codecs encode', ([text]) => Uint8Array.from(Buffer.from(String(text), 'latin1'))],
  ]);
}

function numberOf({ kind, isBigEndian }: NumberKind, bytes: Uint8Array, path: string): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = !isBigEndian;
  const readers: Readonly<Record<string, () => number>> = {
    i1: () => view.getInt8(0),
    i2: () => view.getInt16(0, little),
    i4: () => view.getInt32(0, little),
    i8: () => Number(view.getBigInt64(0, little)),
    u1: () => view.getUint8(0),
    u2: () => view.getUint16(0, little),
    u4: () => view.getUint32(0, little),
    u8: () => Number(view.getBigUint64(0, little)),
    f4: () => view.getFloat32(0, little),
    f8: () => view.getFloat64(0, little),
  };
  const read = Object.hasOwn(readers, kind) ? readers[kind] : undefined;
  if (!read || bytes.byteLength !== Number(kind[1]))
    throw checkpointBroken(path, `a number of ${bytes.byteLength} bytes is of the type ${kind.slice(0, 20)}`);
  return read();
}
