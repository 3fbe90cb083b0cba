import { describeFile } from '../write-test-avatar.ts';
import type { ZipItem } from './build-zip.ts';

/** The files of an avatar: bytes by path, avatar.json among them. */
export type AvatarFilesInMemory = Map<string, Buffer>;

/** Numbers from a seed, the same on every machine (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 to below `limit`. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return Math.floor((((value ^ (value >>> 14)) >>> 0) / 2 ** 32) * limit);
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }
}

const HOSTILE_NAMES = [
  '../secret',
  '../../secret',
  '/tmp/musecam-secret',
  'body/../../secret',
  '..\\secret',
  'C:\\secret',
  'a\0b',
  'body/',
  '',
  '.',
  'AVATAR.JSON',
  'Body/0000.WEBP',
  'puppet',
  'nul.webp',
  '\u2024\u2024/secret',
  'x'.repeat(300),
  '__proto__',
  'constructor',
] as const;
/** Stands for a number JSON cannot name but readers accept: infinity. */
const INFINITE = '@@infinite@@';
const HOSTILE_NUMBERS = [
  -1,
  0,
  1,
  2,
  3,
  1.5,
  -2,
  127,
  128,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  1e308,
  -1e308,
  INFINITE,
] as const;
const HOSTILE_VALUES = [null, true, '', 'NaN', [], {}, [[[[[]]]]], 'é'.repeat(1000), ...HOSTILE_NAMES] as const;
const WORDS = [0, 1, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff] as const;

/** Changes bytes without knowing what they mean. */
export function mutateBytes(bytes: Buffer, random: Random): Buffer {
  const copy = Buffer.from(bytes);
  const at = random.below(copy.length);
  switch (random.below(7)) {
    case 0:
      for (let i = 0; i <= random.below(8); i++) copy[random.below(copy.length)]! ^= 1 << random.below(8);
      return copy;
    case 1:
      return copy.subarray(0, at);
    case 2:
      return copy.subarray(at);
    case 3:
      return Buffer.concat([
        copy.subarray(0, at),
        Buffer.alloc(random.below(2000), random.below(256)),
        copy.subarray(at),
      ]);
    case 4:
      return Buffer.concat([copy.subarray(0, at), copy.subarray(Math.min(copy.length, at + random.below(500)))]);
    case 5:
      return Buffer.concat([copy, copy.subarray(at)]);
    default:
      if (copy.length >= 4) copy.writeUInt32LE(random.pick(WORDS), random.below(copy.length - 3));
      return copy;
  }
}

/** Changes a number in one of the headers of a ZIP file. */
export function mutateHeader(bytes: Buffer, random: Random): Buffer {
  const copy = Buffer.from(bytes);
  const headers: number[] = [];
  for (let at = copy.indexOf('PK'); at >= 0; at = copy.indexOf('PK', at + 1)) headers.push(at);
  const at = random.pick(headers) + random.below(46);
  if (at + 4 > copy.length) return copy;
  if (random.below(2)) copy.writeUInt32LE(random.pick(WORDS), at);
  else copy.writeUInt16LE(random.pick(WORDS) & 0xffff, at);
  return copy;
}

/** Changes a JSON text where it hurts: numbers, paths, lists, missing and unknown keys. */
export function mutateJson(text: string, random: Random): string {
  const root = JSON.parse(text) as object;
  for (let i = 0; i <= random.below(3); i++) mutateNode(root, random);
  return JSON.stringify(root).replaceAll(`"${INFINITE}"`, '1e999');
}

function mutateNode(root: object, random: Random): void {
  const places: [Record<string, unknown>, string][] = [];
  const walk = (node: unknown) => {
    if (typeof node !== 'object' || node === null) return;
    for (const key of Object.keys(node)) {
      places.push([node as Record<string, unknown>, key]);
      walk((node as Record<string, unknown>)[key]);
    }
  };
  walk(root);
  if (places.length === 0) return;
  const [node, key] = random.pick(places);
  const value = node[key];
  const kind = random.below(8);
  if (kind === 0) delete node[key];
  else if (kind === 1) node[key] = random.pick(HOSTILE_VALUES);
  else if (kind === 2 && Array.isArray(value)) value.push(...structuredClone(value));
  else if (kind === 3) node[random.pick(HOSTILE_NAMES)] = structuredClone(value);
  else if (typeof value === 'number')
    node[key] = kind === 4 ? value + random.below(5) - 2 : random.pick(HOSTILE_NUMBERS);
  else if (typeof value === 'string') node[key] = kind === 4 ? `${value}x` : random.pick(HOSTILE_NAMES);
  else node[key] = random.pick(HOSTILE_VALUES);
}

/** Changes the bytes of some file and signs them again: the hash is right, what it says is not. */
export function mutateSigned(files: AvatarFilesInMemory, random: Random): void {
  const path = random.pick([...files.keys()].filter((one) => one !== 'avatar.json'));
  const bytes = mutateBytes(files.get(path)!, random);
  if (bytes.length === 0) return;
  files.set(path, bytes);
  const manifest = JSON.parse(files.get('avatar.json')!.toString()) as object;
  const sign = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    if ((node as { path?: unknown }).path === path) Object.assign(node, describeFile(path, bytes));
    for (const child of Object.values(node)) sign(child);
  };
  sign(manifest);
  files.set('avatar.json', Buffer.from(JSON.stringify(manifest)));
}

/** The files of a pack with one thing changed: order, names, lies about sizes, kinds and places. */
export function mutateItems(items: readonly ZipItem[], random: Random): ZipItem[] {
  const changed = [...items];
  const at = random.below(changed.length);
  const item = changed[at]!;
  const lies = ['flags', 'method', 'crc', 'packed', 'unpacked', 'at', 'attributes'] as const;
  switch (random.below(8)) {
    case 0:
      changed.splice(at, 1);
      break;
    case 1:
      changed.splice(random.below(changed.length), 0, item);
      break;
    case 2:
      changed.splice(random.below(changed.length), 0, ...changed.splice(at, 1));
      break;
    case 3:
      changed[at] = { ...item, name: random.pick(HOSTILE_NAMES) };
      break;
    case 4:
      changed[at] = { ...item, localName: random.pick(HOSTILE_NAMES) };
      break;
    case 5:
      changed.push({ name: random.pick(HOSTILE_NAMES), data: Buffer.from('secret') });
      break;
    default:
      changed[at] = { ...item, says: { [random.pick(lies)]: random.pick(WORDS) } };
  }
  return changed;
}
