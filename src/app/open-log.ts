import pino, { type Logger } from 'pino';
import type { Log } from '../base/log.ts';

/** A log on stderr: one JSON object a line, from `level` up. Stdout stays free for what commands print. */
export function openLog(level: 'debug' | 'info' | 'warn' | 'error'): Log {
  return wrap(pino({ level, base: null }, pino.destination({ dest: 2, sync: true })));
}

function wrap(logger: Logger): Log {
  return {
    debug: (message, facts) => logger.debug(facts ?? {}, message),
    info: (message, facts) => logger.info(facts ?? {}, message),
    warn: (message, facts) => logger.warn(facts ?? {}, message),
    error: (message, facts) => logger.error(facts ?? {}, message),
    scope: (part) => wrap(logger.child({ part })),
  };
}
