import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { AppError } from '../../base/errors.ts';

/** Who is shown, and who agreed to it: what avatar.json keeps. */
export interface Consent {
  readonly depicts: string;
  readonly statement: string;
}

/** Where questions are asked; default: the process's own terminal. */
export interface Terminal {
  readonly input: Readable & { readonly isTTY?: boolean };
  readonly output: Writable & { readonly isTTY?: boolean };
}

/** Longest answers avatar.json takes. */
const MAX_DEPICTS = 200;
const MAX_STATEMENT = 1000;
const FIX =
  'Say both on the command line: --depicts "Anna Example" --consent "I am Anna and agree"; --depicts invented for a drawn face';
const INTRODUCTION = `
Before a face goes live, it must be known whose it is. What you say here is kept in the avatar's own folder and sent
nowhere; without it the avatar is never shown.

`;

/**
 * Completes what was said on the command line: asks, once, where somebody sits at the terminal, and asks again where an
 * answer says nothing. Where nobody can be asked, what is missing stays empty, and preparing refuses it.
 * @param said what the flags say. @param name suggested as who is shown: an empty answer takes it.
 * @throws AppError CONSENT_MISSING: the person did not agree, or the input ended; INTERRUPTED: Ctrl-C; or the signal's reason.
 */
export async function askConsent(
  said: Partial<Consent>,
  name: string,
  signal: AbortSignal,
  { input, output }: Terminal = { input: process.stdin, output: process.stdout },
): Promise<Consent> {
  if (said.statement !== undefined || !input.isTTY || !output.isTTY)
    return { depicts: said.depicts ?? name, statement: said.statement ?? '' };
  signal.throwIfAborted();
  const dialogue = new Dialogue(input, output);
  const abort = () => dialogue.end(signal.reason);
  signal.addEventListener('abort', abort);
  try {
    output.write(INTRODUCTION);
    const depicts = said.depicts ?? (await askWho(dialogue, name));
    return { depicts, statement: await askStatement(dialogue, depicts) };
  } finally {
    signal.removeEventListener('abort', abort);
    dialogue.close();
  }
}

async function askWho(dialogue: Dialogue, name: string): Promise<string> {
  const suggestion = name ? ` [${name}]` : '';
  for (;;) {
    const answer = await dialogue.ask(`Who is shown? A person's name, or "invented" for a drawn face${suggestion}: `);
    const depicts = answer || name;
    if (depicts.length > MAX_DEPICTS) dialogue.tell(`At most ${MAX_DEPICTS} characters, please.`);
    else if (depicts) return depicts;
  }
}

async function askStatement(dialogue: Dialogue, depicts: string): Promise<string> {
  const question = /^invented\b/i.test(depicts)
    ? 'Who made this face, and who allows its use? For example "drawn by me": '
    : `Did ${depicts} agree to speak with this face here? Who says so, and how? For example "I am ${depicts}": `;
  for (;;) {
    const statement = await dialogue.ask(question);
    if (/^(no|n|nope|nein|non)\.?$/i.test(statement))
      throw new AppError('CONSENT_MISSING', `${depicts} did not agree, so no avatar is made.`, {
        fix: 'Ask them first, or use a face that you may use; your own always works',
      });
    // A bare yes does not say who said it.
    if (/^(yes|y|ok|okay|sure|ja|oui|si)[.!]?$/i.test(statement))
      dialogue.tell('Please say who agreed, and how: one sentence is enough.');
    else if (statement.length > MAX_STATEMENT) dialogue.tell(`At most ${MAX_STATEMENT} characters, please.`);
    else if (statement) return statement;
  }
}

/** Questions and answers, one line each. Lines that come early are kept for the next question. */
class Dialogue {
  readonly #lines: Interface;
  readonly #input: Readable;
  readonly #output: Writable;
  readonly #early: string[] = [];
  #waiting: { resolve(line: string): void; reject(reason: unknown): void } | undefined;
  #ended: { readonly reason: unknown } | undefined;

  constructor(input: Readable, output: Writable) {
    this.#input = input;
    this.#output = output;
    // Line editing needs a real terminal; a test's stream has no raw mode.
    this.#lines = createInterface({ input, output, terminal: 'setRawMode' in input });
    this.#lines.on('line', (line) => this.#take(line.trim()));
    this.#lines.on('SIGINT', () => this.end(new AppError('INTERRUPTED', 'Interrupted.')));
    this.#lines.on('close', () =>
      this.end(new AppError('CONSENT_MISSING', 'The answers ended before it was said who agreed.', { fix: FIX })),
    );
  }

  async ask(question: string): Promise<string> {
    const early = this.#early.shift();
    if (early !== undefined) return early;
    if (this.#ended) throw this.#ended.reason;
    this.#lines.setPrompt(`  ${question}`);
    this.#lines.prompt();
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  tell(sentence: string): void {
    this.#output.write(`  ${sentence}\n`);
  }

  /** Ends the question that waits, and every further one, with a reason; the first reason counts. */
  end(reason: unknown): void {
    this.#ended ??= { reason };
    if (this.#waiting) this.#output.write('\n');
    this.#waiting?.reject(this.#ended.reason);
    this.#waiting = undefined;
  }

  close(): void {
    this.#lines.close();
    // Otherwise the terminal keeps the process alive.
    this.#input.pause();
  }

  #take(line: string): void {
    if (!this.#waiting) this.#early.push(line);
    this.#waiting?.resolve(line);
    this.#waiting = undefined;
  }
}
