import type { HealthReport, OpenVideoOutput, VideoOutputOptions } from '../../api/contributions.ts';
import type { VideoFrame } from '../../api/media.ts';
import { AppError, messageOf } from '../../base/errors.ts';
import { RELOAD_FIX } from './failures.ts';
import { Session, type SessionOptions } from './session.ts';

/** Sizes that Firefox (libwebrtc's fixed list) offers of a camera; others it does not show. */
const FIREFOX_SIZES = new Set(
  ['128x96', '160x120', '176x144', '320x240', '352x288', '640x480', '704x576', '800x600', '960x720'].concat([
    '1024x768',
    '1280x720',
    '1440x1080',
    '1920x1080',
  ]),
);

/** After how long a lost device is tried again, in ms; twice as long each time, up to the longest. */
const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 4000;

/** What a {@link VirtualCamera} needs besides its session. */
export interface VirtualCameraOptions {
  readonly label: string;
  /** What to open, again and again if need be. The device of an automatic choice may have moved to another number. */
  readonly find: () => Promise<SessionOptions>;
  readonly output: Pick<VideoOutputOptions, 'log' | 'onHealth'>;
  /** After how long a lost device is first tried again, in ms. */
  readonly retryMs?: number;
}

/**
 * The open virtual camera. A device that fails while live is reported as failed, pictures are let go, and it is tried
 * again, less and less often, until it takes pictures, in the same format, so that a call that still has it open goes on.
 */
export class VirtualCamera implements OpenVideoOutput {
  readonly label: string;
  readonly wantsSound = false;
  readonly #options: VirtualCameraOptions;
  #session: Session | undefined;
  #writing: Promise<void> | undefined;
  #isProven = false;
  #retry: NodeJS.Timeout | undefined;
  #retryMs: number;
  #repairing: Promise<void> | undefined;
  #isClosed = false;

  private constructor(options: VirtualCameraOptions, session: Session) {
    this.label = options.label;
    this.#options = options;
    this.#session = session;
    this.#retryMs = options.retryMs ?? FIRST_RETRY_MS;
  }

  /** @throws AppError V4L2_… when the device cannot be written to now. */
  static async open(options: VirtualCameraOptions, signal: AbortSignal): Promise<VirtualCamera> {
    signal.throwIfAborted();
    const session = await Session.open(await options.find());
    if (signal.aborted) {
      await session[Symbol.asyncDispose]();
      signal.throwIfAborted();
    }
    return new VirtualCamera(options, session);
  }

  get readBack(): readonly string[] | undefined {
    return this.#session && ['-f', 'v4l2', '-i', this.#session.path];
  }

  /** Resolves when the kernel has copied the picture; at once while the device is away. */
  async send(frame: VideoFrame): Promise<void> {
    const session = this.#session;
    if (!session || this.#isClosed) return;
    this.#writing = this.#write(session, frame);
    await this.#writing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    await this.#writing;
    await this.#repairing;
    const session = this.#session;
    this.#session = undefined;
    await session?.[Symbol.asyncDispose]();
  }

  async #write(session: Session, frame: VideoFrame): Promise<void> {
    try {
      const isWritten = await session.write(frame);
      if (isWritten && !this.#isProven) {
        this.#isProven = true;
        // Not before: a device that opens and then takes nothing must not be opened four times a second.
        this.#retryMs = this.#options.retryMs ?? FIRST_RETRY_MS;
        this.#options.output.onHealth(describeHealth(session, frame));
      }
    } catch (thrown) {
      await this.#lose(session, thrown);
    }
  }

  async #lose(session: Session, thrown: unknown): Promise<void> {
    if (this.#session !== session) return;
    this.#session = undefined;
    this.#isProven = false;
    await session[Symbol.asyncDispose]().catch(() => {});
    this.#options.output.log.warn(`lost ${this.label}, trying again`, { reason: messageOf(thrown) });
    this.#reportFailure(thrown);
    this.#scheduleRepair();
  }

  #scheduleRepair(): void {
    if (this.#isClosed) return;
    this.#retry = setTimeout(() => {
      this.#repairing = this.#repair();
    }, this.#retryMs);
    this.#retry.unref();
    this.#retryMs = Math.min(2 * this.#retryMs, LONGEST_RETRY_MS);
  }

  async #repair(): Promise<void> {
    try {
      const session = await Session.open(await this.#options.find());
      this.#session = session;
      this.#options.output.log.info(`${this.label} is back`);
      if (!this.#isClosed) this.#options.output.onHealth({ state: 'ready' });
    } catch (thrown) {
      this.#reportFailure(thrown);
      this.#scheduleRepair();
    }
  }

  #reportFailure(thrown: unknown): void {
    if (this.#isClosed) return;
    const fix = thrown instanceof AppError ? thrown.fix : undefined;
    this.#options.output.onHealth({
      state: 'failed',
      detail: messageOf(thrown),
      ...(fix === undefined ? {} : { fix }),
    });
  }
}

/** What to say once a first picture has gone through. */
function describeHealth(session: Session, frame: VideoFrame): HealthReport {
  if (!session.looksLikeCamera()) {
    return {
      state: 'degraded',
      detail: 'the module was loaded without exclusive_caps=1: Chrome and what is built on it will not list the camera',
      fix: RELOAD_FIX,
    };
  }
  const size = `${frame.width}x${frame.height}`;
  return FIREFOX_SIZES.has(size)
    ? { state: 'ready' }
    : { state: 'ready', detail: `Firefox offers no camera of ${size}` };
}
