import type { FacePatch, Heard, PoseRef, Sound, SoundContext } from '../api/media.ts';

/** What an engine heard. Goes back to the same engine in `draw`: what it means is that engine's own. */
export interface HeardFace extends Heard {
  /** Contribution id of the engine. */
  readonly engineId: string;
}

/** What an engine drew: its patch, or none where the body's own face is the right one (silence). */
export interface DrawnFace {
  readonly patch: FacePatch | undefined;
}

/** What draws the faces of a show: one engine's host, or a ladder of several. */
export interface Face {
  /** How much sound is needed around a frame. */
  readonly context: SoundContext;
  /** What the mouth of this avatar should be doing; undefined while no engine answers. */
  hear(sound: Sound, avatarId: string): Promise<HeardFace | undefined>;
  /** The face for a pose; undefined while its engine is away or does not hold the avatar: that picture shows it at rest. */
  draw(heard: HeardFace, pose: PoseRef): Promise<DrawnFace | undefined>;
}
