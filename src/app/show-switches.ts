import type { Feed } from '../live/feed.ts';
import type { LiveStage } from '../live/show.ts';
import type { VoiceOut } from './voice-out.ts';

/** What the switches act on. */
export interface SwitchedParts {
  readonly stage: Pick<LiveStage, 'isResting' | 'isPanicking'> & Partial<Pick<LiveStage, 'lanes'>>;
  readonly feed: Pick<Feed, 'isMuted'>;
  readonly voiceOut: Pick<VoiceOut, 'setSilent'>;
}

/** What somebody in front of an audience needs at once: the still face, the silent voice, and both together. */
export class ShowSwitches {
  readonly #parts: SwitchedParts;
  #isMuted = false;

  constructor(parts: SwitchedParts) {
    this.#parts = parts;
  }

  /** Holding still: the avatar at rest, whatever is said; it goes on breathing, and the voice goes on. */
  get isResting(): boolean {
    return this.#parts.stage.isResting;
  }

  set isResting(isResting: boolean) {
    this.#parts.stage.isResting = isResting;
  }

  /** The voice is silence: for the face, in recordings and in the virtual microphone. */
  get isMuted(): boolean {
    return this.#isMuted;
  }

  set isMuted(isMuted: boolean) {
    this.#isMuted = isMuted;
    this.#applyMute();
  }

  /** A still picture of the avatar at rest and a silent voice, from the next beat on. Leaves the other switches alone. */
  get isPanicking(): boolean {
    return this.#parts.stage.isPanicking;
  }

  set isPanicking(isPanicking: boolean) {
    const { stage, voiceOut } = this.#parts;
    stage.isPanicking = isPanicking;
    // What was said a moment ago is still on its way, as late as the picture: a panic takes that back, too.
    voiceOut.setSilent(isPanicking);
    for (const lane of stage.lanes ?? []) lane.setSilent(isPanicking);
    this.#applyMute();
  }

  #applyMute(): void {
    this.#parts.feed.isMuted = this.#isMuted || this.isPanicking;
  }
}
