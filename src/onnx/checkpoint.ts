import { AppError } from '../base/errors.ts';

/** Number formats that checkpoints hold, as safetensors calls them. */
export type NumberType = 'F64' | 'F32' | 'F16' | 'BF16' | 'I64' | 'I32' | 'I16' | 'I8' | 'U8' | 'BOOL';

/** Bytes of one number. */
export const NUMBER_BYTES: Readonly<Record<NumberType, number>> = {
  ...{ F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4, I16: 2, I8: 1, U8: 1, BOOL: 1 },
};

/** One tensor of a checkpoint, without its numbers. */
export interface TensorInfo {
  readonly name: string;
  readonly type: NumberType;
  /** Sizes, outermost first; none for a single number. */
  readonly shape: readonly number[];
}

/** A file of weights. Only its table of contents is in memory; numbers are read tensor by tensor. */
export interface Checkpoint extends AsyncDisposable {
  /** Path of the file. */
  readonly path: string;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /**
   * The numbers of a tensor as float32, row-major.
   * @throws AppError CHECKPOINT_BROKEN when there is no such tensor or its numbers cannot be read or are no numbers.
   */
  read(name: string): Promise<Float32Array>;
}

/** A single tensor larger than this (in numbers) is in no model this program knows; MuseTalk's largest has 29.5 million. */
const MAX_TENSOR_NUMBERS = 256 * 1024 * 1024;

/** How many numbers a shape holds. @throws AppError CHECKPOINT_BROKEN for sizes that are no sizes or too large. */
export function countNumbers(shape: readonly number[], path: string, name: string): number {
  let count = 1;
  for (const size of shape) {
    if (!Number.isSafeInteger(size) || size < 0) throw checkpointBroken(path, `${name} has a side of ${size}`);
    count *= size;
    if (count > MAX_TENSOR_NUMBERS) throw checkpointBroken(path, `${name} (${shape.join('x')}) is too large`);
  }
  return count;
}

/** Turns raw little-endian numbers into float32. @param bytes `count` numbers of `type`. */
export function decodeNumbers(bytes: Uint8Array, type: NumberType): Float32Array {
  const count = bytes.byteLength / NUMBER_BYTES[type];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const numbers = new Float32Array(count);
  switch (type) {
    case 'F32':
      new Uint8Array(numbers.buffer).set(bytes);
      return numbers;
    case 'F16':
      for (let i = 0; i < count; i++) numbers[i] = halfToFloat(view.getUint16(i * 2, true));
      return numbers;
    case 'BF16': {
      const bits = new Uint32Array(numbers.buffer);
      for (let i = 0; i < count; i++) bits[i] = view.getUint16(i * 2, true) << 16;
      return numbers;
    }
    case 'F64':
      for (let i = 0; i < count; i++) numbers[i] = view.getFloat64(i * 8, true);
      return numbers;
    case 'I64':
      for (let i = 0; i < count; i++) numbers[i] = Number(view.getBigInt64(i * 8, true));
      return numbers;
    case 'I32':
      for (let i = 0; i < count; i++) numbers[i] = view.getInt32(i * 4, true);
      return numbers;
    case 'I16':
      for (let i = 0; i < count; i++) numbers[i] = view.getInt16(i * 2, true);
      return numbers;
    case 'I8':
      for (let i = 0; i < count; i++) numbers[i] = view.getInt8(i);
      return numbers;
    default:
      numbers.set(bytes);
      return numbers;
  }
}

/** A number of IEEE 754 half precision from its bits. */
export function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const floatBits = new Float32Array(1);
const integerBits = new Uint32Array(floatBits.buffer);

/** The bits of the half precision number nearest to `value`, ties to even; beyond 65,504 it is infinite. */
export function floatToHalf(value: number): number {
  floatBits[0] = value;
  const bits = integerBits[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude >= 0x7f800000) return sign | (magnitude > 0x7f800000 ? 0x7e00 : 0x7c00);
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    // Subnormal: in units of 2^-24. Math.round goes up at ties, halves have to go to even.
    const units = Math.abs(floatBits[0]!) * 2 ** 24;
    const below = Math.floor(units);
    const rest = units - below;
    return sign | (rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below);
  }
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
  return sign | ((rounded - 0x38000000) >>> 13);
}

/** What is said of a weights file that cannot be used. */
export function checkpointBroken(path: string, why: string, cause?: unknown): AppError {
  return new AppError('CHECKPOINT_BROKEN', `The weights in ${path} cannot be used: ${why}.`, {
    fix: 'Get the file again, for example: musecam models install musetalk-v15',
    cause,
  });
}
