import type { AvatarRef } from '../../api/avatar.ts';
import type { FaceEngine, FaceEngineOptions, OpenFaceEngine } from '../../api/contributions.ts';
import {
  type FacePatch,
  type Heard,
  type PoseRef,
  SAMPLE_RATE_HZ,
  type Sound,
  type SoundContext,
} from '../../api/media.ts';
import { AppError } from '../../base/errors.ts';
import { FaceControls, MOUTH_WEIGHTS } from './face-controls.ts';
import { hashText, IdleLife } from './idle-life.ts';
import { MouthNet, type MouthShape } from './mouth-net.ts';
import { prepareFiles } from './prepare.ts';
import { PuppetAvatar, TEETH_SHUT, TONGUE, WEIGHT_COUNT, weightIndex } from './puppet-avatar.ts';

/** From the end of the sound a shape needs (less look-ahead) back to the shape: half the network's window. */
const HALF_WINDOW_SECONDS = 0.0125;
/** From the last shape wanted, the one 2.5 ms after the frame's centre (shapes lie on a 10 ms grid), to the frame's end. */
const SHAPE_TO_END_SECONDS = 0.0175;
/** Sound before a frame that is asked for, so that some frames may be left out without a gap. */
const BEFORE_SECONDS = 0.4;
/** Frames drawn while loading, so that the first live one is as quick as the rest. */
const WARM_UP_FRAMES = 40;

/** The part of {@link MouthNet} the engine uses; tests hand over their own. */
export interface MouthListener {
  readonly lookAheadSeconds: number;
  reset(): void;
  push(samples: Float32Array, onShape: (shape: MouthShape) => void): void;
}

const TARGETS = MOUTH_WEIGHTS.map((name) =>
  name === 'tongue' ? TONGUE : name === 'teethShut' ? TEETH_SHUT : weightIndex(name),
);

interface Resident {
  readonly avatar: PuppetAvatar;
  readonly life: IdleLife;
}

/** The embedded face engine: mouth-shape network, mesh warp, idle life. All of it in this thread. */
export class PuppetEngine implements OpenFaceEngine {
  readonly context: SoundContext;
  readonly #net: MouthListener;
  readonly #controls: FaceControls;
  readonly #idle: number;
  readonly #residents = new Map<string, Resident>();
  readonly #weights = new Float32Array(WEIGHT_COUNT);
  readonly #onShape = (shape: MouthShape) => this.#controls.add(shape, this.#originSeconds);
  /** Position in the show's sound up to which the network has heard, in samples; undefined before the first. */
  #heardUpTo: number | undefined;
  #originSeconds = 0;

  /** @param settings of this plugin, by full key: `puppet.idle` 0 … 1, `puppet.mouth` strength. */
  constructor(net: MouthListener, settings: Readonly<Record<string, unknown>>) {
    this.#net = net;
    this.#idle = numberOf(settings['puppet.idle'], 1);
    this.#controls = new FaceControls(numberOf(settings['puppet.mouth'], 1));
    this.context = {
      before: BEFORE_SECONDS,
      after: Math.max(0, net.lookAheadSeconds + HALF_WINDOW_SECONDS - SHAPE_TO_END_SECONDS),
    };
  }

  async load(ref: AvatarRef): Promise<void> {
    // The same face before another background keeps its teeth and its rhythm.
    const { id } = ref.manifest;
    const avatar = await PuppetAvatar.open(ref, hashText(id));
    const life = new IdleLife(id);
    const weights = new Float32Array(WEIGHT_COUNT);
    // The compiler warms up once; later avatars find the code warm and only touch their memory.
    const warmUpFrames = this.#residents.size === 0 ? WARM_UP_FRAMES : 2;
    for (let frame = 0; frame < warmUpFrames; frame++) {
      weights.fill(0);
      new IdleLife(id).add(frame * 7, 0.5, 1, weights);
      TARGETS.forEach((target, index) => {
        weights[target] = ((frame * (index + 3)) % 10) / 10;
      });
      // Frames of a clip in turn, from wherever on its disk.
      avatar.draw(weights, frame % ref.manifest.frameCount, frame);
    }
    await this.unload(ref.id);
    this.#residents.set(ref.id, { avatar, life });
  }

  async unload(avatarId: string): Promise<void> {
    const resident = this.#residents.get(avatarId);
    this.#residents.delete(avatarId);
    await resident?.avatar[Symbol.asyncDispose]();
  }

  async hear(sound: Sound): Promise<Heard> {
    this.#listen(sound);
    return this.#controls.frame(sound.frame);
  }

  /** Gives the network what it has not heard yet; after a gap or a step back it starts afresh. */
  #listen({ samples, start }: Sound): void {
    const end = start + samples.length;
    const isContinued =
      this.#heardUpTo !== undefined && start <= this.#heardUpTo && this.#heardUpTo - end < SAMPLE_RATE_HZ;
    if (!isContinued) {
      this.#net.reset();
      this.#controls.reset();
      this.#originSeconds = start / SAMPLE_RATE_HZ;
      this.#heardUpTo = start;
    }
    const fresh = this.#heardUpTo! - start;
    if (fresh >= samples.length) return;
    this.#net.push(samples.subarray(fresh), this.#onShape);
    this.#heardUpTo = end;
  }

  async draw(heard: Heard, pose: PoseRef): Promise<FacePatch> {
    const resident = this.#residents.get(pose.avatarId);
    if (!resident) {
      throw new AppError('AVATAR_NOT_LOADED', `The puppet engine does not hold the avatar "${pose.avatarId}".`, {
        fix: `musecam avatars use ${pose.avatarId}`,
      });
    }
    const weights = this.#weights.fill(0);
    const count = Math.min(TARGETS.length, heard.data.length);
    for (let index = 0; index < count; index++) weights[TARGETS[index]!] = heard.data[index]!;
    // A body that moves by itself needs no life added.
    const { avatar, life } = resident;
    if (avatar.isStill) life.add(pose.frame, heard.openness, this.#idle, weights);
    await avatar.arrived();
    const patch = avatar.draw(weights, pose.index, pose.frame);
    avatar.fetchNext();
    return patch;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const id of [...this.#residents.keys()]) await this.unload(id);
  }
}

/** The record the plugin registers. */
export const puppetFace: FaceEngine = {
  async open(options: FaceEngineOptions, signal: AbortSignal): Promise<OpenFaceEngine> {
    const net = await MouthNet.open();
    signal.throwIfAborted();
    return new PuppetEngine(net, options.settings);
  },
  prepare: prepareFiles,
};

function numberOf(value: unknown, otherwise: number): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : otherwise;
}
