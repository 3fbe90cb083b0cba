import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { askConsent, type Consent, type Terminal } from '../../src/app/cli/ask-consent.ts';
import { AppError } from '../../src/base/errors.ts';

/** A terminal that is answered line by line: an answer is typed whenever a question stands there. */
function openTerminal(answers: readonly (string | null)[]) {
  const input = Object.assign(new PassThrough(), { isTTY: true });
  const output = Object.assign(new PassThrough(), { isTTY: true });
  let shown = '';
  const left = [...answers];
  output.setEncoding('utf8').on('data', (text: string) => {
    shown += text;
    if (!/: $/.test(text) || left.length === 0) return;
    const answer = left.shift();
    setImmediate(() => (typeof answer === 'string' ? input.write(`${answer}\n`) : input.end()));
  });
  return { input, output, shown: () => shown };
}

/** Asks as `musecam prepare` does without flags. */
function ask(terminal: Terminal, name = '', said: Partial<Consent> = {}): Promise<Consent> {
  return askConsent(said, name, new AbortController().signal, terminal);
}

async function refusalOf(promise: Promise<unknown>): Promise<AppError> {
  const thrown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (thrown instanceof AppError) return thrown;
  throw new Error(`no AppError but ${String(thrown)}`);
}

describe('the question of consent', () => {
  it('asks who is shown and who agreed, and why it asks', async () => {
    const terminal = openTerminal(['Anna Example', '  I am Anna  ']);
    expect(await ask(terminal)).toEqual({ depicts: 'Anna Example', statement: 'I am Anna' });
    expect(terminal.shown()).toContain('never shown');
    expect(terminal.shown()).toContain('Did Anna Example agree');
  });

  it('asks again where an answer says nothing', async () => {
    const terminal = openTerminal(['', '   ', 'x'.repeat(201), 'invented', '', 'yes', 'drawn by me']);
    expect(await ask(terminal)).toEqual({ depicts: 'invented', statement: 'drawn by me' });
    expect(terminal.shown().match(/Who is shown/g)).toHaveLength(4);
    expect(terminal.shown().match(/Who made this face/g)).toHaveLength(3);
    expect(terminal.shown()).toContain('say who agreed');
  });

  it('takes the suggested name for an empty answer', async () => {
    const terminal = openTerminal(['', 'I am Anna']);
    expect(await ask(terminal, 'Anna')).toEqual({ depicts: 'Anna', statement: 'I am Anna' });
    expect(terminal.shown()).toContain('[Anna]');
  });

  it('keeps answers that were typed ahead', async () => {
    const terminal = openTerminal([]);
    terminal.input.write('Anna\nI am Anna\n');
    expect(await ask(terminal)).toEqual({ depicts: 'Anna', statement: 'I am Anna' });
  });

  it('ends where the person did not agree', async () => {
    const refusal = await refusalOf(ask(openTerminal(['Anna', 'No.'])));
    expect(refusal.code).toBe('CONSENT_MISSING');
    expect(refusal.message).toContain('Anna did not agree');
  });

  it('ends with its input, and says which flags to use', async () => {
    for (const answers of [[null], ['Anna', null]]) {
      const refusal = await refusalOf(ask(openTerminal(answers)));
      expect(refusal.code).toBe('CONSENT_MISSING');
      expect(refusal.fix).toContain('--depicts');
    }
  });

  it('asks nobody where there is no terminal on both sides, and leaves empty what was not said', async () => {
    const { input, output } = openTerminal(['Anna', 'yes']);
    for (const pipe of [
      { input: new PassThrough(), output },
      { input, output: new PassThrough() },
    ])
      expect(await ask(pipe, 'Anna')).toEqual({ depicts: 'Anna', statement: '' });
    expect(output.read()).toBeNull();
  });

  it('asks only for what the flags leave out', async () => {
    const said = { depicts: 'Anna', statement: 'I am Anna' };
    expect(await ask(openTerminal([]), 'me', said)).toEqual(said);
    const terminal = openTerminal(['she wrote so']);
    expect(await ask(terminal, 'me', { depicts: 'Anna' })).toEqual({ depicts: 'Anna', statement: 'she wrote so' });
    expect(terminal.shown()).not.toContain('Who is shown');
  });

  it('ends when the program is told to', async () => {
    const abort = new AbortController();
    const asking = refusalOf(askConsent({}, 'Anna', abort.signal, openTerminal([])));
    setImmediate(() => abort.abort(new AppError('INTERRUPTED', 'Interrupted.')));
    expect((await asking).code).toBe('INTERRUPTED');
  });

  it('is interrupted by Ctrl-C without a trace', async () => {
    const terminal = openTerminal([]);
    // Raw mode makes readline see the key itself, as in a real terminal.
    const input = Object.assign(terminal.input, { setRawMode: () => terminal.input });
    const asking = refusalOf(ask({ input, output: terminal.output }));
    setImmediate(() => input.write('\x03'));
    expect((await asking).code).toBe('INTERRUPTED');
    expect(input.isPaused()).toBe(true);
    expect(input.listenerCount('keypress')).toBe(0);
  });
});
