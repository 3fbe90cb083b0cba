import { checkpointBroken } from './checkpoint.ts';

/** What a pickle may call by name. Its arguments are whatever the pickle built; it must check them. */
export type PickleGlobal = (args: readonly unknown[]) => unknown;

/** What is allowed while a pickle is read. Nothing of it is ever executed but these functions. */
export interface PickleRules {
  /** Allowed globals by `module name`. Every other global is refused. */
  readonly globals: ReadonlyMap<string, PickleGlobal>;
  /** Turns a persistent id (torch: a storage) into a value. */
  readonly persistentLoad?: (id: unknown) => unknown;
  /** How the file is called in messages. */
  readonly path: string;
}

/** A pickled dict. Keys are compared as Python compares them: numbers and strings by value. */
export class PickleDict {
  readonly entries = new Map<unknown, unknown>();
}

/** A pickled tuple, apart from lists. */
export class PickleTuple {
  readonly items: readonly unknown[];
  constructor(items: readonly unknown[]) {
    this.items = items;
  }
}

/** A global that stands on the stack until it is called. */
class Callable {
  readonly name: string;
  readonly call: PickleGlobal;
  constructor(name: string, call: PickleGlobal) {
    this.name = name;
    this.call = call;
  }
}

const MARK = Symbol('mark');
/** Operations in one pickle; torch writes about 25 a tensor, lists of numbers one a number. */
const MAX_STEPS = 20_000_000;
const MAX_DEPTH = 1_000_000;

/**
 * Reads a Python pickle (protocols 0 to 5 as far as data needs them) without running any of it: numbers, strings, lists,
 * tuples, dicts, and the globals that `rules` allow. @returns the value and where it ended.
 * @throws AppError CHECKPOINT_BROKEN for foreign globals, unknown operations and anything out of bounds.
 */
export function unpickle(
  bytes: Buffer,
  rules: PickleRules,
  start = 0,
): { readonly value: unknown; readonly end: number } {
  return new Unpickler(bytes, rules, start).run();
}

class Unpickler {
  readonly #bytes: Buffer;
  readonly #rules: PickleRules;
  readonly #stack: unknown[] = [];
  readonly #memo = new Map<number, unknown>();
  #at: number;

  constructor(bytes: Buffer, rules: PickleRules, start: number) {
    this.#bytes = bytes;
    this.#rules = rules;
    this.#at = start;
  }

  run(): { value: unknown; end: number } {
    for (let step = 0; step < MAX_STEPS; step++) {
      const operation = this.#byte();
      if (operation === 0x2e /* STOP */) return { value: this.#pop(), end: this.#at };
      this.#step(operation);
      if (this.#stack.length > MAX_DEPTH) throw this.#broken('its stack is too deep');
    }
    throw this.#broken(`it has more than ${MAX_STEPS} operations`);
  }

  #step(operation: number): void {
    const code = String.fromCharCode(operation);
    if (operation >= 0x80) return this.#stepBinary(operation);
    switch (code) {
      case '(':
        return this.#push(MARK);
      case ')':
        return this.#push(new PickleTuple([]));
      case ']':
        return this.#push([]);
      case '}':
        return this.#push(new PickleDict());
      case 'N':
        return this.#push(null);
      case '0':
        this.#pop();
        return;
      case '2':
        return this.#push(this.#top());
      case 't':
        return this.#push(new PickleTuple(this.#popToMark()));
      case 'l':
        return this.#push(this.#popToMark());
      case 'd':
        return this.#push(this.#fill(new PickleDict(), this.#popToMark()));
      case 'a':
        return this.#appendAll([this.#pop()]);
      case 'e':
        return this.#appendAll(this.#popToMark());
      case 's': {
        const value = this.#pop();
        const key = this.#pop();
        this.#fill(this.#topDict(), [key, value]);
        return;
      }
      case 'u': {
        const items = this.#popToMark();
        this.#fill(this.#topDict(), items);
        return;
      }
      case 'R': {
        const args = this.#pop();
        return this.#push(this.#call(this.#pop(), args));
      }
      case 'b':
        return this.#build(this.#pop());
      case 'c':
        return this.#push(this.#global(this.#line(), this.#line()));
      case 'Q':
        return this.#push(this.#persistent(this.#pop()));
      default:
        return this.#stepValue(code);
    }
  }

  /** Values and the memo. */
  #stepValue(code: string): void {
    switch (code) {
      case 'K':
        return this.#push(this.#byte());
      case 'M':
        return this.#push(this.#take(2).readUInt16LE());
      case 'J':
        return this.#push(this.#take(4).readInt32LE());
      case 'I': {
        const text = this.#line();
        return this.#push(text === '01' ? true : text === '00' ? false : this.#number(text));
      }
      case 'L':
        return this.#push(this.#number(this.#line().replace(/L$/, '')));
      case 'F':
        return this.#push(this.#number(this.#line()));
      case 'G':
        return this.#push(this.#take(8).readDoubleBE());
      case 'X':
        return this.#push(this.#take(this.#take(4).readUInt32LE()).toString('utf8'));
      case 'V':
        return this.#push(this.#line());
      case 'U':
        return this.#push(this.#take(this.#byte()).toString('latin1'));
      case 'T':
        return this.#push(this.#take(this.#take(4).readUInt32LE()).toString('latin1'));
      case 'B':
        return this.#push(this.#copy(this.#take(4).readUInt32LE()));
      case 'C':
        return this.#push(this.#copy(this.#byte()));
      case 'q':
        return this.#remember(this.#byte());
      case 'r':
        return this.#remember(this.#take(4).readUInt32LE());
      case 'p':
        return this.#remember(this.#number(this.#line()));
      case 'h':
        return this.#push(this.#recall(this.#byte()));
      case 'j':
        return this.#push(this.#recall(this.#take(4).readUInt32LE()));
      case 'g':
        return this.#push(this.#recall(this.#number(this.#line())));
      default:
        throw this.#broken(`operation ${JSON.stringify(code)} at byte ${this.#at - 1} is not one of data`);
    }
  }

  #stepBinary(operation: number): void {
    switch (operation) {
      case 0x80: // PROTO
        if (this.#byte() > 5) throw this.#broken('it is of a newer protocol');
        return;
      case 0x95: // FRAME: only says how long the next piece is
        this.#take(8);
        return;
      case 0x85:
      case 0x86:
      case 0x87: {
        const items = Array.from({ length: operation - 0x84 }, () => this.#pop());
        return this.#push(new PickleTuple(items.reverse()));
      }
      case 0x88:
        return this.#push(true);
      case 0x89:
        return this.#push(false);
      case 0x8a:
        return this.#push(this.#long(this.#byte()));
      case 0x8c:
        return this.#push(this.#take(this.#byte()).toString('utf8'));
      case 0x94:
        return this.#remember(this.#memo.size);
      case 0x93: {
        const name = this.#pop();
        return this.#push(this.#global(this.#pop(), name));
      }
      case 0x81: {
        const args = this.#pop();
        return this.#push(this.#call(this.#pop(), args));
      }
      default:
        throw this.#broken(`operation 0x${operation.toString(16)} at byte ${this.#at - 1} is not one of data`);
    }
  }

  #global(module: unknown, name: unknown): Callable {
    const full = `${String(module)} ${String(name)}`;
    const call = this.#rules.globals.get(full);
    if (call) return new Callable(full, call);
    throw this.#broken(`it wants to use ${full.replace(' ', '.').slice(0, 100)}, which is code and is never run`);
  }

  #call(callable: unknown, args: unknown): unknown {
    if (!(callable instanceof Callable) || !(args instanceof PickleTuple))
      throw this.#broken('it calls what is no function');
    return callable.call(args.items);
  }

  /** torch and numpy set attributes that carry nothing we need; values that take state have a `setState`. */
  #build(state: unknown): void {
    const target = this.#top() as { setState?: (state: unknown) => void } | null;
    if (typeof target?.setState === 'function') target.setState(state);
  }

  #persistent(id: unknown): unknown {
    if (!this.#rules.persistentLoad) throw this.#broken('it refers to something outside itself');
    return this.#rules.persistentLoad(id);
  }

  #fill(dict: PickleDict, items: readonly unknown[]): PickleDict {
    if (items.length % 2 !== 0) throw this.#broken('a dict has a key without a value');
    for (let at = 0; at < items.length; at += 2) dict.entries.set(items[at], items[at + 1]);
    return dict;
  }

  #appendAll(items: readonly unknown[]): void {
    const list = this.#top();
    if (!Array.isArray(list)) throw this.#broken('it appends to what is no list');
    for (const item of items) list.push(item);
  }

  #topDict(): PickleDict {
    const dict = this.#top();
    if (dict instanceof PickleDict) return dict;
    throw this.#broken('it sets items of what is no dict');
  }

  #remember(key: number): void {
    this.#memo.set(key, this.#top());
  }

  #recall(key: number): unknown {
    if (!this.#memo.has(key)) throw this.#broken(`it refers to memo ${key}, which is not there`);
    return this.#memo.get(key);
  }

  #push(value: unknown): void {
    this.#stack.push(value);
  }

  #pop(): unknown {
    const value = this.#top();
    this.#stack.length--;
    return value;
  }

  #top(): unknown {
    const value = this.#stack.at(-1);
    if (this.#stack.length === 0 || value === MARK) throw this.#broken('its stack is empty');
    return value;
  }

  #popToMark(): unknown[] {
    const at = this.#stack.lastIndexOf(MARK);
    if (at < 0) throw this.#broken('a mark is missing');
    const items = this.#stack.splice(at);
    return items.slice(1);
  }

  #byte(): number {
    return this.#take(1)[0]!;
  }

  #take(length: number): Buffer {
    if (this.#at + length > this.#bytes.length) throw this.#broken('it ends too soon: it is truncated');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  #copy(length: number): Uint8Array {
    return Uint8Array.from(this.#take(length));
  }

  #line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0) throw this.#broken('it ends too soon: it is truncated');
    const text = this.#bytes.toString('utf8', this.#at, end);
    this.#at = end + 1;
    return text;
  }

  #number(text: string): number {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (Number.isNaN(value)) throw this.#broken(`${JSON.stringify(text.slice(0, 40))} is no number`);
    return value;
  }

  /** LONG1: two's complement of 0 to 255 bytes; up to 8 are numbers, longer ones are kept as bigints. */
  #long(length: number): number | bigint {
    let value = 0n;
    const bytes = this.#take(length);
    for (let index = length - 1; index >= 0; index--) value = (value << 8n) | BigInt(bytes[index]!);
    if (length > 0 && bytes[length - 1]! & 0x80) value -= 1n << BigInt(8 * length);
    const isSafe = value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER);
    return isSafe ? Number(value) : value;
  }

  #broken(why: string) {
    return checkpointBroken(this.#rules.path, `its pickle is not plain data: ${why}`);
  }
}
