import { createInterface } from 'node:readline';
import { AppError } from '../../base/errors.ts';
import type { Terminal } from './ask-consent.ts';

/**
 * Asks a question that a yes answers.
 * @returns whether it was a yes; undefined where nobody sits at a terminal and nobody was asked.
 * @throws AppError INTERRUPTED on Ctrl-C, or the signal's reason.
 */
export async function askYes(
  question: string,
  signal: AbortSignal,
  { input, output }: Terminal = { input: process.stdin, output: process.stdout },
): Promise<boolean | undefined> {
  if (!input.isTTY || !output.isTTY) return undefined;
  signal.throwIfAborted();
  // Line editing needs a real terminal; a test's stream has no raw mode.
  const lines = createInterface({ input, output, terminal: 'setRawMode' in input });
  const stop = new AbortController();
  const pass = () => stop.abort(signal.reason);
  lines.on('SIGINT', () => stop.abort(new AppError('INTERRUPTED', 'Interrupted.')));
  signal.addEventListener('abort', pass);
  try {
    const answer = await new Promise<string>((resolve, reject) => {
      stop.signal.addEventListener('abort', () => reject(stop.signal.reason));
      lines.once('close', () => resolve(''));
      lines.question(`${question} yes or no: `, resolve);
    });
    return /^(y|yes|ja|oui|si)[.!]?$/i.test(answer.trim());
  } finally {
    signal.removeEventListener('abort', pass);
    lines.close();
    // Otherwise the terminal keeps the process alive.
    input.pause();
  }
}
