import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AppError } from '../../base/errors.ts';

/** Arguments of commands are flat; whatever is nested deeper than this was made to exhaust a stack. */
const DEPTH_LIMIT = 64;

/** Reads JSON of a stranger. @throws AppError WEB_BAD_REQUEST. */
export type ParseJson = (text: string) => unknown;

/**
 * The one reader of JSON for requests and socket messages: refuses what is malformed, what would change JavaScript's own
 * objects (`__proto__`, `constructor.prototype`), and what is nested deeper than 64 levels.
 */
export function createJsonParser(server: Pick<FastifyInstance, 'getDefaultJsonParser'>): ParseJson {
  const parse = server.getDefaultJsonParser('error', 'error');
  return (text) => {
    let value: unknown;
    // The parser is synchronous and does not look at the request.
    void parse(undefined as unknown as FastifyRequest, text, (thrown, parsed) => {
      if (thrown)
        throw notUnderstood('it is not valid JSON, or has a forbidden key.', 'Check that it is valid JSON.', thrown);
      value = parsed;
    });
    checkDepth(value);
    return value;
  };
}

/** Without recursion: what is checked here is what would overflow the stack. */
function checkDepth(root: unknown): void {
  let level = [root];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > DEPTH_LIMIT) {
      throw notUnderstood(`it is nested deeper than ${DEPTH_LIMIT} levels.`, 'Send only the arguments of the command.');
    }
    level = level.flatMap((value) => (typeof value === 'object' && value !== null ? Object.values(value) : []));
  }
}

function notUnderstood(why: string, fix: string, cause?: unknown): AppError {
  return new AppError('WEB_BAD_REQUEST', `The request could not be understood: ${why}`, { fix, cause });
}
