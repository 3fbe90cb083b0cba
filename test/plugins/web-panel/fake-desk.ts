import { join } from 'node:path';
import type { PreparationDesk, PreparationDetails } from '../../../src/api/plugin.ts';
import type { PreparationStatus } from '../../../src/api/status.ts';
import { AppError } from '../../../src/base/errors.ts';

/** A desk that takes everything in, keeps it in memory, and prepares only what the test says. */
export class FakeDesk implements PreparationDesk {
  /** What was handed in whole, in order. */
  readonly taken: { readonly details: PreparationDetails; readonly body: Buffer }[] = [];
  /** Why uploads did not arrive, in order. */
  readonly failures: unknown[] = [];
  /** Thrown when the first bytes of the next uploads are there. */
  refusal: AppError | undefined;
  /** While true the show's status says nothing new of it. */
  isQuiet = false;
  /** Where `ada.png` and `bo.png` stand for the pictures of every job. */
  pictureFolder = '';
  readonly #say: (preparations: readonly PreparationStatus[]) => void;
  #jobs: readonly PreparationStatus[] = [];
  #count = 0;

  constructor(say: (preparations: readonly PreparationStatus[]) => void) {
    this.#say = say;
  }

  async take(details: PreparationDetails, body: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<string> {
    const id = `job${++this.#count}`;
    const { fileName, avatarId, name } = details;
    this.put({ id, fileName, avatarId, name, state: 'uploading', step: 'Uploading', fraction: 0 });
    try {
      const pieces: Uint8Array[] = [];
      let received = 0;
      for await (const piece of body) {
        signal.throwIfAborted();
        if (this.refusal) throw this.refusal;
        pieces.push(piece);
        received += piece.length;
        this.change(id, { fraction: received / details.bytes });
      }
      this.taken.push({ details, body: Buffer.concat(pieces) });
      this.change(id, { state: 'preparing', step: 'Waiting for its turn', fraction: 0 });
      return id;
    } catch (thrown) {
      this.failures.push(thrown);
      this.remove(id);
      throw thrown;
    }
  }

  picture(jobId: string, which: 'preview' | 'sheet'): string | undefined {
    const isReady = this.#jobs.some((job) => job.id === jobId && job.state === 'ready');
    return isReady ? join(this.pictureFolder, which === 'preview' ? 'ada.png' : 'bo.png') : undefined;
  }

  /** Lays a job on the desk. */
  put(job: PreparationStatus): void {
    this.#tell([...this.#jobs, job]);
  }

  /** Moves a job on. */
  change(id: string, change: Partial<PreparationStatus>): void {
    this.#tell(this.#jobs.map((job) => (job.id === id ? { ...job, ...change } : job)));
  }

  /** Takes a job off the desk. */
  remove(id: string): PreparationStatus {
    const job = this.#jobs.find((one) => one.id === id);
    if (!job) throw new AppError('NO_SUCH_PREPARATION', `There is no preparation ${id}.`);
    this.#tell(this.#jobs.filter((one) => one !== job));
    return job;
  }

  #tell(jobs: readonly PreparationStatus[]): void {
    this.#jobs = jobs;
    if (!this.isQuiet) this.#say(jobs);
  }
}
