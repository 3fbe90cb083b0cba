import { type ByteSource, openByteSource } from './byte-source.ts';
import {
  type Checkpoint,
  checkpointBroken,
  countNumbers,
  decodeNumbers,
  NUMBER_BYTES,
  type NumberType,
  type TensorInfo,
} from './checkpoint.ts';
import { PickleDict, type PickleGlobal, type PickleRules, PickleTuple, unpickle } from './unpickle.ts';
import { readZipDirectory } from './zip-directory.ts';

/** torch's storage classes and what they hold. */
const STORAGES: Readonly<Record<string, NumberType>> = {
  ...{ DoubleStorage: 'F64', FloatStorage: 'F32', HalfStorage: 'F16', BFloat16Storage: 'BF16', LongStorage: 'I64' },
  ...{ IntStorage: 'I32', ShortStorage: 'I16', CharStorage: 'I8', ByteStorage: 'U8', BoolStorage: 'BOOL' },
};
/** The pickle describes tensors, it does not hold them: MuseTalk's has 100 kB. */
const MAX_PICKLE_BYTES = 64_000_000;
/** Marks of the format before torch 1.6. */
const LEGACY_MAGIC = 0x1950a86a20f9469cfc6cn;
const LEGACY_PROTOCOL = 1001;
const MAX_SIDES = 16;

/** A piece of raw numbers that tensors look into. */
class Storage {
  readonly type: NumberType;
  readonly key: string;
  readonly count: number;
  constructor(type: NumberType, key: string, count: number) {
    this.type = type;
    this.key = key;
    this.count = count;
  }
}

/** A tensor as the pickle describes it. */
class TorchTensor {
  readonly storage: Storage;
  /** First number, counted in numbers. */
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  constructor(storage: Storage, offset: number, shape: readonly number[], strides: readonly number[]) {
    this.storage = storage;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

/** Where the numbers of a storage lie. */
type Places = ReadonlyMap<string, { readonly offset: number; readonly byteLength: number }>;

/**
 * Opens a file that `torch.save` wrote: a zip since torch 1.6, a row of pickles before. Its pickle is read as data, never
 * run; anything but tensors in dicts and lists is refused. Nested names are joined with dots; in a checkpoint of
 * `{ "state_dict": … }` or `{ "model": … }` the names are those inside.
 * @throws AppError CHECKPOINT_BROKEN.
 */
export async function openTorchFile(source: string | ByteSource): Promise<Checkpoint> {
  const bytes = typeof source === 'string' ? await openByteSource(source) : source;
  try {
    const head = bytes.byteLength >= 4 ? (await bytes.read(0, 4)).readUInt32LE() : 0;
    const { root, places } = head === 0x04034b50 ? await readZipped(bytes) : await readLegacy(bytes);
    return checkpointOf(bytes, root, places);
  } catch (thrown) {
    await bytes[Symbol.asyncDispose]();
    throw thrown;
  }
}

function checkpointOf(bytes: ByteSource, root: unknown, places: Places): Checkpoint {
  const found = new Map<string, TorchTensor>();
  collectTensors(root, '', found, bytes.path, 0);
  if (found.size === 0) throw checkpointBroken(bytes.path, 'it holds no tensors');
  const tensors = new Map<string, TensorInfo>();
  for (const [name, tensor] of found) {
    checkTensor(bytes.path, name, tensor, places);
    tensors.set(name, { name, type: tensor.storage.type, shape: tensor.shape });
  }
  return {
    path: bytes.path,
    tensors,
    async read(name) {
      const tensor = found.get(name);
      if (!tensor) throw checkpointBroken(bytes.path, `it has no tensor ${name}`);
      return readTensor(bytes, tensor, places);
    },
    [Symbol.asyncDispose]: () => bytes[Symbol.asyncDispose](),
  };
}

async function readZipped(bytes: ByteSource): Promise<{ root: unknown; places: Places }> {
  const entries = await readZipDirectory(bytes);
  const pickled = [...entries.values()].filter((entry) => /(^|\/)data\.pkl$/.test(entry.name));
  if (pickled.length !== 1) throw checkpointBroken(bytes.path, `it holds ${pickled.length} data.pkl instead of one`);
  const { name, offset, byteLength } = pickled[0]!;
  if (byteLength > MAX_PICKLE_BYTES) throw checkpointBroken(bytes.path, `its data.pkl has ${byteLength} bytes`);
  const folder = name.slice(0, -'data.pkl'.length);
  const order = entries.get(`${folder}byteorder`);
  if (order && (await bytes.read(order.offset, Math.min(16, order.byteLength))).toString('latin1') !== 'little')
    throw checkpointBroken(bytes.path, 'its numbers are big endian');
  const places = new Map<string, { offset: number; byteLength: number }>();
  for (const entry of entries.values())
    if (entry.name.startsWith(`${folder}data/`)) places.set(entry.name.slice(folder.length + 5), entry);
  const { value } = unpickle(await bytes.read(offset, byteLength), rulesFor(bytes.path));
  return { root: value, places };
}

/** Before torch 1.6: magic, protocol, machine, objects, list of storages, then for each its length and its numbers. */
async function readLegacy(bytes: ByteSource): Promise<{ root: unknown; places: Places }> {
  const head = await bytes.read(0, Math.min(bytes.byteLength, MAX_PICKLE_BYTES));
  const storages = new Map<string, Storage>();
  const rules = rulesFor(bytes.path, storages);
  const plain: PickleRules = { globals: new Map(), path: bytes.path };
  const magic = unpickle(head, plain);
  if (BigInt.asUintN(128, toBigInt(magic.value)) !== LEGACY_MAGIC)
    throw checkpointBroken(bytes.path, 'it is no file of torch');
  const protocol = unpickle(head, plain, magic.end);
  if (protocol.value !== LEGACY_PROTOCOL)
    throw checkpointBroken(bytes.path, `it is of the unknown protocol ${String(protocol.value)}`);
  const machine = unpickle(head, plain, protocol.end);
  if (machine.value instanceof PickleDict && machine.value.entries.get('little_endian') === false)
    throw checkpointBroken(bytes.path, 'its numbers are big endian');
  const objects = unpickle(head, rules, machine.end);
  const keys = unpickle(head, plain, objects.end);
  return { root: objects.value, places: await placeLegacy(bytes, keys.value, storages, keys.end) };
}

async function placeLegacy(
  bytes: ByteSource,
  keys: unknown,
  storages: ReadonlyMap<string, Storage>,
  start: number,
): Promise<Places> {
  if (!Array.isArray(keys)) throw checkpointBroken(bytes.path, 'its list of storages is missing');
  const places = new Map<string, { offset: number; byteLength: number }>();
  let at = start;
  for (const key of keys) {
    const storage = storages.get(String(key));
    if (!storage) throw checkpointBroken(bytes.path, `storage ${String(key).slice(0, 40)} belongs to no tensor`);
    const count = Number((await bytes.read(at, 8)).readBigInt64LE());
    if (count !== storage.count)
      throw checkpointBroken(bytes.path, `storage ${storage.key} has ${count} numbers instead of ${storage.count}`);
    const byteLength = count * NUMBER_BYTES[storage.type];
    places.set(storage.key, { offset: at + 8, byteLength });
    at += 8 + byteLength;
  }
  return places;
}

function toBigInt(value: unknown): bigint {
  return typeof value === 'bigint' ? value : typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : 0n;
}

/** What a torch pickle may use: ordered dicts, tensors, parameters and storages. */
function rulesFor(path: string, storages = new Map<string, Storage>()): PickleRules {
  const globals = new Map<string, PickleGlobal>([
    ['collections OrderedDict', () => new PickleDict()],
    ['torch._utils _rebuild_tensor_v2', (args) => rebuildTensor(path, args)],
    ['torch._utils _rebuild_parameter', (args) => args[0]],
    ['torch Size', (args) => args[0]],
  ]);
  for (const [name, type] of Object.entries(STORAGES)) globals.set(`torch ${name}`, storageClass(type));
  return { globals, path, persistentLoad: (id) => loadStorage(path, id, storages) };
}

/** A storage class is only ever named, never called; the type is told by what it is. */
function storageClass(type: NumberType): PickleGlobal {
  const named = () => {
    throw checkpointBroken('the file', `a storage of ${type} is called`);
  };
  return Object.assign(named, { type });
}

function loadStorage(path: string, id: unknown, storages: Map<string, Storage>): Storage {
  const [tag, kind, key, , count] = id instanceof PickleTuple ? id.items : [];
  const type = (kind as { call?: { type?: NumberType } } | undefined)?.call?.type;
  if (tag !== 'storage' || !type || typeof key !== 'string' || !isCount(count))
    throw checkpointBroken(path, 'it refers to a storage in a way that torch does not');
  const known = storages.get(key);
  if (known && (known.type !== type || known.count !== count))
    throw checkpointBroken(path, `storage ${key} is described in two ways`);
  const storage = known ?? new Storage(type, key, count);
  storages.set(key, storage);
  return storage;
}

function rebuildTensor(path: string, args: readonly unknown[]): TorchTensor {
  const [storage, offset, shape, strides] = args;
  const isSound =
    storage instanceof Storage &&
    isCount(offset) &&
    isSides(shape) &&
    isSides(strides) &&
    shape.items.length === strides.items.length;
  if (!isSound) throw checkpointBroken(path, 'a tensor is described in a way that torch does not');
  return new TorchTensor(storage, offset, shape.items as number[], strides.items as number[]);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isSides(value: unknown): value is PickleTuple {
  return value instanceof PickleTuple && value.items.length <= MAX_SIDES && value.items.every(isCount);
}

/** Walks dicts and lists. Other values (epochs, settings) are passed over. */
function collectTensors(
  value: unknown,
  name: string,
  found: Map<string, TorchTensor>,
  path: string,
  depth: number,
): void {
  if (depth > 32) throw checkpointBroken(path, 'its dicts lie in each other too deep');
  const join = (key: unknown) => (name === '' ? String(key) : `${name}.${String(key)}`);
  if (value instanceof TorchTensor) found.set(name, value);
  else if (value instanceof PickleDict)
    for (const [key, item] of value.entries)
      collectTensors(item, isWrapper(name, key) ? '' : join(key), found, path, depth + 1);
  else if (Array.isArray(value))
    for (const [key, item] of value.entries()) collectTensors(item, join(key), found, path, depth + 1);
}

/** Training scripts put the weights under one of these. */
function isWrapper(name: string, key: unknown): boolean {
  return name === '' && (key === 'state_dict' || key === 'model');
}

function checkTensor(path: string, name: string, tensor: TorchTensor, places: Places): void {
  const { storage, offset, shape, strides } = tensor;
  const count = countNumbers(shape, path, name);
  if (count > storage.count) throw checkpointBroken(path, `${name} shows more numbers than it has`);
  const place = places.get(storage.key);
  if (!place) throw checkpointBroken(path, `the numbers of ${name} are missing`);
  if (place.byteLength !== storage.count * NUMBER_BYTES[storage.type])
    throw checkpointBroken(path, `the storage of ${name} has ${place.byteLength} bytes for ${storage.count} numbers`);
  const last = count === 0 ? -1 : offset + shape.reduce((sum, size, side) => sum + (size - 1) * strides[side]!, 0);
  if (!(last < storage.count)) throw checkpointBroken(path, `${name} reaches out of its storage`);
}

async function readTensor(bytes: ByteSource, tensor: TorchTensor, places: Places): Promise<Float32Array> {
  const { storage, offset, shape, strides } = tensor;
  const place = places.get(storage.key)!;
  const size = NUMBER_BYTES[storage.type];
  const count = shape.reduce((product, side) => product * side, 1);
  if (count === 0) return new Float32Array(0);
  if (isContiguous(shape, strides))
    return decodeNumbers(await bytes.read(place.offset + offset * size, count * size), storage.type);
  const span = shape.reduce((sum, side, index) => sum + (side - 1) * strides[index]!, 1);
  const all = decodeNumbers(await bytes.read(place.offset + offset * size, span * size), storage.type);
  return gather(all, shape, strides, count);
}

function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let side = shape.length - 1; side >= 0; side--) {
    if (shape[side] !== 1 && strides[side] !== expected) return false;
    expected *= shape[side]!;
  }
  return true;
}

/** Copies numbers that lie in strides into row-major order. */
function gather(all: Float32Array, shape: readonly number[], strides: readonly number[], count: number): Float32Array {
  const out = new Float32Array(count);
  const index = new Array<number>(shape.length).fill(0);
  let at = 0;
  for (let i = 0; i < count; i++) {
    out[i] = all[at]!;
    for (let side = shape.length - 1; side >= 0; side--) {
      index[side] = index[side]! + 1;
      at += strides[side]!;
      if (index[side]! < shape[side]!) break;
      at -= strides[side]! * shape[side]!;
      index[side] = 0;
    }
  }
  return out;
}
