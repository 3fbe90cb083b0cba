import type { AvatarManifest } from '../api/avatar.ts';
import type { FrameIndex } from '../api/media.ts';

/** Which body frame is shown at a frame of the show. `ping-pong` shows the ends once: 0 1 2 1 0 1 2 … */
export function poseIndexAt(frame: FrameIndex, motion: AvatarManifest['motion'], poseCount: number): number {
  if (poseCount === 1 || motion === 'still') return 0;
  const period = motion === 'loop' ? poseCount : 2 * poseCount - 2;
  const step = ((frame % period) + period) % period;
  return step < poseCount ? step : period - step;
}
