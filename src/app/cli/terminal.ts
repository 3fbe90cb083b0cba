import { styleText } from 'node:util';
import { Presets, SingleBar } from 'cli-progress';
import type { LinkState } from '../../api/status.ts';

type Style = Parameters<typeof styleText>[0];

/** Colours text where the terminal shows colours; `NO_COLOR` and pipes get plain text. */
export function paint(style: Style, text: string): string {
  return process.stdout.isTTY && !process.env.NO_COLOR ? styleText(style, text) : text;
}

/**
 * Commands in a text the way they can be typed here: in a clone started by npm there is no `musecam` on PATH, but `npx
 * musecam` finds it.
 */
export function showCommands(text: string): string {
  return process.env.npm_lifecycle_event ? text.replace(/(?<!npx )\bmusecam (?=[a-z])/g, 'npx musecam ') : text;
}

/** A mark in front of a state: the word follows it, so colour is never the only sign. */
export function markOf(state: LinkState | 'busy' | 'broken'): string {
  if (state === 'ready') return paint('green', '✔');
  if (state === 'failed' || state === 'broken') return paint('red', '✖');
  return paint('yellow', '!');
}

/** Prints rows as columns, each as wide as its widest cell. */
export function printTable(rows: readonly (readonly string[])[]): void {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  }
  for (const row of rows)
    console.log(
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    );
}

/** Prints facts as JSON. */
export function printJson(value: unknown): void {
  console.log(JSON.stringify(value, null, 2));
}

/**
 * A progress bar on stderr; on pipes a line at every tenth. Dispose to end it.
 * @param hasOwnTime the notes say how long it takes: the bar does not guess.
 */
export function openProgress(
  label: string,
  { hasOwnTime = false }: { readonly hasOwnTime?: boolean } = {},
): Disposable & { update(done: number, total: number, note?: string): void } {
  const isTerminal = process.stderr.isTTY === true;
  const bar = new SingleBar(
    {
      stream: process.stderr,
      format: `${label} {bar} {percentage}%  {note}${hasOwnTime ? '' : '  {eta_formatted} left'}`,
      hideCursor: true,
      clearOnComplete: false,
      etaBuffer: 50,
    },
    Presets.shades_classic,
  );
  let isStarted = false;
  let tenth = 0;
  return {
    update(done, total, note = '') {
      if (isTerminal) {
        if (!isStarted) bar.start(total, done, { note });
        bar.update(done, { note });
      } else if (Math.floor((done / total) * 10) > tenth) {
        tenth = Math.floor((done / total) * 10);
        process.stderr.write(`${label} ${tenth * 10} %${note ? `  ${note}` : ''}\n`);
      }
      isStarted = true;
    },
    [Symbol.dispose]() {
      if (isTerminal && isStarted) bar.stop();
    },
  };
}
