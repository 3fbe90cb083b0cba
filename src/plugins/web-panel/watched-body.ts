import type { IncomingMessage } from 'node:http';
import { AppError } from '../../base/errors.ts';

/** How slow an upload may be. */
export interface UploadPace {
  /** How often it is looked at, in ms. */
  readonly windowMs: number;
  /** What must have come since the last look, in bytes. */
  readonly minBytes: number;
}

/** 13 kB a second: the slowest mobile connection; anything slower is a hang-up that nobody noticed, or an attack. */
const DEFAULT_PACE: UploadPace = { windowMs: 20_000, minBytes: 256 * 1024 };

/**
 * The body of a request while it comes. Time in which nobody asks for more does not count. Whoever leaves early leaves
 * the connection open, so that an answer can still be sent.
 * @throws AppError UPLOAD_INCOMPLETE when it stops or gets too slow.
 */
export async function* watchBody(request: IncomingMessage, pace = DEFAULT_PACE): AsyncGenerator<Uint8Array> {
  const parts = request.iterator({ destroyOnReturn: false });
  let waitedMs = 0;
  let received = 0;
  try {
    for (;;) {
      const askedMs = performance.now();
      const next = await withDeadline(parts.next(), pace.windowMs - waitedMs, received);
      if (next.done) return;
      const part = next.value as Buffer;
      received += part.length;
      waitedMs += performance.now() - askedMs;
      if (received >= pace.minBytes) received = waitedMs = 0;
      yield part;
    }
  } catch (thrown) {
    if (thrown instanceof AppError) throw thrown;
    throw stopped('The upload was broken off.', thrown);
  } finally {
    void parts.return?.();
  }
}

async function withDeadline<T>(work: Promise<T>, ms: number, received: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const fail = () => reject(stopped(`The upload hardly moves: ${received} bytes came lately.`));
    timer = setTimeout(fail, Math.max(0, ms));
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    work.catch(() => {});
  }
}

function stopped(message: string, cause?: unknown): AppError {
  return new AppError('UPLOAD_INCOMPLETE', message, { fix: 'Choose the file once more.', cause });
}
