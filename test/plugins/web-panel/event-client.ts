import { randomBytes } from 'node:crypto';
import { request as httpRequest, type OutgoingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';

/** What a WebSocket upgrade came to. */
export type Upgrade = { readonly status: 101; readonly client: EventClient } | { readonly status: number };

/**
 * The least that speaks WebSocket (RFC 6455), so that tests can forge Host and Origin and can stop reading, which
 * browsers and libraries do not let them. Reads unfragmented frames; answers pings unless told not to read.
 */
export class EventClient implements Disposable {
  readonly messages: { readonly type: string; readonly status: Record<string, unknown> }[] = [];
  /** Code of the server's closing message, once it came. */
  closeCode: number | undefined;
  isClosed = false;
  readonly #socket: Socket;
  #held: Buffer;

  private constructor(socket: Socket, head: Buffer) {
    this.#socket = socket;
    this.#held = head;
    socket.on('data', (bytes) => this.#take(bytes));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.isClosed = true;
    });
    this.#take(Buffer.alloc(0));
  }

  /** Asks for the upgrade with exactly these headers beside the protocol's own. */
  static open(port: number, headers: OutgoingHttpHeaders, path = '/api/events'): Promise<Upgrade> {
    const request = httpRequest({
      host: '127.0.0.1',
      port,
      path,
      agent: false,
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': randomBytes(16).toString('base64'),
        ...headers,
      },
    });
    return new Promise((resolve, reject) => {
      request.on('upgrade', (_response, socket, head) => {
        resolve({ status: 101, client: new EventClient(socket as Socket, head) });
      });
      request.on('response', (response) => {
        response.resume();
        // Who is refused must be hung up on: a socket left open would hold the server's memory and its closing.
        response.socket.once('close', () => resolve({ status: response.statusCode! }));
      });
      request.on('error', reject);
      request.end();
    });
  }

  /** Everything the messages said, merged as a page does it. */
  get status(): Record<string, unknown> {
    return Object.assign({}, ...this.messages.map((message) => message.status));
  }

  /** Stops reading: what the server sends piles up on its side. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Sends one text frame, masked as clients must. */
  send(text: string): void {
    this.#socket.write(maskedFrame(1, Buffer.from(text)));
  }

  /** Sends one binary frame. */
  sendBytes(bytes: Uint8Array): void {
    this.#socket.write(maskedFrame(2, Buffer.from(bytes)));
  }

  /** Sends what is no frame at all, as it is. */
  sendRaw(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #take(bytes: Buffer): void {
    this.#held = Buffer.concat([this.#held, bytes]);
    for (let frame = readFrame(this.#held); frame; frame = readFrame(this.#held)) {
      this.#held = this.#held.subarray(frame.byteLength);
      if (frame.opcode === 1) this.messages.push(JSON.parse(frame.payload.toString()));
      else if (frame.opcode === 8) this.closeCode = frame.payload.readUInt16BE(0);
      else if (frame.opcode === 9) this.#socket.write(maskedFrame(10, frame.payload));
    }
  }
}

function readFrame(bytes: Buffer): { opcode: number; payload: Buffer; byteLength: number } | undefined {
  if (bytes.length < 2) return undefined;
  const short = bytes[1]! & 127;
  const headLength = short === 126 ? 4 : short === 127 ? 10 : 2;
  if (bytes.length < headLength) return undefined;
  const length = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
  const byteLength = headLength + length;
  if (bytes.length < byteLength) return undefined;
  return { opcode: bytes[0]! & 15, payload: bytes.subarray(headLength, byteLength), byteLength };
}

function maskedFrame(opcode: number, payload: Buffer): Buffer {
  const mask = randomBytes(4);
  const masked = Buffer.from(payload.map((byte, at) => byte ^ mask[at % 4]!));
  return Buffer.concat([Buffer.from([0x80 | opcode]), lengthOf(payload), mask, masked]);
}

/** The length as a client's frame says it, with the bit of the mask. */
function lengthOf({ length }: Buffer): Buffer {
  if (length < 126) return Buffer.from([0x80 | length]);
  const bytes = Buffer.alloc(length > 65_535 ? 9 : 3);
  bytes[0] = 0x80 | (length > 65_535 ? 127 : 126);
  bytes.writeUIntBE(length, bytes.length > 3 ? 3 : 1, bytes.length > 3 ? 6 : 2);
  return bytes;
}
