import { readFile } from 'node:fs/promises';
import { AppError, messageOf } from '../../base/errors.ts';
import {
  LOG_MEL_BANDS,
  LOG_MEL_HOP_SAMPLES,
  LOG_MEL_RATE_HZ,
  LOG_MEL_WINDOW_SAMPLES,
  LogMel,
  LogMelNormaliser,
  NORMALISED_BANDS,
} from '../../media/log-mel.ts';

/** Mouth pictures the network tells apart, in the order of {@link MouthShape.visemes} (the 15 of the Oculus set). */
export const VISEMES = ['sil', 'PP', 'FF', 'TH', 'DD', 'kk', 'CH', 'SS', 'nn', 'RR', 'aa', 'E', 'I', 'O', 'U'] as const;

/** What the mouth does at one instant. The object is the network's own and is overwritten by the next hop. */
export interface MouthShape {
  /** Seconds since the start of the sound (or since {@link MouthNet.reset}) to the centre of the described instant. */
  timeSeconds: number;
  /** Jaw opening, 0 shut .. 1 as for "ah". Exactly 0 where the network hears no speech. */
  openness: number;
  /** -1 rounded as for "oo" .. 1 spread as for "ee". Exactly 0 where the network hears no speech. */
  width: number;
  /** Lips pressed together, 0..1: p, b, m. From 0.5 on a closure is meant. */
  closure: number;
  /** Probability that somebody speaks, 0..1. */
  speech: number;
  /** Probabilities of {@link VISEMES}; their sum is 1. */
  readonly visemes: Float32Array;
}

const MAGIC = 'MNET';
const VERSION = 1;
const HEADER_BYTES = 32;
const OUTPUTS = VISEMES.length + 4;
/** Speech probability up to which the mouth stays shut, and from which it moves fully (as in scripts/mouth-net/model.py). */
const GATE_FROM = 0.25;
const GATE_TO = 0.55;

/** A layer `y = W x + b`; `weights` is [rows, columns], row after row. */
interface Dense {
  readonly weights: Float32Array;
  readonly bias: Float32Array;
  readonly rows: number;
  readonly columns: number;
}

interface Gru {
  readonly input: Dense;
  readonly recurrent: Dense;
}

/** All weights of the network; never written to after loading. */
interface Weights {
  readonly lookAheadFrames: number;
  readonly conv: Dense;
  readonly grus: readonly Gru[];
  readonly hidden: Dense;
  readonly out: Dense;
}

function broken(why: string, cause?: unknown): AppError {
  return new AppError('MOUTH_NET_BROKEN', `The weights of the mouth-shape network cannot be used: ${why}.`, {
    fix: 'Install MuseCam again, or restore src/plugins/puppet/mouth-net.bin from its repository.',
    cause,
  });
}

/** IEEE 754 half precision -> number (finite ones; the exporter writes no others). */
function decodeHalf(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const size = exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25);
  return bits & 0x8000 ? -size : size;
}

/** FNV-1a, 32 bits (Fowler, Noll, Vo): finds a damaged file, no more. */
function hashBytes(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/**
 * Reads a weights file (layout: scripts/mouth-net/export.py): a header of 32 bytes, then half-precision numbers.
 * Throws AppError MOUTH_NET_BROKEN where magic, version, sizes or checksum do not fit.
 */
function parseWeights(file: Uint8Array): Weights {
  if (file.byteLength < HEADER_BYTES) throw broken(`the file has ${file.byteLength} bytes, less than its header`);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const magic = String.fromCharCode(...file.subarray(0, 4));
  if (magic !== MAGIC) throw broken(`the file starts with ${JSON.stringify(magic)} instead of "${MAGIC}"`);
  const field = (index: number) => view.getUint16(4 + 2 * index, true);
  if (field(0) !== VERSION) throw broken(`the file is of version ${field(0)}, this program reads version ${VERSION}`);
  const [inputs, contextFrames, conv, hidden, layers] = [field(1), field(2), field(3), field(4), field(5)];
  const [head, outputs, lookAheadFrames] = [field(6), field(7), field(8)];
  if (inputs !== NORMALISED_BANDS || outputs !== OUTPUTS) {
    throw broken(`it has ${inputs} inputs and ${outputs} outputs instead of ${NORMALISED_BANDS} and ${OUTPUTS}`);
  }
  let at = HEADER_BYTES;
  const take = (count: number): Float32Array => {
    if (at + 2 * count > file.byteLength) throw broken(`the file ends early, after ${file.byteLength} bytes`);
    const numbers = new Float32Array(count);
    for (let i = 0; i < count; i++, at += 2) numbers[i] = decodeHalf(view.getUint16(at, true));
    return numbers;
  };
  const takeDense = (rows: number, columns: number): Dense => {
    return { weights: take(rows * columns), bias: take(rows), rows, columns };
  };
  const weights: Weights = {
    lookAheadFrames,
    conv: takeDense(conv, contextFrames * inputs),
    grus: Array.from({ length: layers }, (_, layer) => ({
      input: takeDense(3 * hidden, layer === 0 ? conv : hidden),
      recurrent: takeDense(3 * hidden, hidden),
    })),
    hidden: takeDense(head, hidden),
    out: takeDense(outputs, head),
  };
  if (at !== file.byteLength) throw broken(`the file has ${file.byteLength} bytes instead of ${at}`);
  if (hashBytes(file.subarray(HEADER_BYTES)) !== view.getUint32(28, true)) throw broken('its checksum does not match');
  return weights;
}

/** out = W x + b. Four sums side by side keep the processor's multipliers busy. */
function applyDense(layer: Dense, x: Float32Array, out: Float32Array): void {
  const { weights, bias, rows, columns } = layer;
  const inFours = columns & ~3;
  for (let row = 0, w = 0; row < rows; row++) {
    let a = bias[row]!;
    let b = 0;
    let c = 0;
    let d = 0;
    let k = 0;
    for (; k < inFours; k += 4, w += 4) {
      a += weights[w]! * x[k]!;
      b += weights[w + 1]! * x[k + 1]!;
      c += weights[w + 2]! * x[k + 2]!;
      d += weights[w + 3]! * x[k + 3]!;
    }
    for (; k < columns; k++, w++) a += weights[w]! * x[k]!;
    out[row] = a + b + (c + d);
  }
}

function rectify(x: Float32Array): void {
  for (let i = 0; i < x.length; i++) if (x[i]! < 0) x[i] = 0;
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** One step of a GRU as PyTorch defines it (torch.nn.GRU, gates in the order reset, update, new); overwrites `state`. */
function stepGru(gru: Gru, x: Float32Array, state: Float32Array, fromX: Float32Array, fromState: Float32Array): void {
  const size = state.length;
  applyDense(gru.input, x, fromX);
  applyDense(gru.recurrent, state, fromState);
  for (let k = 0; k < size; k++) {
    const reset = sigmoid(fromX[k]! + fromState[k]!);
    const update = sigmoid(fromX[size + k]! + fromState[size + k]!);
    const fresh = Math.tanh(fromX[2 * size + k]! + reset * fromState[2 * size + k]!);
    state[k] = fresh + update * (state[k]! - fresh);
  }
}

/**
 * The mouth-shape network, running: sound in, one {@link MouthShape} every 10 ms out. Causal but for its look-ahead;
 * nothing is allocated after opening. Trained by scripts/mouth-net; how well it does: docs/mouth-net.md.
 */
export class MouthNet {
  /** How far the network listens beyond the 25 ms window around the described instant (whose half is 12.5 ms more). */
  readonly lookAheadSeconds: number;
  /** Time between two shapes. */
  readonly hopSeconds = 0.01 as const;

  readonly #weights: Weights;
  readonly #logMel = new LogMel();
  readonly #normaliser = new LogMelNormaliser();
  readonly #window = new Float32Array(LOG_MEL_WINDOW_SAMPLES);
  readonly #bands = new Float32Array(LOG_MEL_BANDS);
  readonly #context: Float32Array;
  readonly #conv: Float32Array;
  readonly #states: readonly Float32Array[];
  readonly #fromX: Float32Array;
  readonly #fromState: Float32Array;
  readonly #hidden: Float32Array;
  readonly #out = new Float32Array(OUTPUTS);
  readonly #shape: MouthShape;
  #filled = 0;
  #frame = 0;

  private constructor(weights: Weights) {
    const size = weights.hidden.columns;
    this.#weights = weights;
    this.lookAheadSeconds = (weights.lookAheadFrames * LOG_MEL_HOP_SAMPLES) / LOG_MEL_RATE_HZ;
    this.#context = new Float32Array(weights.conv.columns);
    this.#conv = new Float32Array(weights.conv.rows);
    this.#states = weights.grus.map(() => new Float32Array(size));
    this.#fromX = new Float32Array(3 * size);
    this.#fromState = new Float32Array(3 * size);
    this.#hidden = new Float32Array(weights.hidden.rows);
    const visemes = new Float32Array(VISEMES.length);
    this.#shape = { timeSeconds: 0, openness: 0, width: 0, closure: 0, speech: 0, visemes };
  }

  /** Reads the shipped weights, or those at `file`. Throws AppError MOUTH_NET_BROKEN. */
  static async open(file: URL = new URL('./mouth-net.bin', import.meta.url)): Promise<MouthNet> {
    let bytes: Uint8Array;
    try {
      bytes = await readFile(file);
    } catch (error) {
      throw broken(messageOf(error), error);
    }
    return new MouthNet(parseWeights(bytes));
  }

  /** Forgets the sound so far; the next sample is at time 0. */
  reset(): void {
    this.#normaliser.reset();
    this.#context.fill(0);
    for (const state of this.#states) state.fill(0);
    this.#filled = 0;
    this.#frame = 0;
  }

  /**
   * Takes any number of samples (16 kHz mono, -1..1) and calls `onShape` for every 10 ms that they complete. The shape is
   * overwritten by the next call: copy what must outlive it.
   */
  push(samples: Float32Array, onShape: (shape: MouthShape) => void): void {
    const window = this.#window;
    for (let i = 0; i < samples.length; i++) {
      window[this.#filled++] = samples[i]!;
      if (this.#filled < LOG_MEL_WINDOW_SAMPLES) continue;
      this.#step();
      window.copyWithin(0, LOG_MEL_HOP_SAMPLES);
      this.#filled = LOG_MEL_WINDOW_SAMPLES - LOG_MEL_HOP_SAMPLES;
      const described = this.#frame++ - this.#weights.lookAheadFrames;
      if (described < 0) continue;
      this.#shape.timeSeconds = (described * LOG_MEL_HOP_SAMPLES + LOG_MEL_WINDOW_SAMPLES / 2) / LOG_MEL_RATE_HZ;
      onShape(this.#shape);
    }
  }

  /** One hop: features, convolution, GRUs, head. */
  #step(): void {
    const { conv, grus, hidden, out } = this.#weights;
    this.#logMel.analyse(this.#window, this.#bands);
    this.#context.copyWithin(0, NORMALISED_BANDS);
    this.#normaliser.push(this.#bands, this.#context, this.#context.length - NORMALISED_BANDS);
    applyDense(conv, this.#context, this.#conv);
    rectify(this.#conv);
    let x = this.#conv;
    for (let layer = 0; layer < grus.length; layer++) {
      const state = this.#states[layer]!;
      stepGru(grus[layer]!, x, state, this.#fromX, this.#fromState);
      x = state;
    }
    applyDense(hidden, x, this.#hidden);
    rectify(this.#hidden);
    applyDense(out, this.#hidden, this.#out);
    this.#activate();
  }

  /** Raw outputs -> the shape: softmax, sigmoid, tanh, and a mouth that stays shut where nobody speaks. */
  #activate(): void {
    const raw = this.#out;
    const shape = this.#shape;
    const { visemes } = shape;
    const kinds = visemes.length;
    let top = raw[0]!;
    for (let i = 1; i < kinds; i++) top = Math.max(top, raw[i]!);
    let sum = 0;
    for (let i = 0; i < kinds; i++) {
      const weight = Math.exp(raw[i]! - top);
      visemes[i] = weight;
      sum += weight;
    }
    for (let i = 0; i < kinds; i++) visemes[i] = visemes[i]! / sum;
    shape.speech = sigmoid(raw[kinds + 3]!);
    const gate = Math.min(1, Math.max(0, (shape.speech - GATE_FROM) / (GATE_TO - GATE_FROM)));
    shape.openness = sigmoid(raw[kinds]!) * gate;
    shape.width = Math.tanh(raw[kinds + 1]!) * gate;
    shape.closure = sigmoid(raw[kinds + 2]!);
  }
}
