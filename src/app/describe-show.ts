import { FRAMES_PER_SECOND } from '../api/media.ts';
import type { LinkStatus, ShowStatus } from '../api/status.ts';
import type { FaceLadder } from '../live/face-ladder.ts';
import type { LiveStage } from '../live/show.ts';
import type { AvatarCast } from './avatar-cast.ts';
import type { Links } from './links.ts';
import type { Preparations } from './preparations.ts';
import type { ShowSwitches } from './show-switches.ts';

/** The output that is a recording. */
const RECORDING = 'recorder.file';

/** What the status is told from. */
export interface ShowParts {
  readonly stage: LiveStage;
  readonly face: FaceLadder;
  readonly cast: AvatarCast;
  readonly preparations: Preparations;
  readonly links: Links;
  readonly switches: ShowSwitches;
  /** What is beside the chain. */
  readonly besides: readonly LinkStatus[];
  readonly labelText: string;
  readonly choices: readonly string[];
  /** `performance.now()` when the show began, in ms. */
  readonly startedMs: number;
}

/** Everything a surface may show, as plain data. */
export function describeShow(parts: ShowParts): ShowStatus {
  const { stage, face, cast, links, switches } = parts;
  const { frames, latency, hear, draw, paste } = stage.meter;
  const { last } = stage;
  const engine = face.status;
  return {
    state: engine.state === 'ready' && links.input.state === 'ready' ? 'ready' : 'degraded',
    uptimeSeconds: (performance.now() - parts.startedMs) / 1000,
    avatarId: cast.currentId,
    avatars: cast.summaries,
    preparations: parts.preparations.status,
    background: cast.background,
    labelText: parts.labelText,
    input: links.input,
    engine,
    engines: face.statuses,
    outputs: links.lanes.map((lane) => lane.status),
    links: parts.besides,
    levelDb: last.levelDb,
    speaking: last.heard?.speaking ?? false,
    resting: switches.isResting,
    muted: switches.isMuted,
    panic: switches.isPanicking,
    recording: links.lanes.some(({ id }) => id === RECORDING),
    openness: last.heard?.openness ?? 0,
    frames: {
      shown: frames.shown,
      fresh: frames.fresh,
      repeated: frames.repeated,
      dropped: frames.dropped,
      freshPerSecond: frames.freshPerSecond(FRAMES_PER_SECOND),
    },
    latency: latency.percentiles(),
    hear: hear.percentiles(),
    draw: draw.percentiles(),
    paste: paste.percentiles(),
    choices: parts.choices,
  };
}
