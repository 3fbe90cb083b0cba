import { FRAME_MS } from '../../api/media.ts';

/** What is given up, step by step, where the GPU does not make 25 faces a second. */
export type Rung =
  /** The VAE's decoder, every frame. */
  | 'full'
  /** TAESD's decoder, every frame. */
  | 'tiny'
  /** A face for every second frame, the one between is the mean of its neighbours. */
  | 'half';

/** Share of a frame's time that making a face may take on average: the rest is for hearing, hiccups and other programs. */
const FULL_SHARE = 0.85;
/** Above this share it is too slow. */
const SLOW_SHARE = 0.95;
/** Over how many frames times are looked at: two seconds. */
const WINDOW_FRAMES = 50;
/** How long a change waits for a pause of the voice, in frames; much too slow does not wait. */
const PATIENCE_FRAMES = 50;
const URGENT_SHARE = 1.5;
/** A better step is tried after this many frames with room for it, doubled each time it did not hold. */
const CLIMB_AFTER_FRAMES = 200;
const LONGEST_CLIMB_FRAMES = 6000;

/** What the steps are and what they cost. */
export interface QualityLadderOptions {
  /** Milliseconds a face takes by the decoder that makes it, as measured at the start. */
  readonly faceMs: { readonly full: number; readonly tiny?: number | undefined };
  /** Budget of a frame in ms; tests change it. */
  readonly frameMs?: number;
}

/**
 * Which quality the GPU holds: begins where the measurement at the start says, steps down when frames take too long and
 * up again when there is room, at a pause of the voice where one comes in time. What is below the last step (another
 * engine) is the show's business: {@link QualityLadder.keepsUp}.
 */
export class QualityLadder {
  readonly #costMs: ReadonlyMap<Rung, number>;
  readonly #rungs: readonly Rung[];
  readonly #frameMs: number;
  readonly #times: number[] = [];
  #at: number;
  #waited = 0;
  #roomFor = 0;
  #climbAfter = CLIMB_AFTER_FRAMES;
  #sinceClimb = Number.POSITIVE_INFINITY;
  #keepsUp = true;

  constructor({ faceMs, frameMs = FRAME_MS }: QualityLadderOptions) {
    this.#frameMs = frameMs;
    const costs: [Rung, number][] = [['full', faceMs.full]];
    if (faceMs.tiny !== undefined && faceMs.tiny < faceMs.full) costs.push(['tiny', faceMs.tiny]);
    costs.push(['half', costs.at(-1)![1] / 2]);
    this.#costMs = new Map(costs);
    this.#rungs = costs.map(([rung]) => rung);
    const first = this.#rungs.findIndex((rung) => this.#costOf(rung) <= FULL_SHARE * frameMs);
    this.#at = first < 0 ? this.#rungs.length - 1 : first;
    this.#keepsUp = this.#costOf(this.rung) <= SLOW_SHARE * frameMs;
  }

  get rung(): Rung {
    return this.#rungs[this.#at]!;
  }

  /** Which decoder makes the faces of this step. */
  get decoder(): 'full' | 'tiny' {
    return this.rung === 'tiny' || (this.rung === 'half' && this.#costMs.has('tiny')) ? 'tiny' : 'full';
  }

  /** Whether the last step holds. */
  get keepsUp(): boolean {
    return this.#keepsUp;
  }

  /**
   * Notes a frame. @param tookMs of it; undefined when nobody spoke and nothing was made.
   * @param isHidden no face is seen: a change now is seen by nobody.
   * @returns whether the step changed.
   */
  record(tookMs: number | undefined, isHidden: boolean): boolean {
    if (tookMs !== undefined) this.#times.push(tookMs);
    if (this.#times.length > WINDOW_FRAMES) this.#times.shift();
    this.#sinceClimb++;
    if (this.#times.length < WINDOW_FRAMES) return false;
    const meanMs = this.#times.reduce((sum, ms) => sum + ms, 0) / this.#times.length;
    if (meanMs > SLOW_SHARE * this.#frameMs) return this.#stepDown(meanMs, isHidden);
    this.#keepsUp = true;
    this.#waited = 0;
    return this.#stepUp(meanMs, isHidden);
  }

  /** What a trial face took while another engine draws: back in when it would hold. */
  probe(tookMs: number): void {
    const share = this.rung === 'half' ? 0.5 : 1;
    this.#keepsUp = tookMs * share <= FULL_SHARE * this.#frameMs;
    this.#times.length = 0;
  }

  #costOf(rung: Rung): number {
    return this.#costMs.get(rung)!;
  }

  #stepDown(meanMs: number, isHidden: boolean): boolean {
    this.#roomFor = 0;
    if (this.#at === this.#rungs.length - 1) {
      this.#keepsUp = false;
      return false;
    }
    this.#waited++;
    const isUrgent = meanMs > URGENT_SHARE * this.#frameMs;
    if (!isHidden && !isUrgent && this.#waited < PATIENCE_FRAMES) return false;
    // One that was just tried again did not hold: longer until the next try.
    if (this.#sinceClimb < CLIMB_AFTER_FRAMES) this.#climbAfter = Math.min(LONGEST_CLIMB_FRAMES, this.#climbAfter * 2);
    this.#move(1);
    return true;
  }

  #stepUp(meanMs: number, isHidden: boolean): boolean {
    const above = this.#rungs[this.#at - 1];
    if (!above) return false;
    const expectedMs = meanMs * (this.#costOf(above) / this.#costOf(this.rung));
    this.#roomFor = expectedMs <= FULL_SHARE * this.#frameMs && meanMs > 0 ? this.#roomFor + 1 : 0;
    if (this.#roomFor < this.#climbAfter || !isHidden) return false;
    this.#move(-1);
    this.#sinceClimb = 0;
    return true;
  }

  #move(by: 1 | -1): void {
    this.#at += by;
    this.#times.length = 0;
    this.#waited = 0;
    this.#roomFor = 0;
  }
}
