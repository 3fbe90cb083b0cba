import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { askYes } from '../../src/app/cli/ask-yes.ts';
import { AppError } from '../../src/base/errors.ts';

/** A terminal at which one answer is typed; null ends the input, undefined types nothing. */
function openTerminal(answer: string | null | undefined, isTTY = true) {
  const input = Object.assign(new PassThrough(), { isTTY });
  const output = Object.assign(new PassThrough(), { isTTY });
  let shown = '';
  output.setEncoding('utf8').on('data', (text: string) => {
    shown += text;
    if (!/: $/.test(text) || answer === undefined) return;
    setImmediate(() => (answer === null ? input.end() : input.write(`${answer}\n`)));
  });
  return { input, output, shown: () => shown };
}

const ask = (terminal: ReturnType<typeof openTerminal>, signal = new AbortController().signal) =>
  askYes('Do it?', signal, terminal);

describe('a question that a yes answers', () => {
  it('takes a yes', async () => {
    for (const answer of [' Yes ', 'y', 'ja']) expect(await ask(openTerminal(answer))).toBe(true);
  });

  it('takes nothing else for a yes: no, an empty line, the end of the input', async () => {
    for (const answer of ['no', '', 'maybe', null]) expect(await ask(openTerminal(answer))).toBe(false);
  });

  it('is not asked where nobody can answer', async () => {
    const terminal = openTerminal('yes', false);
    expect(await ask(terminal)).toBeUndefined();
    expect(terminal.shown()).toBe('');
  });

  it('ends when the program is interrupted', async () => {
    const abort = new AbortController();
    const asking = ask(openTerminal(undefined), abort.signal);
    abort.abort(new AppError('INTERRUPTED', 'Interrupted.'));
    await expect(asking).rejects.toMatchObject({ code: 'INTERRUPTED' });
  });
});
