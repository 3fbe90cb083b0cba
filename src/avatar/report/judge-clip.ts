import type { Rect } from '../../api/media.ts';
import { FRAMES_PER_SECOND } from '../../api/media.ts';
import { type Finding, type Limits, quantile, rate, round } from './judge-face.ts';
import { SHUT_GAP } from './measure-face.ts';
import type { FrameRow, MeterContext } from './quality-meter.ts';

/** Frames that can be driven, in % of all. */
const USABLE: Limits = { good: 95, fair: 75 };
/** Frames lost for one reason, in % of all. */
const LOST: Limits = { good: 2, fair: 15 };
/** Frames with shut lips in %, and the longest stretch of them in seconds: what is shown while nobody speaks. */
const SHUT: Limits = { good: 60, fair: 25 };
const REST: Limits = { good: 1.5, fair: 0.5 };
/** Speed of a resting head, in % of the face's height per second; the quieter half of all frames. */
const MOTION: Limits = { good: 12, fair: 30 };
/** How far the head wanders from its middle place, in % of the face's height. */
const WANDER: Limits = { good: 30, fair: 80 };
/** Tremble of the landmarks at rest, RMS in pixels. */
const JITTER: Limits = { good: 0.3, fair: 0.7 };
const CUTS: Limits = { good: 0, fair: 2 };
const FRAME_RATE: Limits = { good: 23.9, fair: 14 };
/** A face the mesh is less sure of than this is probably covered. */
const MIN_SCORE = 0.8;
/** Lips that part for so few frames between shut ones were not opened: the landmarks tremble. */
const BRIDGED_FRAMES = 2;

/** Judges what only a clip has: which frames are lost (`usable`), or how the head moves and the clip was made (`motion`). */
export function judgeClip(rows: readonly FrameRow[], context: MeterContext, part: 'usable' | 'motion'): Finding[] {
  if (part === 'usable') return judgeUsable(rows);
  const usable = rows.filter((row) => row.face && row.fault === undefined);
  return [
    ...(usable.length > 0 ? [...judgeMouth(rows, usable), ...judgeMotion(usable, context)] : []),
    ...judgeSource(context),
  ];
}

function judgeUsable(rows: readonly FrameRow[]): Finding[] {
  const share = (of: (row: FrameRow) => boolean) => (100 * rows.filter(of).length) / rows.length;
  const lost = (id: string, label: string, value: number, advice: string): Finding => ({
    id,
    label,
    value: round(value, 1),
    unit: '%',
    ...rate(value, LOST, advice),
    weight: 'tells',
  });
  const usable = share((row) => row.face !== undefined && row.fault === undefined);
  return [
    {
      id: 'usable',
      label: 'Frames that can speak',
      value: round(usable, 1),
      unit: '%',
      ...rate(
        usable,
        USABLE,
        'In the other frames the face stays as it was filmed, whatever is said: choose a better part with --start and --seconds.',
      ),
      weight: 'decides',
    },
    lost(
      'missing-face',
      'Frames without a face',
      share((row) => row.fault === 'no-face'),
      'The face leaves the picture or cannot be seen: stay in the picture, or choose a part with --start and --seconds.',
    ),
    lost(
      'occlusion',
      'Face covered',
      share(isCovered),
      'Something is in front of the face: keep hands, hair, microphone and cup away from mouth and chin.',
    ),
    lost(
      'turned-away',
      'Turned away',
      share((row) => row.fault === 'turned'),
      'The head turns too far for the mouth to be moved: keep looking towards the camera.',
    ),
    lost(
      'cut-off',
      'Cut off by the edge',
      share((row) => row.fault === 'cut-off' || row.fault === 'too-small'),
      'The face reaches beyond the edge or is far away: keep head and shoulders in the picture, at arm’s length.',
    ),
  ];
}

function isCovered({ fault, score, face }: FrameRow): boolean {
  return fault === 'hidden' || (fault === undefined && face !== undefined && score < MIN_SCORE);
}

function judgeMouth(rows: readonly FrameRow[], usable: readonly FrameRow[]): Finding[] {
  const shut = (100 * usable.filter(isShut).length) / usable.length;
  const rest = longestRest(rows) / FRAMES_PER_SECOND;
  return [
    {
      id: 'mouth-closed',
      label: 'Mouth closed',
      value: Math.round(shut),
      unit: '%',
      ...rate(shut, SHUT, 'The mouth is open much of the time: listen instead of speaking while you film.'),
      weight: 'tells',
    },
    {
      id: 'rest',
      label: 'Longest rest',
      value: round(rest, 1),
      unit: 's',
      ...rate(
        rest,
        REST,
        'There is no longer stretch with lips shut: add two seconds of silence, lips together, looking on.',
      ),
      weight: 'spoils',
    },
  ];
}

function isShut({ face, fault }: FrameRow): boolean {
  return face !== undefined && fault === undefined && face.mouthGap <= SHUT_GAP;
}

/** Frames of the longest stretch of usable frames with shut lips; a short tremble of the lips does not end it. */
function longestRest(rows: readonly FrameRow[]): number {
  let longest = 0;
  let from = 0;
  let open = 0;
  rows.forEach((row, i) => {
    open = isShut(row) ? 0 : open + 1;
    if (row.fault !== undefined || open > BRIDGED_FRAMES) from = i + 1;
    longest = Math.max(longest, i + 1 - open - from);
  });
  return longest;
}

function judgeMotion(usable: readonly FrameRow[], { boxes, jitterPx }: MeterContext): Finding[] {
  const height = quantile(usable, 0.5, (row) => row.face!.heightPx);
  const speed = quantile(speedsOf(usable), 0.5, (value) => value);
  const wander = wanderOf(usable, boxes);
  const share = (px: number) => (100 * px) / height;
  return [
    {
      id: 'motion',
      label: 'Motion at rest',
      value: round(speed, 1),
      unit: 'px/s',
      ...rate(share(speed), MOTION, 'The head moves all the time: sit back, and put the camera on something firm.'),
      weight: 'spoils',
    },
    {
      id: 'wander',
      label: 'Head wanders by',
      value: Math.round(wander),
      unit: 'px',
      ...rate(share(wander), WANDER, 'The head wanders far through the picture: stay in one place; gestures are fine.'),
      weight: 'tells',
    },
    ...(jitterPx === undefined
      ? []
      : [
          {
            id: 'jitter',
            label: 'Tremble of the track',
            value: round(jitterPx, 2),
            unit: 'px',
            ...rate(jitterPx, JITTER, 'The face is hard to follow: more light and a larger face make it steadier.'),
            weight: 'spoils' as const,
          },
        ]),
  ];
}

/** How fast the head moves between neighbouring usable frames, in pixels a second. */
function speedsOf(usable: readonly FrameRow[]): number[] {
  return usable.flatMap((row, i) => {
    const before = usable[i - 1];
    if (before?.index !== row.index - 1) return [];
    const [from, to] = [before.face!.place, row.face!.place];
    return [Math.hypot(to.x - from.x, to.y - from.y) * FRAMES_PER_SECOND];
  });
}

/** How far nine in ten places of the head are spread, in pixels: of the boxes, where they are known. */
function wanderOf(usable: readonly FrameRow[], boxes: readonly Rect[]): number {
  const places = usable.map(({ index, face }) => {
    const box = boxes[index];
    return box ? { x: box.x + box.width / 2, y: box.y + box.height / 2 } : face!.place;
  });
  const spread = (of: (place: { x: number; y: number }) => number) =>
    quantile(places, 0.95, of) - quantile(places, 0.05, of);
  return Math.hypot(
    spread((place) => place.x),
    spread((place) => place.y),
  );
}

function judgeSource({ cutCount, sourceFramesPerSecond, isHdr }: MeterContext): Finding[] {
  const findings: Finding[] = [];
  if (cutCount !== undefined)
    findings.push({
      id: 'cuts',
      label: 'Cuts',
      value: cutCount,
      unit: '',
      ...rate(cutCount, CUTS, 'The picture jumps at cuts: choose one shot with --start and --seconds.'),
      weight: 'spoils',
    });
  if (sourceFramesPerSecond !== undefined)
    findings.push({
      id: 'frame-rate',
      label: 'Source frame rate',
      value: round(sourceFramesPerSecond, 1),
      unit: 'fps',
      ...rate(sourceFramesPerSecond, FRAME_RATE, 'Movements stutter: record with 25 or 30 frames a second.'),
      weight: 'spoils',
    });
  if (isHdr)
    findings.push({
      id: 'hdr',
      label: 'HDR, mapped to a screen’s range',
      value: 1,
      unit: '',
      rating: 'good',
      weight: 'tells',
    });
  return findings;
}
