import type { Duplex } from 'node:stream';
import { deserialize, serialize } from 'node:v8';

/** A message longer than this is a fault of whoever sends it: a picture of 4096x2160 in I420 has 13 MB. Bytes. */
const LONGEST_MESSAGE = 32_000_000;
/** So many messages are taken in one go; whoever sends more waits. */
const MESSAGES_A_TURN = 50;
/** How long reading pauses after such a turn, in ms: 1,000 messages a second at most. */
const PAUSE_MS = 50;
const HEADER_BYTES = 4;

/**
 * Messages over a pipe between the show and a plugin's process: a length, UInt32 little endian, then V8's serialisation.
 * Unlike Node's own IPC channel it stops reading when too much comes, so that a plugin that floods slows only itself.
 */
export class PluginPipe {
  readonly #stream: Duplex;
  #parts: Buffer[] = [];
  #bytes = 0;
  #listener: (message: unknown) => void = () => {};
  #timer: NodeJS.Timeout | undefined;

  /** @param onFault told once when what arrives cannot be understood; nothing is read after that. */
  constructor(stream: Duplex, onFault: (reason: string) => void) {
    this.#stream = stream;
    stream.on('data', (piece: Buffer) => {
      this.#parts.push(piece);
      this.#bytes += piece.length;
      try {
        this.#takeAll();
      } catch (thrown) {
        stream.destroy();
        onFault(`what it sends cannot be understood: ${String(thrown)}`);
      }
    });
    // A process that ends breaks its pipe; its end is told elsewhere.
    stream.on('error', () => {});
  }

  /** Bytes that the other end has not taken yet. */
  get waitingBytes(): number {
    return this.#stream.writableLength;
  }

  /** Whether more arrives than is read. */
  get isThrottled(): boolean {
    return this.#timer !== undefined;
  }

  /** Who gets what arrives. */
  listen(listener: (message: unknown) => void): void {
    this.#listener = listener;
  }

  /** Puts a message on its way. @throws DataCloneError for what cannot be sent, such as functions. */
  send(message: unknown): void {
    if (this.#stream.destroyed) return;
    const body = serialize(message);
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt32LE(body.length);
    this.#stream.cork();
    this.#stream.write(header);
    this.#stream.write(body);
    this.#stream.uncork();
  }

  /** Resolves when everything that was sent has left this process. */
  flush(): Promise<void> {
    if (this.#stream.destroyed || this.#stream.writableLength === 0) return Promise.resolve();
    return new Promise((resolve) => this.#stream.write('', () => resolve()));
  }

  /** Ends it: nothing more is read. */
  close(): void {
    clearTimeout(this.#timer);
    this.#stream.destroy();
  }

  #takeAll(): void {
    if (this.#timer) return;
    for (let taken = 0; ; taken++) {
      const body = this.#takeBody();
      if (!body) return;
      if (taken === MESSAGES_A_TURN) {
        // Put back: it is the first of the next turn.
        this.#putBack(body);
        this.#stream.pause();
        this.#timer = setTimeout(() => this.#goOn(), PAUSE_MS);
        return;
      }
      this.#listener(deserialize(body));
    }
  }

  #goOn(): void {
    this.#timer = undefined;
    this.#takeAll();
    if (!this.#timer) this.#stream.resume();
  }

  /** The next whole message; undefined while it has not arrived. */
  #takeBody(): Buffer | undefined {
    if (this.#bytes < HEADER_BYTES) return undefined;
    const length = this.#joined(HEADER_BYTES).readUInt32LE(0);
    if (length > LONGEST_MESSAGE) throw new Error(`a message of ${length} bytes`);
    if (this.#bytes < HEADER_BYTES + length) return undefined;
    const all = this.#joined(HEADER_BYTES + length);
    const rest = all.subarray(HEADER_BYTES + length);
    this.#parts[0] = rest;
    this.#bytes -= HEADER_BYTES + length;
    return all.subarray(HEADER_BYTES, HEADER_BYTES + length);
  }

  #putBack(body: Buffer): void {
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt32LE(body.length);
    this.#parts.unshift(header, body);
    this.#bytes += HEADER_BYTES + body.length;
  }

  /** The first part, with as many behind it joined on as are needed for so many bytes. */
  #joined(bytes: number): Buffer {
    const [first] = this.#parts;
    if (first && first.length >= bytes) return first;
    const joined = Buffer.concat(this.#parts);
    this.#parts = [joined];
    return joined;
  }
}
