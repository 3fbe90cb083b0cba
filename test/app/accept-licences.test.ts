import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { acceptLicences } from '../../src/app/cli/accept-licences.ts';
import { AppError } from '../../src/base/errors.ts';
import { MODELS } from '../../src/plugins/musetalk/catalogue.ts';

const model = MODELS[0]!;

/** A terminal at which one answer is typed; null ends the input. */
function openTerminal(answer: string | null, isTTY = true) {
  const input = Object.assign(new PassThrough(), { isTTY });
  const output = Object.assign(new PassThrough(), { isTTY });
  let shown = '';
  output.setEncoding('utf8').on('data', (text: string) => {
    shown += text;
    if (/: $/.test(text)) setImmediate(() => (answer === null ? input.end() : input.write(`${answer}\n`)));
  });
  return { input, output, shown: () => shown };
}

const ask = (terminal: ReturnType<typeof openTerminal>, signal = new AbortController().signal) =>
  acceptLicences(model, signal, terminal);

describe('the question about licences', () => {
  it('shows every one of them and takes a yes', async () => {
    const terminal = openTerminal(' Yes ');
    expect(await ask(terminal)).toBe(true);
    for (const licence of model.licences) expect(terminal.shown()).toContain(licence);
  });

  it('takes nothing else for a yes: no, an empty line, the end of the input', async () => {
    for (const answer of ['no', '', 'maybe', null])
      await expect(ask(openTerminal(answer))).rejects.toMatchObject({ code: 'LICENCE_NOT_ACCEPTED' });
  });

  it('is not asked where nobody can answer', async () => {
    const terminal = openTerminal('yes', false);
    expect(await ask(terminal)).toBe(false);
    expect(terminal.shown()).toBe('');
  });

  it('ends when the program is interrupted', async () => {
    const abort = new AbortController();
    const terminal = openTerminal('');
    terminal.output.removeAllListeners('data');
    const asked = ask(terminal, abort.signal);
    abort.abort(new AppError('INTERRUPTED', 'Interrupted.'));
    await expect(asked).rejects.toMatchObject({ code: 'INTERRUPTED' });
  });
});
