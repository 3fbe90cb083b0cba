import { CaptureFailure } from './capture-failure.ts';
import { type CaptureReply, parseCaptureReply } from './capture-protocol.ts';

/** No reply is longer, in bytes; a few hundred devices fit. */
const MAX_REPLY_BYTES = 262_144;

/** Collects the line that the capture process begins with. */
export class ReplyLine {
  #start: Buffer = Buffer.alloc(0);

  /**
   * Takes the next bytes. Returns undefined until the line is whole, then the reply with the bytes behind it.
   * @throws CaptureFailure when the reply is that it failed, or is none.
   */
  take(bytes: Buffer): { readonly reply: CaptureReply; readonly rest: Buffer } | undefined {
    this.#start = Buffer.concat([this.#start, bytes]);
    const end = this.#start.indexOf(0x0a);
    if (end < 0) {
      if (this.#start.length > MAX_REPLY_BYTES) throw new CaptureFailure('broken', 'naudiodon answered without an end');
      return undefined;
    }
    const reply = parseCaptureReply(this.#start.toString('utf8', 0, end));
    if (reply.kind === 'failed') throw explainReply(reply);
    return { reply, rest: this.#start.subarray(end + 1) };
  }
}

function explainReply(reply: CaptureReply & { kind: 'failed' }): CaptureFailure {
  switch (reply.reason) {
    case 'no-module':
      return new CaptureFailure('missing', `naudiodon cannot be loaded (${reply.message})`);
    case 'no-device':
      return new CaptureFailure('no-device', reply.message);
    case 'cannot-open':
      return new CaptureFailure('broken', `naudiodon cannot open the microphone (${reply.message})`);
  }
}
