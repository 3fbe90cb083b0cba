/** What an {@link AppError} carries besides its code and message. */
export interface AppErrorDetail {
  /** What the user should type or click to put it right. One sentence or a command. */
  readonly fix?: string;
  /** The error underneath, kept for `--verbose` and the log. */
  readonly cause?: unknown;
}

/**
 * The one error class of this program: something the user can understand and usually repair.
 * `code` is a heading in docs/errors.md; `message` says what happened with the actual values; `fix` says what to do.
 * Anything else that is thrown is a bug and is shown with its stack.
 */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: string;
  readonly fix: string | undefined;

  constructor(code: string, message: string, detail: AppErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.code = code;
    this.fix = detail.fix;
  }
}

/** The message of anything thrown, without its stack. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The `code` of a Node system error (`'ENOENT'`, …), or undefined when there is none. */
export function systemCodeOf(thrown: unknown): string | undefined {
  const code = (thrown as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}
