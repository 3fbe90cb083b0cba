import { setTimeout as sleep } from 'node:timers/promises';
import sharp from 'sharp';
import { differenceOf } from '../plugins/obs/look-at-obs.ts';
import type { DaemonProcess } from './daemon-process.ts';
import { type Fact, percentile } from './harness.ts';
import { PreviewReader } from './preview-reader.ts';

/** How long a face must have been on before it is changed, in ms. */
const CALM_MS = 300;
/** A change that is not seen within this time counts as lost, in ms. */
const SEEN_DEADLINE_MS = 2_000;
const LEARN_MS = 1_500;
/** How long before its cause a swap is prepared, in ms. */
const BEFORE_MS = 40;
/** Both avatars that come with the program, in the order of their number keys. */
const AVATARS: readonly string[] = ['jonas', 'mira'];

/** Watches a daemon's preview, as any viewer gets it, for the other avatar. Needs a show without cross-fade. */
export class SwapWatch implements AsyncDisposable {
  readonly #daemon: DaemonProcess;
  readonly #preview: PreviewReader;
  readonly #looks = new Map<string, Buffer>();
  /** Whose face is on; the one learnt last at first. */
  #shownId = AVATARS[1]!;

  private constructor(daemon: DaemonProcess) {
    this.#daemon = daemon;
    this.#preview = new PreviewReader(daemon);
  }

  static async open(daemon: DaemonProcess): Promise<SwapWatch> {
    const watch = new SwapWatch(daemon);
    for (const id of AVATARS) {
      await daemon.run('avatar.use', { id });
      await sleep(LEARN_MS);
      watch.#looks.set(id, await shrink(watch.#preview.pictures.at(-1)!.jpeg));
    }
    return watch;
  }

  /**
   * Swaps to and fro, each time at another phase of the clocks.
   * @param cause swaps to the avatar with this number (from 1); the time counts from its call.
   * @param around what is done shortly before and after each, such as holding modifiers.
   * @returns milliseconds until the first picture that showed the other face; of swaps that were seen.
   */
  async watchSwaps(
    count: number,
    cause: (number: number) => unknown,
    around: { before?(): void; after?(number: number): void } = {},
  ): Promise<readonly number[]> {
    const { before, after } = around;
    const seenMs: number[] = [];
    for (let swap = 0; swap < count; swap++) {
      await sleep(CALM_MS + Math.random() * 80);
      const old = AVATARS.indexOf(this.#shownId);
      const next = 1 - old;
      before?.();
      if (before) await sleep(BEFORE_MS);
      const start = this.#preview.pictures.length;
      const causedMs = performance.now();
      void cause(next + 1);
      const seen = await this.#firstThatShows(start, AVATARS[old]!, AVATARS[next]!);
      after?.(next + 1);
      if (seen !== undefined) seenMs.push(seen - causedMs);
      this.#shownId = (await this.#daemon.status()).avatarId;
    }
    return seenMs;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#preview[Symbol.asyncDispose]();
  }

  async #firstThatShows(start: number, oldId: string, wantedId: string): Promise<number | undefined> {
    const [old, wanted] = [this.#looks.get(oldId)!, this.#looks.get(wantedId)!];
    const untilMs = performance.now() + SEEN_DEADLINE_MS;
    for (let next = start; performance.now() < untilMs; ) {
      const picture = this.#preview.pictures[next];
      if (!picture) {
        await sleep(4);
        continue;
      }
      const now = await shrink(picture.jpeg);
      if (differenceOf(now, wanted) < differenceOf(now, old)) return picture.atMs;
      next++;
    }
    return undefined;
  }
}

/** The figures of one door. */
export function describeSwaps(group: string, door: string, seenMs: readonly number[], count: number): Fact[] {
  const budget = 100;
  const lost: Fact = {
    group,
    name: `${door}, without effect`,
    value: count - seenMs.length,
    unit: 'frames',
    budget: 0,
  };
  if (seenMs.length === 0) return [lost];
  return [
    { group, name: `${door}, p50`, value: percentile([...seenMs], 0.5), unit: 'ms' },
    { group, name: `${door}, p95`, value: percentile([...seenMs], 0.95), unit: 'ms', budget },
    lost,
  ];
}

function shrink(jpeg: Buffer): Promise<Buffer> {
  return sharp(jpeg).resize(16, 9, { fit: 'fill' }).raw().toBuffer();
}
