import { AppError } from '../../base/errors.ts';

/** What is sent instead of an answer: HTTP status and the error in words. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly fix: string | undefined;
}

/** HTTP status by error code; every other AppError is a 400: the request asked for something that cannot be done. */
const STATUS_BY_CODE: Readonly<Record<string, number>> = {
  WEB_TOKEN_WRONG: 401,
  WEB_TOKEN_TRIES: 429,
  WEB_HOST_REFUSED: 403,
  WEB_ORIGIN_REFUSED: 403,
  WEB_NOT_FOUND: 404,
  NO_SUCH_COMMAND: 404,
  COMMAND_DISABLED: 409,
  RPC_TOO_MANY_CALLS: 429,
  WEB_METHOD_NOT_ALLOWED: 405,
  WEB_BODY_TOO_LARGE: 413,
  WEB_BODY_NOT_JSON: 415,
  WEB_BODY_NOT_BYTES: 415,
  WEB_LENGTH_MISSING: 411,
  UPLOAD_TOO_LARGE: 413,
  UPLOAD_TYPE: 415,
  AVATAR_EXISTS: 409,
  PREPARATIONS_FULL: 503,
  DISK_FULL: 507,
  NO_SUCH_PREPARATION: 404,
  WEB_TOO_MANY_VIEWERS: 503,
  WEB_NO_PICTURE: 503,
  WEB_INTERNAL: 500,
};

/** Turns anything thrown while a request was answered into what may be shown. Bugs are shown without their insides. */
export function refusalOf(thrown: unknown): Refusal {
  const { code, message, fix } = thrown instanceof AppError ? thrown : requestErrorOf(thrown);
  return { status: STATUS_BY_CODE[code] ?? 400, code, message, fix };
}

/** The body that API clients get. */
export function refusalBody({ code, message, fix }: Refusal): { code: string; message: string; fix?: string } {
  return { code, message, ...(fix === undefined ? {} : { fix }) };
}

/** What fastify itself refuses, in our words; anything else is a bug. */
function requestErrorOf(thrown: unknown): AppError {
  const { code, statusCode } = (thrown ?? {}) as { code?: unknown; statusCode?: unknown };
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new AppError('WEB_BODY_TOO_LARGE', 'The request is larger than 64 kB.', {
      fix: 'Send only the arguments of the command.',
      cause: thrown,
    });
  }
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return new AppError('WEB_BODY_NOT_JSON', 'The request is not JSON.', {
      fix: 'Send the header Content-Type: application/json.',
      cause: thrown,
    });
  }
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) {
    return new AppError('WEB_BAD_REQUEST', `The request could not be understood: ${(thrown as Error).message}`, {
      fix: 'Check that the body is valid JSON.',
      cause: thrown,
    });
  }
  return new AppError('WEB_INTERNAL', 'Something went wrong inside MuseCam while it answered this request.', {
    fix: 'Look at the log in the terminal where MuseCam runs.',
    cause: thrown,
  });
}
