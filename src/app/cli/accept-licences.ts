import { createInterface } from 'node:readline';
import { AppError } from '../../base/errors.ts';
import type { ModelEntry } from '../../plugins/musetalk/catalogue.ts';
import type { Terminal } from './ask-consent.ts';

/**
 * Shows whose work a model is and asks, once, whether the terms are accepted. Nobody is asked where nobody sits at a
 * terminal: that is not accepted.
 * @returns whether they are. @throws AppError INTERRUPTED on Ctrl-C, LICENCE_NOT_ACCEPTED on a no; or the signal's reason.
 */
export async function acceptLicences(
  model: ModelEntry,
  signal: AbortSignal,
  { input, output }: Terminal = { input: process.stdin, output: process.stderr },
): Promise<boolean> {
  if (!input.isTTY || !output.isTTY) return false;
  signal.throwIfAborted();
  output.write(`\n${model.title} is other people's work under these terms:\n\n`);
  for (const licence of model.licences) output.write(`  - ${licence}\n`);
  output.write('\n');
  // Line editing needs a real terminal; a test's stream has no raw mode.
  const lines = createInterface({ input, output, terminal: 'setRawMode' in input });
  const stop = new AbortController();
  lines.on('SIGINT', () => stop.abort(new AppError('INTERRUPTED', 'Interrupted.')));
  const pass = () => stop.abort(signal.reason);
  signal.addEventListener('abort', pass);
  try {
    const answer = await new Promise<string>((resolve, reject) => {
      stop.signal.addEventListener('abort', () => reject(stop.signal.reason));
      lines.once('close', () => resolve(''));
      lines.question('Do you accept them? yes or no: ', resolve);
    });
    if (/^(y|yes|ja|oui|si)[.!]?$/i.test(answer.trim())) return true;
    throw new AppError('LICENCE_NOT_ACCEPTED', `The terms of ${model.title} were not accepted; nothing was fetched.`, {
      fix: `The same command asks again: musecam models install ${model.id}`,
    });
  } finally {
    signal.removeEventListener('abort', pass);
    lines.close();
    // Otherwise the terminal keeps the process alive.
    input.pause();
    output.write('\n');
  }
}
