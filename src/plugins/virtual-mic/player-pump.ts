import { DEVICE_RATE_HZ } from './own-modules.ts';
import { PlaybackClock } from './playback-clock.ts';
import { PLAYER_LATENCY_MS, type Player } from './player.ts';

/** How often sound is written, in ms. */
const EVERY_MS = 10;
/** How much sound is under way to the sink, in ms: more than the server needs, so that a late timer is not heard. */
const UNDERWAY_MS = PLAYER_LATENCY_MS + 30;
/** The least that is worth writing, in ms. */
const LEAST_MS = 5;
/** The sink hands its sound to listeners when it is mixed, so much before it says that it has been heard; measured. */
const EARLY_MS = 5;
/** Sound that arrives now is heard so much later, in ms: it waits for the next write, and then is under way. */
export const SOONEST_MS = EVERY_MS + UNDERWAY_MS;
const SAMPLES_PER_MS = DEVICE_RATE_HZ / 1000;

/** Keeps a player supplied: by the player's own clock, so that nothing piles up and nothing runs out. */
export class PlayerPump implements Disposable {
  readonly #player: Player;
  readonly #read: (out: Float32Array, heardAtMs: number) => void;
  readonly #clock = new PlaybackClock(performance.now());
  readonly #timer: NodeJS.Timeout;
  #written = 0;

  /** @param read fills a block with what is heard from `heardAtMs` on. */
  constructor(player: Player, read: (out: Float32Array, heardAtMs: number) => void) {
    this.#player = player;
    this.#read = read;
    this.#timer = setInterval(() => this.#supply(), EVERY_MS);
  }

  /** The player says how far it is, in ms. */
  notePlayed(playedMs: number): void {
    this.#clock.report(playedMs, performance.now());
  }

  /** The player had nothing to play, or goes on after that. */
  noteBreak(): void {
    this.#clock.forget();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #supply(): void {
    const nowMs = performance.now();
    const writtenMs = this.#written / SAMPLES_PER_MS;
    if (writtenMs < this.#clock.playedMs(nowMs)) this.#clock.ranDry(writtenMs, nowMs);
    const underwayMs = writtenMs - this.#clock.playedMs(nowMs);
    const dueMs = UNDERWAY_MS - underwayMs;
    if (dueMs < LEAST_MS) return;
    const block = new Float32Array(Math.round(dueMs * SAMPLES_PER_MS));
    this.#read(block, nowMs + underwayMs - EARLY_MS);
    this.#written += block.length;
    this.#player.write(block);
  }
}
