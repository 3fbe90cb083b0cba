import type { Size } from '../api/media.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { Clock } from '../live/clock.ts';
import { CrossFade } from '../live/cross-fade.ts';
import { FramePool } from '../live/frame-pool.ts';
import { Pacer } from '../live/pacer.ts';
import { Painter } from '../live/painter.ts';
import type { LiveStage } from '../live/show.ts';

/** What a stage is made of; the rest is new. */
export interface StageParts extends Pick<LiveStage, 'avatar' | 'tape' | 'face' | 'lanes' | 'meter'> {
  /** Undefined: that of the avatar. */
  readonly size: Size | undefined;
  readonly crossFadeFrames: number;
  readonly log: Log;
}

/** The stage of a show that is about to begin: the first avatar at rest. */
export function createStage({ size, crossFadeFrames, log, ...parts }: StageParts): LiveStage {
  const { id, width, height } = parts.avatar;
  return {
    ...parts,
    isResting: false,
    isPanicking: false,
    painter: new Painter(new FramePool(size ?? { width, height })),
    clock: new Clock(),
    pacer: new Pacer(),
    fade: new CrossFade(crossFadeFrames),
    onFailure: (thrown) => log.error(`a frame failed: ${messageOf(thrown)}`),
    last: {
      frame: 0,
      avatarId: id,
      pose: 0,
      isPassthrough: false,
      heard: undefined,
      engineId: undefined,
      patch: undefined,
      levelDb: -100,
    },
  };
}
