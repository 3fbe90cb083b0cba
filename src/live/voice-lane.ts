import type { HealthReport, OpenAudioOutput } from '../api/contributions.ts';
import { type AudioChunk, FRAME_MS } from '../api/media.ts';
import type { AudioOutputStatus } from '../api/status.ts';
import type { Event } from '../base/event.ts';
import { DriftMeter } from './drift-meter.ts';
import type { Stopwatch } from './meter.ts';

/** How often the sound is told how late the picture is, in ms. */
const FOLLOW_EVERY_MS = 250;
/** How many pictures tell it: the last 0.6 s. With ten seconds, the voice was as late as the picture had been five before. */
const FOLLOWED_PICTURES = 15;
/** How often the drift is noted, in turns of following: once a second. */
const DRIFT_EVERY = 4;
/** A picture stands for one frame: seen as a whole it is half of that later than when it appeared. */
const HELD_MS = FRAME_MS / 2;

/** What a voice lane looks at. */
export interface VoiceSource {
  readonly onDidHear: Event<AudioChunk>;
  /** How late the picture is, measured. */
  readonly latency: Stopwatch;
}

/** The voice's way out: hands the input's sound to one output and keeps it told how late the picture is. */
export class VoiceLane implements AsyncDisposable {
  readonly #id: string;
  readonly #output: OpenAudioOutput;
  readonly #latency: Stopwatch;
  readonly #hearing: Disposable;
  readonly #following: NodeJS.Timeout;
  readonly #drift = new DriftMeter();
  #turns = 0;
  #health: HealthReport = { state: 'ready' };

  constructor(id: string, output: OpenAudioOutput, { onDidHear, latency }: VoiceSource) {
    this.#id = id;
    this.#output = output;
    this.#latency = latency;
    this.#hearing = onDidHear((chunk) => output.hear(chunk));
    this.#follow();
    this.#following = setInterval(() => this.#follow(), FOLLOW_EVERY_MS);
  }

  get status(): AudioOutputStatus {
    const { label } = this.#output;
    const link = { id: this.#id, label, ...this.#health };
    if (this.#output.delayMs === undefined) return link;
    const delayMs = round(this.#output.delayMs);
    const picture = this.#pictureMs();
    if (picture === undefined) return { ...link, delayMs };
    const offsetMs = round(delayMs - picture);
    const told = { ...link, detail: this.#health.detail ?? describe(delayMs, offsetMs), delayMs, offsetMs };
    const drift = this.#drift.perHour;
    return drift === undefined ? told : { ...told, driftMsPerHour: round(drift) };
  }

  /** Command that records the voice; undefined where there is none. */
  get readBack(): readonly string[] | undefined {
    return this.#output.readBack;
  }

  /** Silence at once, also in place of what is under way; or sound again. */
  setSilent(isSilent: boolean): void {
    this.#output.setSilent?.(isSilent);
  }

  /** What the output says of itself; keeps the newest. */
  reportHealth(report: HealthReport): void {
    this.#health = report;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#following);
    this.#hearing[Symbol.dispose]();
    await this.#output[Symbol.asyncDispose]();
  }

  #follow(): void {
    const picture = this.#pictureMs();
    if (picture === undefined) return;
    this.#output.setDelay(picture);
    const { delayMs } = this.#output;
    const isDriftDue = this.#turns++ % DRIFT_EVERY === 0;
    if (delayMs !== undefined && isDriftDue) this.#drift.record(performance.now(), delayMs - picture);
  }

  /** How long after its sound a picture is seen, in ms; undefined before the first. */
  #pictureMs(): number | undefined {
    const medianMs = this.#latency.medianOfLast(FOLLOWED_PICTURES);
    return medianMs > 0 ? medianMs + HELD_MS : undefined;
  }
}

function describe(delayMs: number, offsetMs: number): string {
  const off = Math.round(Math.abs(offsetMs));
  const place = off < 5 ? 'in step with the picture' : `${off} ms ${offsetMs > 0 ? 'after' : 'before'} the picture`;
  return `The voice, ${Math.round(delayMs)} ms late, ${place}`;
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
