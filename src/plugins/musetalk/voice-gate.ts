import { type FrameIndex, SAMPLES_PER_FRAME, type Sound } from '../../api/media.ts';

/** Levels are of blocks of 20 ms: two periods of a deep voice, and a click fills two at the most. */
const BLOCK_SAMPLES = 320;
const BLOCKS_PER_FRAME = SAMPLES_PER_FRAME / BLOCK_SAMPLES;
/** Blocks of levels kept; more than a frame's past and look-ahead. */
const KEPT_BLOCKS = 256;
/** What digital silence counts as, in dBFS. */
const SILENCE_DB = -100;
/** Below this a microphone is muted or a file pauses: it says nothing about the room, in dBFS. */
const MUTED_DB = -85;

/** Nothing below this starts speech, in dBFS; what has started may get this quiet before it ends. */
const ON_LEAST_DB = -45;
const OFF_LEAST_DB = -50;
/** dB above the noise floor at which a block counts as speech, and under which it no longer does. */
const ON_ABOVE_DB = 8;
const OFF_ABOVE_DB = 5;
/** Blocks in a row that make speech: 60 ms. */
const ON_BLOCKS = 3;
/** Frames without speech before it counts as over: 240 ms, longer than the silence in a "t" or between words. */
const RELEASE_FRAMES = 6;
/** The gain in tenths: up within 2 frames, down within 5. */
const GAIN_FULL = 10;
const GAIN_UP = 5;
const GAIN_DOWN = 2;
/** dB from the end of speech to a mouth shown as wide open. */
const OPEN_DB = 30;

/** The noise floor is the quietest 60 ms of the last 2 s: nobody speaks for that long without a gap. */
const FLOOR_BLOCKS = 100;
const FLOOR_LEAST_DB = -65;
/** How fast it rises, in dB per block (10 dB a second), so that a long vowel is not taken for noise. */
const FLOOR_RISE_DB = 0.2;
/** Blocks of muted sound (0.5 s) after which the floor is judged anew: whatever was switched on is loud at once. */
const MUTED_BLOCKS = 25;
/** A beginning is judged by this many blocks after its first, cut one: noise keeps its level, and is not as loud as a voice. */
const JUDGED_BLOCKS = 4;
const STEADY_DB = 3;
const NOISE_MOST_DB = -30;
/** How far the floor of a beginning that is not steady lies under its quietest block. */
const UNSTEADY_DB = 10;

/** Whether somebody speaks in a frame. */
export interface Voice {
  /** From up to two frames before a voice sets in until 240 ms after it stopped. */
  readonly speaking: boolean;
  /** How much of the made mouth to show: 0 … 1, up within 2 frames, down within 5. */
  readonly gain: number;
  /** How loud the voice is, 0 … 1. */
  readonly openness: number;
}

const SILENT: Voice = { speaking: false, gain: 0, openness: 0 };

/**
 * Says of every frame whether somebody speaks, by level against an adaptive noise floor, with hysteresis. It looks ahead, so
 * that the gain is full when a voice sets in; a steady noise that starts with the sound is recognised within 100 ms, one
 * that starts later after 2 … 5 s.
 */
export class VoiceGate {
  readonly #blocksAhead: number;
  readonly #levels = new Float32Array(KEPT_BLOCKS);
  /** Blocks from `#firstBlock` up to this one are in `#levels`. */
  #levelsEnd = 0;
  #firstBlock = 0;
  /** The last frame judged; undefined before the first. */
  #frame: FrameIndex | undefined;
  #voice = SILENT;
  #quietFrames = RELEASE_FRAMES + 1;
  #gain = 0;

  readonly #floors = new Float32Array(FLOOR_BLOCKS);
  #floorDb = FLOOR_LEAST_DB;
  /** True at the start and after a mute, until the beginning of the next sound has been judged. */
  #isFresh = true;
  /** Where the judged sound begins: muted blocks before it are past. */
  #judgedBlock = Number.NEGATIVE_INFINITY;
  #mutedBlocks = 0;

  /** @param lookAheadSamples from a frame's first sample to where the sound that is told with it ends, at 16 kHz. */
  constructor(lookAheadSamples: number) {
    this.#blocksAhead = Math.max(BLOCKS_PER_FRAME, Math.floor(lookAheadSamples / BLOCK_SAMPLES));
  }

  /** Level of the steady noise, in dBFS. */
  get floorDb(): number {
    return this.#floorDb;
  }

  /** Forgets everything heard. */
  reset(): void {
    this.#frame = undefined;
    this.#floorDb = FLOOR_LEAST_DB;
    this.#isFresh = true;
    this.#begin(0);
  }

  /**
   * Judges a frame, and those left out since the last one as far as the sound reaches back: the answer is the same whether
   * they were asked for or not. Going back begins afresh, but for the noise floor.
   * @param sound around the frame; what is missing behind it is unknown, not silent
   */
  hear({ samples, start }: Pick<Sound, 'samples' | 'start'>, frame: FrameIndex): Voice {
    const isContinued = this.#frame !== undefined && frame >= this.#frame && start <= this.#levelsEnd * BLOCK_SAMPLES;
    if (!isContinued) this.#begin(Math.ceil(start / BLOCK_SAMPLES));
    const first = isContinued ? this.#frame! + 1 : Math.ceil(this.#firstBlock / BLOCKS_PER_FRAME);
    const soundEnd = Math.floor((start + samples.length) / BLOCK_SAMPLES);
    for (let next = first; next <= frame; next++) {
      const known = Math.min(next * BLOCKS_PER_FRAME + this.#blocksAhead, soundEnd);
      for (; this.#levelsEnd < known; this.#levelsEnd++)
        this.#levels[slot(this.#levelsEnd)] = levelDb(samples, this.#levelsEnd * BLOCK_SAMPLES - start);
      this.#judge(next * BLOCKS_PER_FRAME);
    }
    this.#frame = frame;
    return this.#voice;
  }

  #begin(block: number): void {
    this.#firstBlock = block;
    this.#levelsEnd = block;
    this.#judgedBlock = Number.NEGATIVE_INFINITY;
    this.#mutedBlocks = 0;
    this.#voice = SILENT;
    this.#quietFrames = RELEASE_FRAMES + 1;
    this.#gain = 0;
  }

  /** One frame: the noise, then the voice. @param block the frame's first. */
  #judge(block: number): void {
    this.#judgeBeginning(block);
    for (let own = block; own < block + BLOCKS_PER_FRAME; own++) this.#followFloor(own);
    const onDb = Math.max(ON_LEAST_DB, this.#floorDb + ON_ABOVE_DB);
    const offDb = Math.max(OFF_LEAST_DB, this.#floorDb + OFF_ABOVE_DB);
    const loudest = Math.max(this.#level(block), this.#level(block + 1));
    const isGoingOn = this.#quietFrames <= RELEASE_FRAMES && loudest >= offDb;
    this.#quietFrames = isGoingOn || (!this.#isFresh && this.#hasRun(block, onDb)) ? 0 : this.#quietFrames + 1;
    const speaking = this.#quietFrames <= RELEASE_FRAMES;
    this.#gain = speaking ? Math.min(GAIN_FULL, this.#gain + GAIN_UP) : Math.max(0, this.#gain - GAIN_DOWN);
    const gain = this.#gain / GAIN_FULL;
    this.#voice = { speaking, gain, openness: gain * Math.max(0, Math.min(1, (loudest - offDb) / OPEN_DB)) };
  }

  /** Whether 60 ms without a gap are loud, from about this block on. */
  #hasRun(block: number, onDb: number): boolean {
    let run = 0;
    for (let at = block - ON_BLOCKS + 1; at < this.#levelsEnd; at++) {
      run = this.#level(at) >= onDb ? run + 1 : 0;
      if (run >= ON_BLOCKS) return true;
    }
    return false;
  }

  /** After silence: whether what begins is noise, which is steady from its first moment, or a voice, which swells. */
  #judgeBeginning(block: number): void {
    if (!this.#isFresh) return;
    let first = block;
    while (first < this.#levelsEnd && this.#level(first) < MUTED_DB) first++;
    if (first + JUDGED_BLOCKS >= this.#levelsEnd) return;
    let least = 0;
    let most = SILENCE_DB;
    for (let at = first + 1; at <= first + JUDGED_BLOCKS; at++) {
      least = Math.min(least, this.#level(at));
      most = Math.max(most, this.#level(at));
    }
    this.#isFresh = false;
    this.#judgedBlock = first;
    this.#mutedBlocks = 0;
    const isNoise = most - least < STEADY_DB && most < NOISE_MOST_DB;
    this.#floorDb = Math.max(FLOOR_LEAST_DB, isNoise ? most : least - UNSTEADY_DB);
    this.#floors.fill(this.#floorDb);
  }

  #followFloor(block: number): void {
    if (this.#isFresh || block <= this.#judgedBlock) return;
    this.#mutedBlocks = this.#level(block) < MUTED_DB ? this.#mutedBlocks + 1 : 0;
    if (this.#mutedBlocks >= MUTED_BLOCKS) this.#isFresh = true;
    const quiet = Math.max(this.#level(block), this.#level(block - 1), this.#level(block - 2));
    this.#floors[modulo(block, FLOOR_BLOCKS)] = quiet;
    let least = 0;
    for (const level of this.#floors) if (level < least) least = level;
    this.#floorDb = Math.max(FLOOR_LEAST_DB, Math.min(least, this.#floorDb + FLOOR_RISE_DB));
  }

  #level(block: number): number {
    return block >= this.#firstBlock && block < this.#levelsEnd ? this.#levels[slot(block)]! : SILENCE_DB;
  }
}

/** Level of a block in dBFS (RMS), without the constant part: cheap microphones have one. */
function levelDb(samples: Float32Array, from: number): number {
  let sum = 0;
  let squares = 0;
  for (let i = from; i < from + BLOCK_SAMPLES; i++) {
    const sample = samples[i]!;
    sum += sample;
    squares += sample * sample;
  }
  const mean = sum / BLOCK_SAMPLES;
  const level = 10 * Math.log10(Math.max(0, squares / BLOCK_SAMPLES - mean * mean) + 1e-12);
  return level > SILENCE_DB ? level : SILENCE_DB;
}

function slot(block: number): number {
  return modulo(block, KEPT_BLOCKS);
}

function modulo(value: number, size: number): number {
  return ((value % size) + size) % size;
}
