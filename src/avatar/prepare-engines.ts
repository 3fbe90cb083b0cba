import type { PreparedFace } from '../api/avatar.ts';
import type { FaceEngine, PrepareRequest } from '../api/contributions.ts';
import type { EngineFiles } from './write-avatar.ts';

/** What one engine prepared: the version of its files' format, and the files by path. */
export type EngineResult = EngineFiles extends ReadonlyMap<string, infer Result> ? Result : never;

/** What an earlier run of the engines left. */
export interface EngineResults {
  find(id: string): Promise<EngineResult | undefined>;
  keep(id: string, result: EngineResult): Promise<void>;
}

/** What else {@link prepareEngines} is told. */
export interface PrepareEnginesOptions {
  /** Results of an earlier run; new ones are handed to it. */
  readonly store?: EngineResults | undefined;
  /** Engines that were asked for by name. */
  readonly wanted?: readonly string[] | undefined;
  /** Told what the person should know. */
  readonly onNote?: ((note: string) => void) | undefined;
}

/**
 * Lets every engine work out what it needs of an avatar.
 * @param onProgress told how much of all engines' work is done, 0 … 1: engines do not say it, but the frames they ask for do.
 * @throws the signal's reason when aborted, even where an engine does not listen to it.
 */
export async function prepareEngines(
  engines: ReadonlyMap<string, FaceEngine>,
  face: PreparedFace,
  signal: AbortSignal,
  onProgress: (fraction: number) => void,
  { store, wanted = [], onNote = () => {} }: PrepareEnginesOptions = {},
): Promise<EngineFiles> {
  const prepared = new Map<string, EngineResult>();
  let done = 0;
  for (const [id, engine] of engines) {
    onProgress(done / engines.size);
    const before = done;
    const watched: PreparedFace = {
      ...face,
      pixels: (frame) => {
        onProgress((before + frame / face.frameCount) / engines.size);
        return face.pixels(frame);
      },
    };
    const known = await store?.find(id);
    const request = { isWanted: wanted.includes(id), onNote };
    const result = known ?? (await runEngine(engine, watched, signal, request));
    if (result) prepared.set(id, result);
    if (result && !known) await store?.keep(id, result);
    done++;
  }
  return prepared;
}

/** An engine that does not listen to the signal must not hold up the person who pressed Ctrl-C. */
async function runEngine(
  engine: FaceEngine,
  face: PreparedFace,
  signal: AbortSignal,
  request: PrepareRequest,
): Promise<EngineResult | undefined> {
  const result = await Promise.race([engine.prepare?.(face, signal, request), abortOf(signal)]);
  signal.throwIfAborted();
  return result;
}

function abortOf(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}
