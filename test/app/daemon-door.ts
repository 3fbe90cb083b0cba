import { setTimeout as sleep } from 'node:timers/promises';
import type { ShowStatus } from '../../src/api/status.ts';
import type { Cli } from '../fakes/cli.ts';

/** A status and when it was asked for: `performance.now()`, ms. */
export type Seen = ShowStatus & { readonly atMs: number };

/** How often a watch looks, in ms: a quarter of a frame, so that no frame is missed. */
const WATCH_EVERY_MS = 10;

/** The way into a running daemon that a person has: the address it printed. */
export class DaemonDoor {
  /** Address of the control page, without the token. */
  readonly url: string;
  readonly token: string;

  private constructor(url: string, token: string) {
    this.url = url;
    this.token = token;
  }

  /** Waits until a daemon has printed its address. */
  static async of(cli: Cli): Promise<DaemonDoor> {
    const [, url, token] = await cli.says(/Control page: (http:\/\/127\.0\.0\.1:\d+\/)\?token=(\S+)/);
    return new DaemonDoor(url!, token!);
  }

  /** What the daemon says of itself. */
  async status(): Promise<Seen> {
    const atMs = performance.now();
    const answer = await fetch(new URL('/api/status', this.url), {
      headers: { authorization: `Bearer ${this.token}` },
    });
    if (!answer.ok) throw new Error(`the daemon answered ${answer.status}`);
    return { ...((await answer.json()) as ShowStatus), atMs };
  }

  /** Runs a command. @throws Error with the daemon's own words. */
  async run(id: string, args: object = {}): Promise<unknown> {
    const answer = await fetch(new URL(`/api/commands/${id}`, this.url), {
      method: 'POST',
      headers: { authorization: `Bearer ${this.token}`, 'content-type': 'application/json' },
      body: JSON.stringify(args),
    });
    const body = (await answer.json().catch(() => undefined)) as { code?: string; message?: string } | undefined;
    if (!answer.ok) throw new Error(`${body?.code}: ${body?.message}`);
    return body;
  }

  /** Every status until `end` resolves. */
  async watchUntil(end: Promise<unknown>): Promise<readonly Seen[]> {
    const seen: Seen[] = [];
    let isOver = false;
    const ending = end.finally(() => {
      isOver = true;
    });
    do {
      seen.push(await this.status());
      await sleep(WATCH_EVERY_MS);
    } while (!isOver);
    await ending;
    return seen;
  }

  /** Every status for a while. */
  watchFor(ms: number): Promise<readonly Seen[]> {
    return this.watchUntil(sleep(ms));
  }
}
