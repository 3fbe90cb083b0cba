import type { SoundContext } from '../api/media.ts';
import { AppError, messageOf } from '../base/errors.ts';
import type { FaceHost } from './face-host.ts';

/** What a ladder needs of an engine's host. */
export type LadderEngine = Pick<
  FaceHost,
  'engineId' | 'context' | 'hasFailedToOpen' | 'isAnswering' | 'status' | 'ready' | 'holds' | 'refusalOf'
> &
  Pick<FaceHost, 'load' | 'unload' | 'hear' | 'draw'> &
  AsyncDisposable;

/** Why an engine does not draw: in words, and what to do about it. */
export interface Reason {
  readonly detail: string;
  readonly fix?: string;
  /** Something is wrong. Otherwise it is only a matter of time, or as somebody wished. */
  readonly isFault: boolean;
}

/** An engine must have been fine for this long before it takes the face back from a lesser one. */
const REGAIN_MS = 3000;
/** One that loses the face again and again waits longer and longer, up to this. */
const LONGEST_REGAIN_MS = 60_000;
/** An engine that has drawn for this long without a fall is trusted again. */
const TRUSTED_AFTER_MS = 60_000;
/** So many frames in a row without an answer and the next engine takes over: one spike costs one frame, not the face. */
const MISSES_ALLOWED = 2;

/** One engine of a ladder, and for how long it has been fine. */
export class Rung {
  readonly engine: LadderEngine;
  /** Undefined: it is not. */
  #fineSinceMs: number | undefined;
  /** When it took the face over; undefined while it does not draw. */
  #tookOverMs: number | undefined;
  #regainMs = REGAIN_MS;
  #misses = 0;

  constructor(engine: LadderEngine) {
    this.engine = engine;
  }

  get isFine(): boolean {
    return this.#fineSinceMs !== undefined;
  }

  get context(): SoundContext {
    return this.engine.context;
  }

  /** Looks how the engine is at this moment. */
  look(nowMs: number): void {
    const isFine = this.engine.isAnswering && this.engine.status.report?.keepsUp !== false;
    if (!isFine) this.#fall(nowMs, undefined);
    else this.#fineSinceMs ??= nowMs;
  }

  /** Whether it may take the face: it draws already, or has been fine for long enough. */
  mayDraw(nowMs: number): boolean {
    if (this.#fineSinceMs === undefined) return false;
    return this.#tookOverMs !== undefined || nowMs - this.#fineSinceMs >= this.#regainMs;
  }

  /** It draws from now on. */
  takeOver(nowMs: number): void {
    this.#tookOverMs ??= nowMs;
  }

  /** Another one draws from now on. */
  standDown(): void {
    this.#tookOverMs = undefined;
  }

  /** Notes whether a frame was answered; too many that were not and it loses the face. */
  note(isAnswered: boolean, nowMs: number): void {
    this.#misses = isAnswered ? 0 : this.#misses + 1;
    if (this.#misses > MISSES_ALLOWED) this.#fall(nowMs, nowMs);
  }

  /** Why it does not draw this avatar although it stands higher than the one that does. */
  whyNot(avatarId: string): Reason {
    const { engine } = this;
    const { label, detail, fix, report, state } = engine.status;
    const because = (words: string, way: string | undefined, isFault = true): Reason => ({
      detail: `${label}: ${words}`,
      ...(way === undefined ? {} : { fix: way }),
      isFault,
    });
    if (!engine.isAnswering) return because(detail ?? state, fix, state !== 'starting');
    if (report?.keepsUp === false) return because(report.detail, report.fix);
    const refusal = engine.refusalOf(avatarId);
    if (refusal) return because(messageOf(refusal), refusal instanceof AppError ? refusal.fix : undefined);
    if (!engine.holds(avatarId)) return because('is getting this avatar ready', undefined, false);
    return because('takes over as soon as it has been well for a while', undefined, false);
  }

  #fall(nowMs: number, fineSinceMs: number | undefined): void {
    if (this.#tookOverMs !== undefined) {
      const isTrusted = nowMs - this.#tookOverMs > TRUSTED_AFTER_MS;
      this.#regainMs = isTrusted ? REGAIN_MS : Math.min(LONGEST_REGAIN_MS, 2 * this.#regainMs);
    }
    this.#tookOverMs = undefined;
    this.#fineSinceMs = fineSinceMs;
    this.#misses = 0;
  }
}
