import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { AvatarManifest } from '../api/avatar.ts';
import type { PreparationDesk, PreparationDetails } from '../api/plugin.ts';
import type { PreparationStatus } from '../api/status.ts';
import { checkAvatar } from '../avatar/check-avatar.ts';
import type { AvatarEntry } from '../avatar/library.ts';
import { anySignal } from '../base/any-signal.ts';
import { AppError, messageOf } from '../base/errors.ts';
import { Emitter } from '../base/event.ts';
import type { Log } from '../base/log.ts';
import type { Paths } from '../base/paths.ts';
import { userAvatarsFolder } from './open-library.ts';
import { checkDetails, cleanFileName, idTaken } from './preparation-details.ts';
import { clearLeftovers, jobFolderName, moveAvatar, readReport } from './preparation-folders.ts';
import { diskFull, realDisk, receiveUpload, type UploadDisk } from './receive-upload.ts';
import { createPreparationRunner, type PreparationRunner } from './run-preparation.ts';

/** What the desk works with. */
export interface PreparationsOptions {
  readonly paths: Paths;
  readonly log: Log;
  /** Tells which ids are taken, and by whom. */
  readonly library: { list(): Promise<readonly Pick<AvatarEntry, 'id' | 'isShipped'>[]> };
  /** Largest file that is taken, in bytes. Default 2 GB. */
  readonly maxBytes?: number;
  /** Tests bring their own. */
  readonly run?: PreparationRunner;
  readonly disk?: UploadDisk;
}

const DEFAULT_MAX_BYTES = 2_000_000_000;
/** What stays free beside the file itself: room for the avatar and for the work on it. */
const SPARE_BYTES = 256_000_000;
/** Jobs that may lie on the desk at a time, whatever their state. */
const MAX_JOBS = 8;

interface Job {
  readonly id: string;
  readonly details: PreparationDetails;
  readonly folder: string;
  /** Aborts with the reason when the job is discarded. */
  readonly abort: AbortController;
  /** Settles when nothing of it runs any more. Never rejects. */
  work: Promise<unknown>;
  state: PreparationStatus['state'];
  progress: { readonly step: string; readonly fraction: number; readonly secondsLeft?: number };
  outcome: Pick<PreparationStatus, 'report' | 'error'>;
  manifest: AvatarManifest | undefined;
}

/**
 * The desk where photos and clips are handed in to become avatars: each is written into a folder of its own under the
 * data folder, prepared there by a process of its own (one at a time), and lies ready until somebody accepts or discards
 * it. Nothing of it is an avatar before it was accepted; all of it is gone when the show ends.
 */
export class Preparations implements PreparationDesk, AsyncDisposable {
  readonly #options: PreparationsOptions;
  readonly #folder: string;
  readonly #disk: UploadDisk;
  readonly #run: PreparationRunner;
  readonly #jobs = new Map<string, Job>();
  /** Ids that uploads have spoken for before they are jobs, and what they will bring, in bytes. */
  readonly #claims = new Map<string, number>();
  readonly #changed = new Emitter<void>();
  readonly #closing = new AbortController();
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(options: PreparationsOptions) {
    this.#options = options;
    this.#folder = join(options.paths.data, 'uploads');
    this.#disk = options.disk ?? realDisk;
    this.#run = options.run ?? createPreparationRunner();
  }

  /** Opens the desk and clears away what shows that were killed have left. */
  static async open(options: PreparationsOptions): Promise<Preparations> {
    const desk = new Preparations(options);
    await clearLeftovers(desk.#folder).catch((thrown) =>
      options.log.warn(`${desk.#folder} could not be cleared: ${messageOf(thrown)}`),
    );
    return desk;
  }

  /** Fired whenever {@link status} says something else. */
  readonly onDidChange = this.#changed.event;

  /** Largest file that is taken, in bytes. */
  get maxBytes(): number {
    return this.#options.maxBytes ?? DEFAULT_MAX_BYTES;
  }

  /** Every job, in the order they were handed in. */
  get status(): readonly PreparationStatus[] {
    return [...this.#jobs.values()].map(({ id, details, state, progress, outcome }) => ({
      id,
      fileName: details.fileName,
      avatarId: details.avatarId,
      name: details.name,
      state,
      ...progress,
      ...outcome,
    }));
  }

  async take(given: PreparationDetails, body: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<string> {
    const details = { ...given, name: given.name.trim(), fileName: cleanFileName(given.fileName) };
    checkDetails(details, this.maxBytes);
    this.#checkRoom(details);
    this.#claims.set(details.avatarId, details.bytes);
    try {
      await this.#checkFree(details);
      const job = this.#addJob(details);
      await this.#receive(job, body, signal);
      job.work = this.#prepare(job);
      return job.id;
    } finally {
      this.#claims.delete(details.avatarId);
    }
  }

  picture(jobId: string, which: 'preview' | 'sheet'): string | undefined {
    const job = this.#jobs.get(jobId);
    const path = job?.state === 'ready' ? job.manifest?.[which]?.path : undefined;
    return job && path ? join(stagedFolder(job), path) : undefined;
  }

  /**
   * Checks a prepared avatar once more and moves it to the user's avatars. @returns its id.
   * @throws AppError NO_SUCH_PREPARATION, PREPARATION_NOT_READY, AVATAR_BROKEN, AVATAR_EXISTS, DISK_FULL.
   */
  async accept(jobId: string): Promise<string> {
    const job = this.#find(jobId);
    const { avatarId } = job.details;
    if (job.state !== 'ready') {
      throw new AppError('PREPARATION_NOT_READY', `${job.details.name} is not ready: ${job.progress.step}`, {
        fix: 'Wait until it is prepared.',
      });
    }
    const { problems } = await checkAvatar(stagedFolder(job));
    if (problems[0]) {
      const { message, fix } = problems[0];
      throw new AppError('AVATAR_BROKEN', `The prepared avatar did not pass its checks: ${message}`, { fix });
    }
    await moveAvatar(stagedFolder(job), join(userAvatarsFolder(this.#options.paths), avatarId));
    await this.#remove(job);
    return avatarId;
  }

  /** Ends whatever is being done for a job and removes everything of it. @throws AppError NO_SUCH_PREPARATION. */
  async discard(jobId: string): Promise<void> {
    const job = this.#find(jobId);
    job.abort.abort(new AppError('INTERRUPTED', `${job.details.name} was discarded.`));
    await job.work;
    await this.#remove(job);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new AppError('INTERRUPTED', 'The show has ended.'));
    const jobs = [...this.#jobs.values()];
    await Promise.all(jobs.map((job) => job.work));
    for (const job of jobs) await this.#remove(job);
  }

  #find(jobId: string): Job {
    const job = this.#jobs.get(jobId);
    if (job) return job;
    throw new AppError('NO_SUCH_PREPARATION', `There is no preparation ${jobId.slice(0, 80)}.`, {
      fix: 'It was accepted or discarded meanwhile; see the avatars: musecam avatars list',
    });
  }

  /** What can be said without looking at the disk. @throws AppError AVATAR_EXISTS, PREPARATIONS_FULL. */
  #checkRoom({ avatarId }: PreparationDetails): void {
    const isTaken =
      this.#claims.has(avatarId) || [...this.#jobs.values()].some((job) => job.details.avatarId === avatarId);
    if (isTaken) throw idTaken(`"${avatarId}" is being prepared already.`, avatarId);
    this.#closing.signal.throwIfAborted();
    const isUploading = (job: Job) => this.#claims.has(job.details.avatarId);
    const lying = [...this.#jobs.values()].filter((job) => !isUploading(job));
    if (this.#claims.size + lying.length < MAX_JOBS) return;
    throw new AppError('PREPARATIONS_FULL', `${MAX_JOBS} photos and clips are waiting already.`, {
      fix: 'Accept or discard some of them first.',
    });
  }

  /** @throws AppError AVATAR_EXISTS, DISK_FULL. */
  async #checkFree({ avatarId }: PreparationDetails): Promise<void> {
    const other = (await this.#options.library.list()).find(({ id }) => id === avatarId);
    if (other?.isShipped) throw idTaken(`"${avatarId}" is the id of an avatar that comes with MuseCam.`, avatarId);
    if (other) throw idTaken(`There is an avatar "${avatarId}" already.`, avatarId);
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const expected = [...this.#claims.values()].reduce((sum, bytes) => sum + bytes, 0);
    if ((await this.#disk.freeBytes(this.#folder)) < expected + SPARE_BYTES) throw diskFull(this.#folder);
  }

  #addJob(details: PreparationDetails): Job {
    const id = randomBytes(8).toString('hex');
    const job: Job = {
      id,
      details,
      folder: join(this.#folder, jobFolderName(id)),
      abort: new AbortController(),
      work: Promise.resolve(),
      state: 'uploading',
      progress: { step: 'Uploading', fraction: 0 },
      outcome: {},
      manifest: undefined,
    };
    this.#jobs.set(id, job);
    this.#changed.fire();
    return job;
  }

  /** A job whose file did not come whole is none. */
  async #receive(job: Job, body: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    const { bytes } = job.details;
    const startedMs = performance.now();
    const receiving = receiveUpload({
      path: join(job.folder, 'source'),
      bytes,
      body,
      disk: this.#disk,
      signal: anySignal(signal, job.abort.signal, this.#closing.signal),
      onBytes: (received) => {
        this.#claims.set(job.details.avatarId, bytes - received);
        const secondsLeft = ((performance.now() - startedMs) / 1000) * (bytes / received - 1);
        this.#tell(job, { step: 'Uploading', fraction: received / bytes, secondsLeft });
      },
    });
    job.work = receiving.catch(() => {});
    try {
      await receiving;
    } catch (thrown) {
      await this.#remove(job);
      throw thrown;
    }
  }

  /** Waits for its turn, then prepares. Never rejects: what goes wrong is the job's outcome. */
  async #prepare(job: Job): Promise<void> {
    job.state = 'preparing';
    this.#tell(job, { step: 'Waiting for its turn', fraction: 0 });
    const signal = anySignal(job.abort.signal, this.#closing.signal);
    const before = this.#turn;
    const { promise, resolve: leave } = createPromise();
    this.#turn = before.then(() => promise);
    // Who is called off while waiting does not wait on.
    const calledOff = createPromise();
    signal.addEventListener('abort', calledOff.resolve, { once: true });
    await Promise.race([before, calledOff.promise]);
    if (!signal.aborted) await this.#runNow(job, signal);
    leave();
  }

  async #runNow(job: Job, signal: AbortSignal): Promise<void> {
    const { avatarId, name, depicts, consent } = job.details;
    const source = join(job.folder, 'source');
    try {
      const request = { source, avatarId, name, depicts, consent, into: join(job.folder, 'ready') };
      this.#tell(job, { step: 'Starting', fraction: 0 });
      await this.#run(request, (progress) => this.#tell(job, progress), signal);
      await rm(source, { force: true });
      const { ok, problems, manifest } = await checkAvatar(stagedFolder(job));
      if (!ok || !manifest) throw new AppError('AVATAR_BROKEN', problems[0]?.message ?? 'The avatar is broken.');
      job.manifest = manifest;
      job.outcome = await readReport(stagedFolder(job), manifest);
      job.state = 'ready';
      this.#tell(job, { step: 'Ready', fraction: 1 });
    } catch (thrown) {
      if (signal.aborted) return;
      this.#options.log.warn(`${avatarId} could not be prepared: ${messageOf(thrown)}`);
      job.outcome = { error: errorOf(thrown, (text) => text.replaceAll(source, job.details.fileName)) };
      await rm(job.folder, { recursive: true, force: true }).catch(() => {});
      job.state = 'failed';
      this.#tell(job, { step: 'Failed', fraction: 0 });
    }
  }

  #tell(job: Job, progress: Job['progress']): void {
    job.progress = progress;
    this.#changed.fire();
  }

  async #remove(job: Job): Promise<void> {
    this.#jobs.delete(job.id);
    this.#changed.fire();
    await rm(job.folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** `Promise.withResolvers`, which Node 20 does not have. */
function createPromise(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

function stagedFolder({ folder, details }: Job): string {
  return join(folder, 'ready', details.avatarId);
}

/** @param name puts the name that the person knows in place of our path. */
function errorOf(thrown: unknown, name: (text: string) => string): NonNullable<PreparationStatus['error']> {
  if (!(thrown instanceof AppError)) return { code: 'PREPARATION_FAILED', message: name(messageOf(thrown)) };
  const { code, message, fix } = thrown;
  return { code, message: name(message), ...(fix ? { fix: name(fix) } : {}) };
}
