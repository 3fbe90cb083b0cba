import type { QualityReport } from '../../api/avatar.ts';
import { FRAMES_PER_SECOND } from '../../api/media.ts';
import { AppError } from '../../base/errors.ts';

/** Why a source is hopeless and what to do about it. */
interface Reason {
  readonly what: string;
  readonly fix: string;
}

/** Usable frames a clip needs: one second, below which nothing can be repeated without being noticed. */
const MIN_USABLE_FRAMES = FRAMES_PER_SECOND;
/** Share of frames that must be usable, in %: with fewer, the avatar is silent more often than it speaks. */
const MIN_USABLE_PERCENT = 50;
/** Below this a mouth is about 15 px wide. In pixels of the source. */
const MIN_FACE_PX = 64;
/** Lips and teeth melt into one: as if a face of 300 px had been blurred by 5. */
const MIN_SHARPNESS_PERCENT = 22;
/** Three stops darker than a well lit face. */
const MIN_LIGHT_PERCENT = 11;
/** Most of the face has no features left. */
const MAX_BURNT_PERCENT = 45;

/**
 * Refuses a photo or clip that no avatar can be made of, most important reason first.
 * @param source how it is called in messages.
 * @throws AppError CLIP_HOPELESS.
 */
export function refuseHopeless(report: QualityReport, source: string): void {
  const reasons = reasonsOf(report);
  if (reasons.length === 0) return;
  throw new AppError(
    'CLIP_HOPELESS',
    `No avatar can be made of ${source}: ${listOf(reasons.map(({ what }) => what))}.`,
    {
      fix: reasons[0]!.fix,
    },
  );
}

function reasonsOf({ frames, measures }: QualityReport): Reason[] {
  const measured = (id: string) => measures.find((measure) => measure.id === id)?.value;
  const below = (id: string, least: number, what: (value: number) => string, fix: string): Reason[] => {
    const value = measured(id);
    return value !== undefined && value < least ? [{ what: what(value), fix }] : [];
  };
  const burnt = measured('highlights') ?? 0;
  return [
    ...usableReasons({ frames, measures }),
    ...below(
      'face-height',
      MIN_FACE_PX,
      (px) => `the face is only ${px} pixels high (at least ${MIN_FACE_PX} are needed)`,
      'Go nearer, or use the original instead of a reduced copy: 300 pixels from chin to hairline look best',
    ),
    ...below(
      'light',
      MIN_LIGHT_PERCENT,
      (percent) => `the face is far too dark (its lit parts have ${percent} % brightness; 37 or more are good)`,
      'Turn towards a window or a lamp and record again',
    ),
    ...(burnt > MAX_BURNT_PERCENT
      ? [{ what: `${burnt} % of the face is burnt out to plain white`, fix: 'Lower the exposure and record again' }]
      : []),
    ...below(
      'sharpness',
      MIN_SHARPNESS_PERCENT,
      (percent) => `the face is far too blurred (sharpness ${percent} %; 70 or more are good)`,
      'Wipe the lens, focus on the eyes, hold the camera still, and record again; or use the original file',
    ),
  ];
}

function usableReasons({ frames, measures }: Pick<QualityReport, 'frames' | 'measures'>): Reason[] {
  if (frames.total > 1 && frames.usable >= MIN_USABLE_FRAMES) {
    const percent = Math.floor((100 * frames.usable) / frames.total);
    if (percent >= MIN_USABLE_PERCENT) return [];
    return [
      {
        what: `only ${percent} % of it shows a face that can speak (at least ${MIN_USABLE_PERCENT} are needed)${causeOf(measures)}`,
        fix: 'Choose the part in which the face looks into the camera: --start SECONDS --seconds SECONDS',
      },
    ];
  }
  if (frames.total === 1 && frames.usable === 1) return [];
  const fix =
    'Use one in which a face looks into the camera for a few seconds: upright, well lit, nothing in front of mouth or chin';
  if (frames.usable === 0) return [{ what: `no face in it can speak${causeOf(measures)}`, fix }];
  const seconds = (frames.usable / FRAMES_PER_SECOND).toFixed(1);
  return [
    { what: `a face that can speak is seen for only ${seconds} s (at least 1 is needed)${causeOf(measures)}`, fix },
  ];
}

/** What took the most frames, in brackets. */
function causeOf(measures: QualityReport['measures']): string {
  const words: Readonly<Record<string, string>> = {
    'missing-face': 'no face is seen',
    occlusion: 'the face is covered',
    'turned-away': 'the head is turned away',
    'cut-off': 'the face is cut off or far away',
  };
  const most = measures
    .filter((measure) => measure.id in words && measure.value > 0)
    .sort((a, b) => b.value - a.value)[0];
  return most ? `: ${words[most.id]} in ${Math.round(most.value)} % of the frames` : '';
}

function listOf(words: readonly string[]): string {
  return words.length < 2 ? (words[0] ?? '') : `${words.slice(0, -1).join('; ')}; and ${words.at(-1)}`;
}
