import { SAMPLE_RATE_HZ, SAMPLES_PER_FRAME, type Seconds, type Sound, type SoundContext } from '../../api/media.ts';
import { MelTape } from '../../media/mel-tape.ts';
import {
  WHISPER_BANDS,
  WHISPER_HALF_WINDOW_SAMPLES,
  WHISPER_HOP_SAMPLES,
  WHISPER_SEGMENT_SAMPLES,
  whisperMel30,
} from '../../media/whisper-mel.ts';
import {
  copyWindow,
  countTokens,
  firstTokenOf,
  SEGMENT_TOKENS,
  TOKENS_PER_FRAME,
  tokenLength,
  WINDOW_TOKENS,
} from './audio-window.ts';
import { type Voice, VoiceGate } from './voice-gate.ts';

/** Runs Whisper's encoder: mel Float32 [80, melFrames] to states Float32 [melFrames / 2, 5, channels]. */
export type EncodeMel = (graph: 'live' | 'parity', mel: Float32Array) => Promise<Float32Array>;

/** How to hear. */
export interface EarsOptions {
  /** `live`: a short window, a moment later. `parity`: segments of 30 s as upstream has them, off line. */
  readonly mode: 'live' | 'parity';
  /** Frames made per run. */
  readonly hop: 1 | 2;
  /** Tokens (20 ms) of right context beyond the last one used, 0 … 4; 2 by default. */
  readonly rightTokens?: number;
  /** Width of Whisper's states: 384. */
  readonly channels: number;
  readonly encode: EncodeMel;
  /** Mel frames of the live network's window, even; 200 by default. */
  readonly melFrames?: number;
  /** False to have every frame made, silent or not: gain is always 1. True by default. */
  readonly gate?: boolean;
}

/** What was heard in one frame, or in two. */
export interface HeardFrame extends Voice {
  /** Of the second frame, where two were asked for. */
  readonly second?: Voice;
  /**
   * Float32 [count, 50, channels] for the frames `frame` … `frame + count - 1`, time-major (5 · time + state), without
   * positional encoding. Undefined when every gain is 0: nothing was encoded.
   */
  readonly tokens: Float32Array | undefined;
}

/** Mel frames per token. */
const MEL_PER_TOKEN = 2;
const USUAL_RIGHT_TOKENS = 2;
const USUAL_MEL_FRAMES = 200;
/** Sound before the live window, so that some frames may be left out without a gap. */
const SPARE_SECONDS = 0.3;
/** Where two frames meet two segments: the second frame of one begins within it and hears all of the one before, or behind. */
const PARITY_SECONDS = 30 + 2 / 25;
const SEGMENTS_KEPT = 2;

/**
 * Samples from a frame's first one to the end of a live window in which `rightTokens` tokens follow the last one it uses.
 * Token t needs mel frames up to 2t + 1 (one more at the window's end is the network's zero padding, which is why right
 * context helps), and mel frame m samples up to 160 m + 199.
 */
function liveReachSamples(rightTokens: number): number {
  const lastToken = firstTokenOf(0) + WINDOW_TOKENS - 1 + rightTokens;
  const lastMel = MEL_PER_TOKEN * lastToken + MEL_PER_TOKEN - 1;
  return lastMel * WHISPER_HOP_SAMPLES + WHISPER_HALF_WINDOW_SAMPLES;
}

/**
 * MuseTalk's hearing: sound around a frame to the tokens its mouth is made from. In silence nothing is encoded.
 * What it does before it waits for the network happens in the order of the calls, so calls may overlap.
 */
export class Ears {
  /** The sound that {@link Ears.hear} wants. Live: 122.5 ms after the frame with the usual options, one hop. */
  readonly context: SoundContext;
  readonly #options: EarsOptions;
  readonly #melFrames: number;
  readonly #gate: VoiceGate;
  readonly #tape = new MelTape();
  readonly #segments = new Map<number, Promise<Float32Array>>();

  constructor(options: EarsOptions) {
    const { mode, hop, rightTokens = USUAL_RIGHT_TOKENS, melFrames = USUAL_MEL_FRAMES } = options;
    this.#options = options;
    this.#melFrames = melFrames;
    const reachSamples = liveReachSamples(rightTokens);
    const windowSamples = melFrames * WHISPER_HOP_SAMPLES + 2 * WHISPER_HALF_WINDOW_SAMPLES;
    const hopSamples = (hop - 1) * SAMPLES_PER_FRAME;
    this.#gate = new VoiceGate(reachSamples);
    const live = {
      before: (windowSamples - reachSamples) / SAMPLE_RATE_HZ + SPARE_SECONDS,
      after: (reachSamples + hopSamples - SAMPLES_PER_FRAME) / SAMPLE_RATE_HZ,
    };
    this.context = mode === 'live' ? live : { before: PARITY_SECONDS, after: PARITY_SECONDS };
  }

  /** How long after a frame's first sample the last sound it is made from comes, in a live run of `hop` frames. */
  get lookAhead(): Seconds {
    return this.context.after + SAMPLES_PER_FRAME / SAMPLE_RATE_HZ;
  }

  /**
   * Hears a frame, or two at once. Frames may be left out; after going back, {@link Ears.reset} is due if it is other sound.
   * @param sound around the first frame, as {@link Ears.context} asks; where it ends earlier, what is missing is unknown
   * @param count one hop by default. Two frames with a hop of one have less right context, not more sound. None: whether
   * somebody speaks, for a frame whose tokens came with the one before.
   */
  async hear(sound: Sound, count: 0 | 1 | 2 = this.#options.hop): Promise<HeardFrame> {
    const voices = this.#judge(sound, Math.max(1, count));
    const isHeard = count > 0 && voices.some(({ gain }) => gain > 0);
    const tokens =
      this.#options.mode === 'live' ? this.#hearLive(sound, count, isHeard) : this.#hearParity(sound, count, isHeard);
    const [first, second] = voices;
    return { ...first!, ...(second ? { second } : {}), tokens: await tokens };
  }

  /** Forgets everything heard. */
  reset(): void {
    this.#gate.reset();
    this.#tape.reset();
    this.#segments.clear();
  }

  #judge(sound: Sound, count: number): readonly Voice[] {
    const isGated = this.#options.gate ?? true;
    return Array.from({ length: count }, (_, i) => {
      const voice = this.#gate.hear(sound, sound.frame + i);
      return isGated ? voice : { ...voice, gain: 1 };
    });
  }

  /** The newest window there is, encoded; silence is written down, too, as the past of what follows. */
  async #hearLive(sound: Sound, count: number, isHeard: boolean): Promise<Float32Array | undefined> {
    const { channels, encode } = this.#options;
    this.#tape.hear(sound.samples, sound.start);
    if (!isHeard) return undefined;
    const end = sound.start + sound.samples.length;
    const known = Math.floor((end - WHISPER_HALF_WINDOW_SAMPLES) / WHISPER_HOP_SAMPLES) + 1;
    const newest = Math.floor(known / MEL_PER_TOKEN) - this.#melFrames / MEL_PER_TOKEN;
    // Much more sound than asked for must not push the frame's own tokens out.
    const first = Math.min(newest, firstTokenOf(sound.frame));
    // Not reused: the network may still be reading the last one.
    const mel = new Float32Array(WHISPER_BANDS * this.#melFrames);
    this.#tape.read(first * MEL_PER_TOKEN, this.#melFrames, this.#tape.peak, mel);
    const states = await encode('live', mel);
    const until = first + this.#melFrames / MEL_PER_TOKEN;
    const length = WINDOW_TOKENS * tokenLength(channels);
    const out = new Float32Array(count * length);
    for (let i = 0; i < count; i++) {
      // Without enough sound the last frame hears a little early rather than nothing.
      const token = Math.min(firstTokenOf(sound.frame + i), until - WINDOW_TOKENS);
      copyWindow({ states, first, until, channels }, token, out, i * length);
    }
    return out;
  }

  async #hearParity(sound: Sound, count: number, isHeard: boolean): Promise<Float32Array | undefined> {
    if (!isHeard) return undefined;
    const { channels } = this.#options;
    const firstToken = firstTokenOf(sound.frame);
    const lastToken = firstToken + WINDOW_TOKENS - 1 + TOKENS_PER_FRAME * (count - 1);
    const end = sound.endsAt === undefined ? Number.POSITIVE_INFINITY : countTokens(sound.endsAt);
    const from = Math.floor(Math.max(0, firstToken) / SEGMENT_TOKENS);
    const to = Math.floor(Math.min(lastToken, end - 1) / SEGMENT_TOKENS);
    const wanted: { number: number; states: Promise<Float32Array> }[] = [];
    for (let number = from; number <= to; number++) wanted.push({ number, states: this.#segment(number, sound) });
    const length = WINDOW_TOKENS * tokenLength(channels);
    const out = new Float32Array(count * length);
    for (const { number, states } of wanted) {
      const first = number * SEGMENT_TOKENS;
      const run = { states: await states, first, until: Math.min(end, first + SEGMENT_TOKENS), channels };
      for (let i = 0; i < count; i++) copyWindow(run, firstTokenOf(sound.frame + i), out, i * length);
    }
    return out;
  }

  /** A segment's states: encoded when first wanted. */
  #segment(number: number, sound: Sound): Promise<Float32Array> {
    const known = this.#segments.get(number);
    if (known) return known;
    const segment = new Float32Array(WHISPER_SEGMENT_SAMPLES);
    const from = number * WHISPER_SEGMENT_SAMPLES - sound.start;
    const end = (sound.endsAt ?? Number.POSITIVE_INFINITY) - sound.start;
    const until = Math.max(0, Math.min(from + WHISPER_SEGMENT_SAMPLES, end));
    segment.set(sound.samples.subarray(Math.max(0, from), until), Math.max(0, -from));
    const mel = whisperMel30(segment);
    const states = this.#options.encode('parity', mel);
    for (const oldest of this.#segments.keys()) {
      if (this.#segments.size < SEGMENTS_KEPT) break;
      this.#segments.delete(oldest);
    }
    this.#segments.set(number, states);
    // What failed is tried again; whoever waits learns of it.
    states.catch(() => this.#segments.get(number) === states && this.#segments.delete(number));
    return states;
  }
}
