/** Writes what happened, never inside the frame loop. The daemon backs it with pino; tests with an array. */
export interface Log {
  debug(message: string, facts?: Readonly<Record<string, unknown>>): void;
  info(message: string, facts?: Readonly<Record<string, unknown>>): void;
  warn(message: string, facts?: Readonly<Record<string, unknown>>): void;
  error(message: string, facts?: Readonly<Record<string, unknown>>): void;
  /** The same log with a name in front, for one part of the program: `log.scope('camera')`. */
  scope(name: string): Log;
}

/** A log that says nothing: for tests and one-shot commands. */
export const silentLog: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  scope: () => silentLog,
};
