import type { AvatarRef } from '../../api/avatar.ts';
import type { FaceEngineOptions, OpenFaceEngine } from '../../api/contributions.ts';
import type { FacePatch, FrameIndex, Heard, PoseRef, Sound, SoundContext } from '../../api/media.ts';
import { poseIndexAt } from '../../avatar/pose-index.ts';
import { AppError } from '../../base/errors.ts';
import { describeCandidate } from './choose-provider.ts';
import type { Ears } from './ears.ts';
import type { FaceNetworks } from './face-networks.ts';
import { FaceStore } from './face-store.ts';
import { checkInput } from './numeric-check.ts';
import type { QualityLadder, Rung } from './quality-ladder.ts';
import { disposeLatents, type FaceShot, type Resident } from './resident.ts';
import type { MusetalkSettings } from './settings.ts';

/** Frames over which the step from one quality to another fades. */
const FADE_FRAMES = 3;
/** While another engine draws: how often it is tried whether this one would keep up again, in ms. */
const PROBE_EVERY_MS = 10_000;
/** What to do where it is too slow. */
const FREE_THE_GPU = 'Close other programs that use the GPU, or use the embedded engine: --engine puppet';
const NEEDS_GPU =
  'Live, MuseTalk needs a graphics card (docs/gpu.md); without one use the embedded engine: --engine puppet';
/** What people are told of a step. */
const RUNG_WORDS: Readonly<Record<Rung, string>> = {
  full: '',
  tiny: ', small decoder',
  half: ', a face for every second frame',
};

/** What the engine is made of; tests make their own. */
export interface MusetalkParts {
  readonly ears: Pick<Ears, 'context' | 'hear'>;
  readonly networks: Pick<FaceNetworks, 'make' | 'provider' | 'precision' | 'attention' | 'channels' | 'bytes'>;
  readonly ladder: QualityLadder;
  /** Makes an avatar resident. */
  readonly open: (ref: AvatarRef, gpuBytesLeft: number) => Promise<Resident>;
  readonly settings: MusetalkSettings;
  readonly options: Pick<FaceEngineOptions, 'isLive' | 'onReport' | 'log'>;
  /** Networks and whatever else is to be closed with the engine. */
  readonly owned: AsyncDisposable;
}

interface ResidentAvatar {
  readonly ref: AvatarRef;
  readonly resident: Resident;
  /** Body frames that are shown as they are: there is no face in them to start from. */
  readonly passthrough: ReadonlySet<number>;
}

/**
 * MuseTalk, live. `hear` turns sound into audio tokens, `draw` turns tokens and a frame's latents into a face and puts it
 * into that frame. In silence nothing runs and the avatar's own face is shown.
 */
export class MusetalkEngine implements OpenFaceEngine {
  readonly #parts: MusetalkParts;
  readonly #residents = new Map<string, ResidentAvatar>();
  /** Audio tokens of frames that were heard and not drawn yet. */
  readonly #tokens = new Map<FrameIndex, Float32Array>();
  readonly #faces = new FaceStore();
  #fadeFrom: FaceShot | undefined;
  #fadeLeft = 0;
  #probe: NodeJS.Timeout | undefined;
  #isProbing = false;

  constructor(parts: MusetalkParts) {
    this.#parts = parts;
    this.#report();
  }

  get context(): SoundContext {
    return this.#parts.ears.context;
  }

  async load(ref: AvatarRef): Promise<void> {
    const { settings, open } = this.#parts;
    const used = [...this.#residents.values()]
      .filter(({ resident }) => resident.place === 'gpu')
      .reduce((sum, { resident }) => sum + resident.bytes, 0);
    const resident = await open(ref, settings.gpuBytes - used);
    await this.#warmUp(resident);
    await this.unload(ref.id);
    this.#residents.set(ref.id, { ref, resident, passthrough: new Set(ref.manifest.passthrough) });
    this.#report();
  }

  async unload(avatarId: string): Promise<void> {
    const known = this.#residents.get(avatarId);
    if (!known) return;
    this.#residents.delete(avatarId);
    await known.resident[Symbol.asyncDispose]();
    this.#report();
  }

  async hear(sound: Sound): Promise<Heard> {
    const { frame } = sound;
    const count = this.#tokens.has(frame) ? 0 : this.#isPair(frame) ? 2 : 1;
    const heard = await this.#parts.ears.hear(sound, count);
    for (const old of this.#tokens.keys()) if (Math.abs(old - frame) > 8) this.#tokens.delete(old);
    const each = heard.tokens ? heard.tokens.length / Math.max(1, count) : 0;
    for (let at = 0; heard.tokens && at < count; at++) {
      this.#tokens.set(frame + at, heard.tokens.subarray(at * each, (at + 1) * each));
    }
    const { speaking, openness, gain } = heard;
    return { frame, speaking, openness, width: 0, closure: 0, data: Float32Array.of(gain) };
  }

  async draw(heard: Heard, pose: PoseRef): Promise<FacePatch | undefined> {
    const known = this.#residents.get(pose.avatarId);
    if (!known) {
      throw new AppError('AVATAR_NOT_LOADED', `MuseTalk does not hold the avatar "${pose.avatarId}".`, {
        fix: `musecam avatars use ${pose.avatarId}`,
      });
    }
    const gain = heard.data[0] ?? 0;
    if (gain <= 0) return this.#rest();
    const startMs = performance.now();
    const shown = await this.#faceFor(known, pose);
    if (!shown) return undefined;
    const { rect, data } = await known.resident.paint({ index: pose.index, gain, ...this.#faded(shown) });
    this.#faces.forgetBefore(pose.frame - 1);
    this.#note(performance.now() - startMs, false);
    return { frame: pose.frame, avatarId: pose.avatarId, rect, format: 'i420', size: rect, data };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#probe);
    this.#faces[Symbol.dispose]();
    for (const id of [...this.#residents.keys()]) await this.unload(id);
    await this.#parts.owned[Symbol.asyncDispose]();
  }

  /** Nobody speaks: nothing runs, and a change of quality now is seen by nobody. */
  #rest(): undefined {
    this.#faces[Symbol.dispose]();
    this.#fadeFrom = undefined;
    this.#note(undefined, true);
  }

  /** Whether this frame is heard together with the next one. */
  #isPair(frame: FrameIndex): boolean {
    const { settings, ladder } = this.#parts;
    return ladder.rung === 'half' ? frame % 2 !== 0 : settings.hop === 2 && frame % 2 === 0;
  }

  /** The face of a frame, and another that is mixed into it. */
  async #faceFor(
    known: ResidentAvatar,
    pose: PoseRef,
  ): Promise<{ shot: FaceShot; other?: FaceShot; mix?: number } | undefined> {
    const { frame, avatarId } = pose;
    const { ladder } = this.#parts;
    if (ladder.rung === 'half' && frame % 2 !== 0 && !known.passthrough.has(poseAt(known, frame + 1))) {
      // The frame between two faces: the next one is made now, and shown by itself in the frame after this.
      const next = await this.#makeOne(known, frame + 1);
      const before = this.#faces.find(avatarId, frame - 1);
      if (next) return before ? { shot: next, other: before, mix: 0.5 } : { shot: next };
    }
    const ready = this.#faces.find(avatarId, frame);
    if (ready) return { shot: ready };
    const isPair = ladder.rung !== 'half' && this.#isPair(frame) && this.#tokens.has(frame + 1);
    const shot = isPair ? await this.#make(known, [frame, frame + 1]) : await this.#makeOne(known, frame);
    return shot && { shot };
  }

  #makeOne(known: ResidentAvatar, frame: FrameIndex): Promise<FaceShot | undefined> {
    return this.#make(known, [frame]);
  }

  /** Makes faces of frames that were heard; the first one is returned, all are kept. */
  async #make(known: ResidentAvatar, frames: readonly FrameIndex[]): Promise<FaceShot | undefined> {
    const tokens = frames.map((frame) => this.#tokens.get(frame));
    if (!tokens.every((one) => one !== undefined)) return undefined;
    const { ref, resident } = known;
    const { networks, ladder } = this.#parts;
    const latents = await resident.latentsAt(frames.map((frame) => poseAt(known, frame)));
    try {
      const faces = await networks.make(latents, joined(tokens), ladder.decoder, resident.wanted);
      return this.#faces.keep(ref.id, frames, faces);
    } finally {
      disposeLatents(latents);
    }
  }

  /** After a change of quality the last face of the old one fades out. */
  #faded(shown: { shot: FaceShot; other?: FaceShot; mix?: number }): {
    shot: FaceShot;
    other?: FaceShot | undefined;
    mix?: number;
  } {
    this.#faces.last = shown.shot;
    if (!this.#fadeFrom || this.#fadeLeft === 0 || shown.other) return shown;
    const mix = this.#fadeLeft / (FADE_FRAMES + 1);
    this.#fadeLeft--;
    const faded = { shot: shown.shot, other: this.#fadeFrom, mix };
    if (this.#fadeLeft === 0) this.#fadeFrom = undefined;
    return faded;
  }

  #note(tookMs: number | undefined, isHidden: boolean): void {
    const { ladder, options } = this.#parts;
    if (!options.isLive) return;
    const couldKeepUp = ladder.keepsUp;
    const hasChanged = ladder.record(tookMs, isHidden);
    if (hasChanged) {
      this.#fadeFrom = isHidden ? undefined : this.#faces.pinLast();
      this.#fadeLeft = this.#fadeFrom ? FADE_FRAMES : 0;
      options.log.info(`MuseTalk: now ${this.#describe()}`);
    }
    if (hasChanged || couldKeepUp !== ladder.keepsUp) this.#report();
  }

  #describe(): string {
    const { networks, ladder } = this.#parts;
    return describeCandidate(networks) + RUNG_WORDS[ladder.rung];
  }

  #report(): void {
    const { networks, ladder, options } = this.#parts;
    const keepsUp = ladder.keepsUp || !options.isLive;
    options.onReport({
      detail: `${this.#describe()}${keepsUp ? '' : '; too slow for 25 faces a second'}`,
      ...(keepsUp ? {} : { fix: networks.provider === 'cpu' ? NEEDS_GPU : FREE_THE_GPU }),
      keepsUp,
      networkBytes: networks.bytes,
      residents: [...this.#residents].map(([avatarId, { resident }]) => ({
        avatarId,
        bytes: resident.bytes,
        place: resident.place,
      })),
    });
    if (keepsUp) {
      clearInterval(this.#probe);
      this.#probe = undefined;
    } else {
      this.#probe ??= setInterval(() => void this.#tryAgain(), PROBE_EVERY_MS).unref();
    }
  }

  /** Makes one face for nobody, to see whether there is time again. */
  async #tryAgain(): Promise<void> {
    const [first] = this.#residents.values();
    if (!first || this.#isProbing) return;
    this.#isProbing = true;
    try {
      const startMs = performance.now();
      await this.#warmUp(first.resident);
      this.#parts.ladder.probe(performance.now() - startMs);
      if (this.#parts.ladder.keepsUp) this.#report();
    } catch (thrown) {
      this.#parts.options.log.debug(`MuseTalk was tried again: ${String(thrown)}`);
    } finally {
      this.#isProbing = false;
    }
  }

  /** One face of made-up sound, painted: shaders are compiled and memory is touched before the first live one. */
  async #warmUp(resident: Resident): Promise<void> {
    const { networks, ladder } = this.#parts;
    const latents = await resident.latentsAt([0]);
    try {
      const { audio } = checkInput(networks.channels);
      using faces = await networks.make(latents, audio, ladder.decoder, resident.wanted);
      await resident.paint({ index: 0, shot: { faces, at: 0 }, gain: 1 });
    } finally {
      disposeLatents(latents);
    }
  }
}

/** Which body frame will be shown: the show's own rule, so that faces can be made ahead. */
function poseAt({ ref }: ResidentAvatar, frame: FrameIndex): number {
  const { motion, frameCount } = ref.manifest;
  return poseIndexAt(frame, motion, frameCount);
}

function joined(parts: readonly Float32Array[]): Float32Array {
  if (parts.length === 1) return parts[0]!;
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
