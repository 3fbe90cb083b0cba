import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { floatToHalf } from './checkpoint.ts';
import { ProtoWriter } from './proto-writer.ts';

/** Number formats of tensors in a graph. */
export type OnnxType = 'float32' | 'float16' | 'uint8' | 'int32' | 'int64';
/** In which format a graph's weights and arithmetic are. */
export type Precision = 'float32' | 'float16';

/** A side of an input or output: fixed, or a name for one that is only known when the graph runs. */
export type Dimension = number | string;

/**
 * How attention is written: `fused` as one operator of the runtime's own, `plain` as products and a softmax. The fused one
 * is quicker where it works; with some WebGPU drivers it gives wrong numbers.
 */
export type AttentionForm = 'fused' | 'plain';

/** The name of a value in a graph: what a node puts out, an input or an initializer. */
export type Value = string & { readonly __value: never };

/** Attributes of a node: whole numbers, `{ float }`, strings and lists of whole numbers. */
export type Attributes = Readonly<Record<string, number | string | readonly number[] | { readonly float: number }>>;

interface GraphNode {
  readonly bytes: Uint8Array;
  readonly inputs: readonly (Value | '')[];
  /** The form it belongs to; undefined: both. */
  readonly form: AttentionForm | undefined;
}

/** TensorProto.DataType in onnx.proto. */
const TYPE_CODES: Readonly<Record<OnnxType, number>> = { float32: 1, uint8: 2, int32: 6, int64: 7, float16: 10 };
/** onnx.proto's field numbers. */
const MODEL = { irVersion: 1, producer: 2, producerVersion: 3, graph: 7, opset: 8, metadata: 14 } as const;
const GRAPH = { node: 1, name: 2, initializer: 5, input: 11, output: 12 } as const;
const NODE = { input: 1, output: 2, name: 3, type: 4, attribute: 5, domain: 7 } as const;
const TENSOR = { dims: 1, type: 2, name: 8, raw: 9, external: 13, location: 14 } as const;
const IR_VERSION = 8;
const OPSET = 17;
/** Operators of ONNX Runtime's own: attention, Gelu. */
const CONTRIB = 'com.microsoft';
/** Weights begin on pages, so that the runtime can map them into memory. */
const WEIGHT_ALIGNMENT = 4096;
/** Smaller constants stand in the graph itself. */
const INLINE_NUMBERS = 256;
const EXTERNAL = 1;

/**
 * An ONNX graph while it is being built. Weights go to a file beside it as they come, so that a network of several
 * gigabytes never is in memory; `finish` writes the graph and gives both files their names. Disposed before that, it
 * leaves nothing behind. Format: onnx.proto of ONNX 1.12 (IR 8), opset 17.
 */
export class OnnxGraph implements AsyncDisposable {
  readonly precision: Precision;
  readonly #path: string;
  readonly #weightsFile: FileHandle;
  readonly #nodes: GraphNode[] = [];
  readonly #initializers: { readonly name: Value; readonly bytes: Uint8Array }[] = [];
  readonly #inputs: Uint8Array[] = [];
  readonly #outputs: Uint8Array[] = [];
  readonly #constants = new Map<string, Value>();
  #weightsLength = 0;
  #count = 0;
  #isDone = false;
  /** Nodes that are added belong to this form only; undefined: to both. */
  #form: AttentionForm | undefined;
  #hasForms = false;

  private constructor(path: string, precision: Precision, weightsFile: FileHandle) {
    this.#path = path;
    this.precision = precision;
    this.#weightsFile = weightsFile;
  }

  /** @param path of the .onnx file; the weights go to the same path with `.bin` behind it. */
  static async create(path: string, precision: Precision): Promise<OnnxGraph> {
    return new OnnxGraph(path, precision, await open(`${path}.bin.tmp`, 'w'));
  }

  /** How many nodes there are. */
  get nodeCount(): number {
    return this.#nodes.length;
  }

  input(name: string, type: OnnxType, dims: readonly Dimension[]): Value {
    this.#inputs.push(valueInfo(name, type, dims));
    return name as Value;
  }

  output(name: string, type: OnnxType, dims: readonly Dimension[], value: Value): void {
    this.#outputs.push(valueInfo(name, type, dims));
    this.#addNode('Identity', [value], [name as Value], {}, '');
  }

  /** Adds a node with one output. */
  op(type: string, inputs: readonly (Value | '')[], attributes: Attributes = {}, domain = ''): Value {
    return this.ops(type, inputs, 1, attributes, domain)[0]!;
  }

  /** Adds a node with several outputs. */
  ops(
    type: string,
    inputs: readonly (Value | '')[],
    outputCount: number,
    attributes: Attributes = {},
    domain = '',
  ): readonly Value[] {
    const outputs = Array.from({ length: outputCount }, () => this.#newName(type));
    this.#addNode(type, inputs, outputs, attributes, domain);
    return outputs;
  }

  /** Adds a node of ONNX Runtime's own operators. */
  contrib(type: string, inputs: readonly (Value | '')[], attributes: Attributes = {}): Value {
    return this.op(type, inputs, attributes, CONTRIB);
  }

  /**
   * A part that is written in two ways: {@link OnnxGraph.finish} then writes two graphs that share one file of weights.
   * @param build adds the nodes of a form and gives their result.
   */
  either(build: (form: AttentionForm) => Value): Value {
    const result = this.#newName('either');
    this.#hasForms = true;
    for (const form of ['fused', 'plain'] as const) {
      this.#form = form;
      this.#addNode('Identity', [build(form)], [result], {}, '');
    }
    this.#form = undefined;
    return result;
  }

  /** Whole numbers, as shapes and axes want them. */
  integers(values: readonly number[], dims: readonly number[] = [values.length]): Value {
    return this.#constant(`i${values.join()}/${dims.join()}`, 'int64', dims, () => {
      const raw = Buffer.alloc(values.length * 8);
      values.forEach((value, i) => {
        raw.writeBigInt64LE(BigInt(value), i * 8);
      });
      return raw;
    });
  }

  /** A few numbers in the graph's precision (or another) that stand in the graph itself. */
  numbers(
    values: readonly number[],
    dims: readonly number[] = [values.length],
    type: OnnxType = this.precision,
  ): Value {
    return this.#constant(`${type}${values.join()}/${dims.join()}`, type, dims, () =>
      encodeNumbers(Float32Array.from(values), type),
    );
  }

  /** A tensor of weights, row-major, written to the side file unless it is tiny. */
  async weight(values: Float32Array, dims: readonly number[], type: OnnxType = this.precision): Promise<Value> {
    return this.bytes(encodeNumbers(values, type), dims, type);
  }

  /** A tensor whose bytes are ready. */
  async bytes(raw: Uint8Array, dims: readonly number[], type: OnnxType): Promise<Value> {
    const name = this.#newName('w');
    if (dims.reduce((product, size) => product * size, 1) <= INLINE_NUMBERS) {
      this.#initializers.push({ name, bytes: initializer(name, type, dims).data(TENSOR.raw, raw).bytes });
      return name;
    }
    const offset = Math.ceil(this.#weightsLength / WEIGHT_ALIGNMENT) * WEIGHT_ALIGNMENT;
    await writeAll(this.#weightsFile, raw, offset);
    this.#weightsLength = offset + raw.byteLength;
    const tensor = initializer(name, type, dims);
    for (const [key, value] of [
      ['location', basename(`${this.#path}.bin`)],
      ['offset', String(offset)],
      ['length', String(raw.byteLength)],
    ] as const)
      tensor.message(TENSOR.external, (entry) => entry.string(1, key).string(2, value));
    this.#initializers.push({ name, bytes: tensor.int(TENSOR.location, EXTERNAL).bytes });
    return name;
  }

  /**
   * Writes the graph and gives all files their names: where attention is in it, a second graph beside the first, with
   * `.plain.onnx` at the end. @param notes kept in the files' metadata.
   */
  async finish(notes: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.#weightsFile.sync();
    await this.#weightsFile.close();
    // A network of a few constants has no side file.
    if (this.#weightsLength > 0) await rename(`${this.#path}.bin.tmp`, `${this.#path}.bin`);
    else await rm(`${this.#path}.bin.tmp`);
    if (this.#hasForms) await writeWhole(plainPathOf(this.#path), this.#encode(notes, 'plain'));
    await writeWhole(this.#path, this.#encode(notes, 'fused'));
    this.#isDone = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isDone) return;
    this.#isDone = true;
    await this.#weightsFile.close().catch(() => {});
    await rm(`${this.#path}.bin.tmp`, { force: true });
  }

  #encode(notes: Readonly<Record<string, string>>, wanted: AttentionForm): Uint8Array {
    const nodes = this.#nodes.filter(({ form }) => !form || form === wanted);
    // What only the other form needs would be warned of.
    const used = new Set(nodes.flatMap(({ inputs }) => inputs));
    const model = new ProtoWriter().int(MODEL.irVersion, IR_VERSION).string(MODEL.producer, 'musecam');
    model.message(MODEL.graph, (graph) => {
      for (const { bytes } of nodes) graph.data(GRAPH.node, bytes);
      graph.string(GRAPH.name, basename(this.#path, '.onnx'));
      for (const { name, bytes } of this.#initializers) if (used.has(name)) graph.data(GRAPH.initializer, bytes);
      for (const input of this.#inputs) graph.data(GRAPH.input, input);
      for (const output of this.#outputs) graph.data(GRAPH.output, output);
    });
    model.message(MODEL.opset, (opset) => opset.string(1, '').int(2, OPSET));
    model.message(MODEL.opset, (opset) => opset.string(1, CONTRIB).int(2, 1));
    for (const [key, value] of Object.entries(notes))
      model.message(MODEL.metadata, (entry) => entry.string(1, key).string(2, value));
    return model.bytes;
  }

  #addNode(
    type: string,
    inputs: readonly (Value | '')[],
    outputs: readonly Value[],
    attributes: Attributes,
    domain: string,
  ): void {
    const node = new ProtoWriter();
    for (const input of inputs) node.string(NODE.input, input);
    for (const output of outputs) node.string(NODE.output, output);
    node.string(NODE.name, `${type}_${this.#nodes.length}`).string(NODE.type, type);
    for (const [name, value] of Object.entries(attributes))
      node.message(NODE.attribute, (attribute) => writeAttribute(attribute, name, value));
    if (domain) node.string(NODE.domain, domain);
    this.#nodes.push({ bytes: node.bytes, inputs, form: this.#form });
  }

  #constant(key: string, type: OnnxType, dims: readonly number[], encode: () => Uint8Array): Value {
    const known = this.#constants.get(key);
    if (known) return known;
    const name = this.#newName('c');
    this.#initializers.push({ name, bytes: initializer(name, type, dims).data(TENSOR.raw, encode()).bytes });
    this.#constants.set(key, name);
    return name;
  }

  #newName(prefix: string): Value {
    return `${prefix}_${this.#count++}` as Value;
  }
}

/** Where the second graph of a network with attention lies. */
export function plainPathOf(path: string): string {
  return path.replace(/\.onnx$/, '.plain.onnx');
}

async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.tmp`;
  const file = await open(temporary, 'w');
  try {
    await writeAll(file, bytes, 0);
    await file.sync();
    await file.close();
    await rename(temporary, path);
  } catch (thrown) {
    await file.close().catch(() => {});
    await rm(temporary, { force: true });
    throw thrown;
  }
}

/** Numbers as the bytes of a tensor. Halves are rounded to the nearest, ties to even. */
function encodeNumbers(values: Float32Array, type: OnnxType): Uint8Array {
  if (type === 'float32') return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  if (type === 'float16') {
    const halves = new Uint16Array(values.length);
    for (let i = 0; i < values.length; i++) halves[i] = floatToHalf(values[i]!);
    return new Uint8Array(halves.buffer);
  }
  if (type === 'uint8') return Uint8Array.from(values);
  if (type === 'int32') return new Uint8Array(Int32Array.from(values).buffer);
  return new Uint8Array(BigInt64Array.from(values, (value) => BigInt(value)).buffer);
}

function initializer(name: Value, type: OnnxType, dims: readonly number[]): ProtoWriter {
  const tensor = new ProtoWriter();
  for (const size of dims) tensor.int(TENSOR.dims, size);
  return tensor.int(TENSOR.type, TYPE_CODES[type]).string(TENSOR.name, name);
}

function valueInfo(name: string, type: OnnxType, dims: readonly Dimension[]): Uint8Array {
  return new ProtoWriter().string(1, name).message(2, (typeProto) =>
    typeProto.message(1, (tensor) =>
      tensor.int(1, TYPE_CODES[type]).message(2, (shape) => {
        for (const size of dims)
          shape.message(1, (dim) => (typeof size === 'number' ? dim.int(1, size) : dim.string(2, size)));
      }),
    ),
  ).bytes;
}

/** AttributeProto: name 1, f 2, i 3, s 4, ints 8, type 20 (FLOAT 1, INT 2, STRING 3, INTS 7). */
function writeAttribute(attribute: ProtoWriter, name: string, value: Attributes[string]): void {
  attribute.string(1, name);
  if (typeof value === 'number') attribute.int(3, value).int(20, 2);
  else if (typeof value === 'string') attribute.string(4, value).int(20, 3);
  else if ('float' in value) attribute.float(2, value.float).int(20, 1);
  else {
    for (const item of value) attribute.int(8, item);
    attribute.int(20, 7);
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  for (let at = 0; at < bytes.byteLength; ) {
    const { bytesWritten } = await file.write(bytes, at, Math.min(2 ** 30, bytes.byteLength - at), offset + at);
    at += bytesWritten;
  }
}
