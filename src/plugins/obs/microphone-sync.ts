import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { FRAME_MS } from '../../api/media.ts';
import type { StatusFeed } from '../../api/plugin.ts';
import { AppError, messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { ObsCaller } from './connection.ts';
import { OBS_CODES, obsCodeOf } from './failures.ts';
import type { ObsEvent } from './session.ts';

/** How often the delay is looked at, in ms. */
const LOOK_EVERY_MS = 2_000;
/** OBS drops or repeats sound when an offset changes: so not for less than this, in ms, */
const LEAST_CHANGE_MS = 15;
/** and not more often than this, in ms. */
const LEAST_PAUSE_MS = 10_000;
/** A picture stands for one frame: seen as a whole it is half of that later than when it was handed over. */
const HELD_MS = FRAME_MS / 2;
/** What OBS takes. */
const OFFSET_LIMITS_MS = { min: -950, max: 20_000 } as const;

const fileSchema = z.object({ input: z.string(), beforeMs: z.number() });

/** What is kept across runs: whose offset is ours, and what it was before. */
type Kept = z.infer<typeof fileSchema>;

/** How OBS's microphone is doing. */
export interface MicrophoneReport {
  /** The input whose sync offset follows the picture; undefined for none. */
  readonly input?: string;
  /** What its offset is set to, in ms. */
  readonly offsetMs?: number;
  /** Inputs that could be chosen. */
  readonly inputs: readonly string[];
}

/** What it works with. */
export interface MicrophoneSyncOptions {
  readonly obs: ObsCaller & { readonly state: { readonly phase: string } };
  readonly status: StatusFeed;
  /** Where the choice is kept. */
  readonly file: string;
  /** What OBS's own handling makes the picture later, in ms. */
  readonly extraMs: number;
  readonly log: Log;
}

/**
 * Keeps the audio sync offset of one of OBS's inputs as long as the picture is late, for those whose voice goes into OBS by
 * a microphone of its own. What the offset was before comes back when MuseCam ends, or when another input is chosen.
 */
export class MicrophoneSync implements AsyncDisposable {
  readonly #options: MicrophoneSyncOptions;
  readonly #timer: NodeJS.Timeout;
  #kept: Kept | undefined;
  #offsetMs: number | undefined;
  #setAtMs = Number.NEGATIVE_INFINITY;
  #work: Promise<unknown> = Promise.resolve();

  private constructor(options: MicrophoneSyncOptions, kept: Kept | undefined) {
    this.#options = options;
    this.#kept = kept;
    this.#timer = setInterval(() => void this.#inTurn(() => this.#follow()).catch(() => {}), LOOK_EVERY_MS);
  }

  /** Goes on with what was chosen before; a file that is missing or cannot be understood counts as nothing. */
  static async open(options: MicrophoneSyncOptions): Promise<MicrophoneSync> {
    const text = await readFile(options.file, 'utf8').catch(() => '');
    return new MicrophoneSync(options, fileSchema.safeParse(parseJson(text)).data);
  }

  /** Chooses the input whose offset follows the picture. @throws AppError OBS_NO_SUCH_INPUT, or why OBS cannot be asked. */
  choose(input: string): Promise<MicrophoneReport> {
    return this.#inTurn(async () => {
      if (this.#kept?.input !== input) {
        const beforeMs = await this.#readOffset(input);
        await this.#giveBack();
        this.#kept = { input, beforeMs };
        await this.#save();
      }
      this.#setAtMs = Number.NEGATIVE_INFINITY;
      await this.#follow();
      return this.report();
    });
  }

  /** Leaves all inputs alone; the offset is as it was. */
  leave(): Promise<MicrophoneReport> {
    return this.#inTurn(async () => {
      await this.#giveBack();
      this.#kept = undefined;
      await this.#save();
      return this.report();
    });
  }

  /** Never throws: what cannot be had is left out. */
  async report(): Promise<MicrophoneReport> {
    const inputs = await this.#list().catch(() => []);
    const offset = this.#offsetMs === undefined ? {} : { offsetMs: this.#offsetMs };
    return { ...(this.#kept ? { input: this.#kept.input, ...offset } : {}), inputs };
  }

  /** Follows an input that was renamed, and forgets the offset of an OBS that may not be the same any more. */
  hear(event: ObsEvent): void {
    if (event.type === 'InputNameChanged' && this.#kept?.input === event.data.oldInputName) {
      this.#kept = { ...this.#kept, input: event.data.inputName };
      void this.#inTurn(() => this.#save()).catch((thrown) => this.#options.log.warn(messageOf(thrown)));
    }
    if (event.type === 'CurrentSceneCollectionChanged') this.#offsetMs = undefined;
  }

  /** OBS came, or came back: nothing is known of its offset. */
  forget(): void {
    this.#offsetMs = undefined;
    this.#setAtMs = Number.NEGATIVE_INFINITY;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#inTurn(() => this.#giveBack()).catch(() => {});
  }

  /** Sets the offset where the picture has become later or earlier by what can be noticed. */
  async #follow(): Promise<void> {
    const wantedMs = this.#wantedMs();
    if (!this.#kept || wantedMs === undefined || this.#options.obs.state.phase !== 'ready') return;
    const isClose = this.#offsetMs !== undefined && Math.abs(wantedMs - this.#offsetMs) < LEAST_CHANGE_MS;
    if (isClose || performance.now() - this.#setAtMs < LEAST_PAUSE_MS) return;
    await this.#setOffset(this.#kept.input, wantedMs);
    this.#offsetMs = wantedMs;
    this.#setAtMs = performance.now();
  }

  /** Undefined before the first picture. */
  #wantedMs(): number | undefined {
    const { p50Ms } = this.#options.status.current.latency;
    if (!(p50Ms > 0)) return undefined;
    const wantedMs = Math.round(p50Ms + HELD_MS + this.#options.extraMs);
    return Math.max(OFFSET_LIMITS_MS.min, Math.min(OFFSET_LIMITS_MS.max, wantedMs));
  }

  async #giveBack(): Promise<void> {
    if (!this.#kept || this.#options.obs.state.phase !== 'ready') return;
    this.#offsetMs = undefined;
    await this.#setOffset(this.#kept.input, this.#kept.beforeMs).catch((thrown) => {
      // An input that is gone has no offset.
      if (obsCodeOf(thrown) !== OBS_CODES.noSuchSource) throw thrown;
    });
  }

  async #readOffset(inputName: string): Promise<number> {
    try {
      return (await this.#options.obs.call('GetInputAudioSyncOffset', { inputName })).inputAudioSyncOffset;
    } catch (thrown) {
      const code = obsCodeOf(thrown);
      if (code !== OBS_CODES.noSuchSource && code !== OBS_CODES.notAvailable) throw thrown;
      const inputs = await this.#list();
      throw new AppError('OBS_NO_SUCH_INPUT', `OBS has no input "${inputName}" with sound.`, {
        fix:
          inputs.length > 0
            ? `Use one of: ${inputs.join(', ')}`
            : 'Add a microphone in OBS: Sources → + → Audio Input Capture',
        cause: thrown,
      });
    }
  }

  async #setOffset(inputName: string, inputAudioSyncOffset: number): Promise<void> {
    await this.#options.obs.call('SetInputAudioSyncOffset', { inputName, inputAudioSyncOffset });
  }

  /** Microphones first: the ones in OBS's settings, then those in scenes. */
  async #list(): Promise<readonly string[]> {
    const [special, { inputs }] = await Promise.all([
      this.#options.obs.call('GetSpecialInputs'),
      this.#options.obs.call('GetInputList'),
    ]);
    const { mic1, mic2, mic3, mic4 } = special as unknown as Record<string, string | null>;
    const captures = inputs
      .filter(({ unversionedInputKind }) => /input_capture$/.test(String(unversionedInputKind)))
      .map(({ inputName }) => String(inputName));
    return [...new Set([mic1, mic2, mic3, mic4, ...captures].filter((name): name is string => Boolean(name)))];
  }

  async #save(): Promise<void> {
    const { file } = this.#options;
    if (!this.#kept) return rm(file, { force: true });
    await mkdir(dirname(file), { recursive: true });
    await writeFile(`${file}.new`, JSON.stringify(this.#kept));
    await rename(`${file}.new`, file);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#work.catch(() => {}).then(work);
    this.#work = mine.catch(() => {});
    return mine;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
