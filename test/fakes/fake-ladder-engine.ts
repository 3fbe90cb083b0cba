import type { AvatarRef } from '../../src/api/avatar.ts';
import type { PoseRef, Sound, SoundContext } from '../../src/api/media.ts';
import type { EngineReport, EngineStatus } from '../../src/api/status.ts';
import { AppError } from '../../src/base/errors.ts';
import type { DrawnFace, HeardFace } from '../../src/live/face.ts';
import type { LadderEngine } from '../../src/live/ladder-rung.ts';

/** A face engine's host without a process: what it does is set by the test, what it was asked is written down. */
export class FakeLadderEngine implements LadderEngine {
  readonly engineId: string;
  context: SoundContext = { before: 0.1, after: 0.04 };
  state: EngineStatus['state'] = 'ready';
  detail: string | undefined;
  fix: string | undefined;
  report: EngineReport | undefined;
  hasFailedToOpen = false;
  ready: Promise<void> = Promise.resolve();
  /** It takes calls and answers none. */
  isDumb = false;
  /** Avatars that it refuses. */
  readonly refuses = new Set<string>();
  readonly resident = new Set<string>();
  /** Every sound it heard. */
  readonly sounds: Sound[] = [];
  /** Every frame it drew. */
  readonly drawn: number[] = [];
  /** A load that takes for ever. */
  isLoadingForEver = false;
  isClosed = false;

  constructor(engineId: string) {
    this.engineId = engineId;
  }

  get isAnswering(): boolean {
    return this.state === 'ready';
  }

  get status(): EngineStatus {
    const { engineId: id, state, detail, fix, report } = this;
    const words = detail ?? report?.detail;
    return {
      ...{ id, label: id, state: report?.keepsUp === false ? 'degraded' : state, restarts: 0 },
      ...(words === undefined ? {} : { detail: words }),
      ...(fix === undefined ? {} : { fix }),
      ...(report === undefined ? {} : { report }),
    };
  }

  holds(avatarId: string): boolean {
    return this.isAnswering && this.resident.has(avatarId);
  }

  refusalOf(avatarId: string): unknown {
    return this.refuses.has(avatarId) ? refusal(avatarId) : undefined;
  }

  async load({ id }: AvatarRef): Promise<void> {
    if (this.isLoadingForEver) return new Promise(() => {});
    if (this.refuses.has(id)) throw refusal(id);
    this.resident.add(id);
  }

  async unload(avatarId: string): Promise<void> {
    this.resident.delete(avatarId);
  }

  async hear(sound: Sound): Promise<HeardFace | undefined> {
    this.sounds.push(sound);
    if (!this.isAnswering || this.isDumb) return undefined;
    const shape = { speaking: true, openness: 0.5, width: 0, closure: 0, data: new Float32Array(1) };
    return { ...shape, frame: sound.frame, engineId: this.engineId };
  }

  async draw(heard: HeardFace, { avatarId }: PoseRef): Promise<DrawnFace | undefined> {
    if (!this.holds(avatarId) || this.isDumb) return undefined;
    if (heard.engineId !== this.engineId) throw new Error(`${this.engineId} was given what ${heard.engineId} heard`);
    this.drawn.push(heard.frame);
    return { patch: undefined };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.isClosed = true;
    this.state = 'off';
  }
}

function refusal(avatarId: string): AppError {
  return new AppError('AVATAR_BROKEN', `${avatarId} was not prepared for it`, { fix: `musecam prepare ${avatarId}` });
}
