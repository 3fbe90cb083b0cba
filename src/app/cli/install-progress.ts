import type { InstallOptions } from '../../plugins/musetalk/install.ts';
import { openProgress } from './terminal.ts';

type InstallProgress = Parameters<InstallOptions['onProgress']>[0];

/** Speed is measured over the last so many ms, and shown after the first second. */
const WINDOW_MS = 10_000;
const FIRST_MS = 1000;
/** Nothing is read or fetched in pieces as large as this: it was there before. */
const LEAP_BYTES = 4_000_000;
/** A bar counts in steps of a thousandth. */
const STEPS = 1000;

/** A bar for each step of an installation, with bytes, speed and the time it still takes. Dispose to end the last one. */
export class InstallBars implements Disposable {
  readonly #isLocal: boolean;
  #bar: ReturnType<typeof openProgress> | undefined;
  #label = '';
  #pace = new Pace();

  /** @param isLocal the weights are read from a folder of the user's instead of fetched. */
  constructor(isLocal: boolean) {
    this.#isLocal = isLocal;
  }

  show(progress: InstallProgress): void {
    const label = this.#labelOf(progress);
    if (label !== this.#label) {
      this[Symbol.dispose]();
      this.#label = label;
      this.#bar = openProgress(label, { hasOwnTime: true });
      this.#pace = new Pace();
    }
    const { done, total } = progress;
    this.#pace.add(done, total);
    this.#bar?.update(Math.floor((done / Math.max(total, Number.EPSILON)) * STEPS), STEPS, this.#noteOf(progress));
  }

  [Symbol.dispose](): void {
    this.#bar?.[Symbol.dispose]();
    this.#bar = undefined;
  }

  #labelOf({ step, total }: InstallProgress): string {
    if (step === 'fetch') return this.#isLocal ? 'Reading   ' : 'Fetching  ';
    if (step === 'convert') return 'Converting';
    // The reference face is two runs of a network; hashing is bytes.
    return total <= 2 ? 'Trying    ' : 'Checking  ';
  }

  #noteOf({ step, title, done, total }: InstallProgress): string {
    const left = this.#pace.secondsLeft(total);
    const time = left === undefined || done >= total ? '' : `, ${formatSeconds(left)} left`;
    if (step === 'convert' || total <= 2) return `${title}${time}`;
    const speed = this.#pace.perSecond();
    const rate = speed === undefined ? '' : `, ${formatBytes(speed)}/s`;
    return `${formatBytes(done)} of ${formatBytes(total)}${rate}${time}`;
  }
}

/** How fast something gets on now: what is there from an earlier run does not count as speed. */
class Pace {
  #samples: { readonly ms: number; readonly done: number }[] = [];
  #total = 0;

  add(done: number, total: number): void {
    const ms = performance.now();
    const step = done - (this.#samples.at(-1)?.done ?? done);
    if (total !== this.#total || step > LEAP_BYTES) this.#samples = [];
    this.#total = total;
    this.#samples.push({ ms, done });
    while (this.#samples.length > 2 && this.#samples[0]!.ms < ms - WINDOW_MS) this.#samples.shift();
  }

  /** Undefined until it can be told. */
  perSecond(): number | undefined {
    const [first, last] = [this.#samples[0]!, this.#samples.at(-1)!];
    const ms = last.ms - first.ms;
    return ms < FIRST_MS || last.done <= first.done ? undefined : ((last.done - first.done) / ms) * 1000;
  }

  secondsLeft(total: number): number | undefined {
    const speed = this.perSecond();
    return speed === undefined ? undefined : (total - this.#samples.at(-1)!.done) / speed;
  }
}

/** `3.4 GB`, `151 MB`, `12 kB`. */
export function formatBytes(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`;
  if (bytes >= 1e7) return `${Math.round(bytes / 1e6)} MB`;
  return bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.round(bytes / 1e3)} kB`;
}

/** `40 s`, `3 min 5 s`, `1 h 20 min`. */
export function formatSeconds(seconds: number): string {
  const whole = Math.max(1, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes} min ${whole % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
