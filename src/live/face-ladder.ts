import type { AvatarRef } from '../api/avatar.ts';
import { type PoseRef, SAMPLE_RATE_HZ, SAMPLES_PER_FRAME, type Sound, type SoundContext } from '../api/media.ts';
import type { EngineStatus } from '../api/status.ts';
import type { DrawnFace, Face, HeardFace } from './face.ts';
import { type LadderEngine, type Reason, Rung } from './ladder-rung.ts';

/** Frames drawn before the show counts as running: what cannot be opened at all has said so by then. */
const SETTLED_AFTER_FRAMES = 50;
/** How long a swap waits for the better engines to make an avatar resident, in ms; until they have, the last one draws it. */
const LOAD_PATIENCE_MS = 5000;
const NO_CONTEXT: SoundContext = { before: 0, after: 0 };

/**
 * Several face engines, the best first, that draw as one. Each frame goes to the best engine that is open, answers, keeps up
 * and holds the avatar; otherwise to the next; when there is none the avatar is at rest. An engine that lost the face gets it
 * back only after it has been fine for a while. The last engine is the one a show can count on.
 */
export class FaceLadder implements Face, AsyncDisposable {
  readonly #rungs: readonly Rung[];
  readonly #now: () => number;
  /** The engine that draws. */
  #present: Rung | undefined;
  /** The avatar that was wanted last. */
  #avatarId = '';
  /** Engines before this place are left out, as somebody wished. */
  #first = 0;
  #frames = 0;
  /** What was asked of the tape since the show is running: never less again. */
  #settled: SoundContext | undefined;

  /** @param engines the best first; owned from now on. @param now a clock in ms. */
  constructor(engines: readonly LadderEngine[], now: () => number = () => performance.now()) {
    this.#rungs = engines.map((engine) => new Rung(engine));
    this.#now = now;
  }

  /**
   * The most that any engine needs, whichever draws: so the delay does not jump when another takes over. An engine that
   * could not be opened by the time the show is running does not count; one that is opened later and needs more raises it.
   */
  get context(): SoundContext {
    const counted = this.#rungs.filter(({ engine }) => !engine.hasFailedToOpen).map(({ context }) => context);
    const all = this.#settled ? [this.#settled, ...counted] : counted;
    const most = (pick: (context: SoundContext) => number) => Math.max(...[NO_CONTEXT, ...all].map(pick));
    return { before: most(({ before }) => before), after: most(({ after }) => after) };
  }

  /** Resolves when the first engine has opened; rejects with the last one's error when none could be. */
  get ready(): Promise<void> {
    const all = this.#rungs.map(({ engine }) => engine.ready);
    return Promise.any(all).catch(() => all.at(-1));
  }

  /** The engine that draws, with why a better one does not. */
  get status(): EngineStatus {
    const at = this.#drawingAt();
    const { status, isAnswering } = this.#rungs[at]!.engine;
    const own = isAnswering || !status.detail ? status : atRest(status);
    const reason = at > 0 ? this.#whyNot(0) : undefined;
    if (!reason) return own;
    const isFine = own.state === 'ready';
    return { ...own, ...(isFine && reason.isFault ? { state: 'degraded' } : {}), ...join(own, reason) };
  }

  /** All engines, the best first; those that are better than the one that draws say why they do not. */
  get statuses(): readonly EngineStatus[] {
    const drawingAt = this.#drawingAt();
    return this.#rungs.map(({ engine }, at) => {
      const { status } = engine;
      if (at >= drawingAt || !engine.isAnswering || status.state !== 'ready') return status;
      const { detail, fix, isFault } = this.#whyNot(at);
      const words = detail.replace(`${status.label}: `, '');
      return { ...status, state: isFault ? 'degraded' : 'ready', detail: words, ...(fix === undefined ? {} : { fix }) };
    });
  }

  /**
   * Leaves out what is better than this engine; undefined, or one that is not here: nothing. What is left out stays open, so
   * that it can come back at once.
   */
  startFrom(engineId: string | undefined): void {
    this.#first = Math.max(
      0,
      this.#rungs.findIndex(({ engine }) => engine.engineId === engineId),
    );
  }

  /**
   * Makes an avatar resident in all engines. One that a better engine refuses is drawn by the next.
   * @throws AppError when the last engine cannot use it.
   */
  async load(avatar: AvatarRef): Promise<void> {
    const loading = this.#rungs.map(({ engine }) => engine.load(avatar));
    const better = Promise.allSettled(loading.slice(0, -1));
    await loading.at(-1);
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise((resolve) => {
      timer = setTimeout(resolve, LOAD_PATIENCE_MS);
    });
    await Promise.race([better, patience]);
    clearTimeout(timer);
  }

  /** Gives an avatar's memory back. */
  async unload(avatarId: string): Promise<void> {
    await Promise.all(this.#rungs.map(({ engine }) => engine.unload(avatarId)));
  }

  async hear(sound: Sound, avatarId: string): Promise<HeardFace | undefined> {
    for (const rung of this.#choose(avatarId)) {
      const heard = await rung.engine.hear(cut(sound, rung.context));
      if (heard) return heard;
      rung.note(false, this.#now());
    }
    return undefined;
  }

  /** By the engine that heard the frame, even if another one has taken over meanwhile. */
  async draw(heard: HeardFace, pose: PoseRef): Promise<DrawnFace | undefined> {
    const rung = this.#rungs.find(({ engine }) => engine.engineId === heard.engineId);
    const drawn = await rung?.engine.draw(heard, pose);
    if (rung?.engine.holds(pose.avatarId)) rung.note(drawn !== undefined, this.#now());
    if (drawn) this.#frames++;
    if (this.#frames >= SETTLED_AFTER_FRAMES) this.#settled = this.context;
    return drawn;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#rungs.map(({ engine }) => engine[Symbol.asyncDispose]()));
  }

  /** Engines to ask for a frame of this avatar, in this order. The first of them draws from now on. */
  #choose(avatarId: string): readonly Rung[] {
    const nowMs = this.#now();
    this.#avatarId = avatarId;
    for (const rung of this.#rungs) rung.look(nowMs);
    const fine = this.#rungs.slice(this.#first).filter(({ isFine }) => isFine);
    const able = fine.filter(({ engine }) => engine.holds(avatarId));
    // None holds it: it is at rest for now, but what is heard still tells who speaks.
    if (able.length === 0) return fine;
    const best = able.find((rung) => rung.mayDraw(nowMs)) ?? able[0]!;
    if (best !== this.#present) this.#present?.standDown();
    this.#present = best;
    best.takeOver(nowMs);
    return able.slice(able.indexOf(best));
  }

  /** Place of the engine that draws; of the last one while none does. */
  #drawingAt(): number {
    const at = this.#present ? this.#rungs.indexOf(this.#present) : -1;
    return at >= this.#first && this.#present?.engine.isAnswering ? at : this.#rungs.length - 1;
  }

  #whyNot(at: number): Reason {
    const rung = this.#rungs[at]!;
    const { label } = rung.engine.status;
    if (at < this.#first) return { detail: `${label}: left out, as asked`, isFault: false };
    return rung.whyNot(this.#avatarId);
  }
}

function atRest(status: EngineStatus): EngineStatus {
  return status.state === 'starting' ? status : { ...status, detail: `${status.detail}; the avatar is shown at rest` };
}

function join(own: EngineStatus, reason: Reason): Pick<EngineStatus, 'detail' | 'fix'> {
  const fix = own.fix ?? reason.fix;
  return {
    detail: own.detail ? `${own.detail}. ${reason.detail}` : reason.detail,
    ...(fix === undefined ? {} : { fix }),
  };
}

/** The part of a sound that an engine asked for: engines hear the same, whatever the others need. */
function cut(sound: Sound, { before, after }: SoundContext): Sound {
  const own = sound.frame * SAMPLES_PER_FRAME;
  const start = Math.max(sound.start, own - Math.round(before * SAMPLE_RATE_HZ));
  const end = own + SAMPLES_PER_FRAME + Math.round(after * SAMPLE_RATE_HZ);
  return { ...sound, start, samples: sound.samples.slice(start - sound.start, end - sound.start) };
}
