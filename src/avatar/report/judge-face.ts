import type { QualityReport, Rating } from '../../api/avatar.ts';
import { type FaceMeasures, SHUT_GAP } from './measure-face.ts';
import type { FrameRow, MeterContext } from './quality-meter.ts';

/** A measure with what it means for the verdict. */
export type Finding = QualityReport['measures'][number] & {
  /** `decides`: the verdict is never better. `spoils`: never good, but this alone makes nothing poor. `tells`: only told. */
  readonly weight: 'decides' | 'spoils' | 'tells';
};

/** Where a rating ends: up to `good` it is good, up to `fair` fair, beyond it poor. Descending limits: more is better. */
export interface Limits {
  readonly good: number;
  readonly fair: number;
}

/** Height of a face in pixels of the source: below 200 an avatar is softer than a webcam's picture. */
const FACE_HEIGHT: Limits = { good: 200, fair: 120 };
/**
 * Sharpness in %: {@link CRISP_BLUR_PX} by the measured blur. Five drawn, rendered and painted faces of 160 … 300 px measure
 * 100 as they are and as JPEGs of quality 6, 78 … 100 enlarged to twice their size, 63 … 72 to three times, 47 … 57 to four
 * times; blurred by 1.5 px 53 … 64, by 2 px 41 … 47, by 4 px 24 … 28, by 6 px 17 … 20.
 */
export const SHARPNESS: Limits = { good: 70, fair: 45 };
const CRISP_BLUR_PX = 0.8;
/** Faces higher than this carry more detail than a 720p frame shows: their blur counts for less. In pixels. */
const REFERENCE_HEIGHT_PX = 300;
/** Brightness of a face's lit parts in % of white. Faces measure 65 … 80; two stops darker 17 … 20. */
const LIGHT: Limits = { good: 37, fair: 25 };
/** Burnt out share of a face in %. */
const BURNT: Limits = { good: 1.5, fair: 6 };
/** Light on the darker half of the face in % of that on the lighter one. */
const EVENNESS: Limits = { good: 45, fair: 20 };
/** Grain in luma steps of 255: pictures in good light have 0 … 1.5. */
const NOISE: Limits = { good: 3, fair: 7 };
/** Turns in degrees. Beyond 35 to the side, 32 up or down, 35 over, a face is not driven at all (choose-face.ts). */
const YAW: Limits = { good: 20, fair: 30 };
const PITCH: Limits = { good: 20, fair: 28 };
const ROLL: Limits = { good: 15, fair: 28 };
/** How far lips may be open in a photo, in half mouth widths: further, and teeth and tongue are part of every picture. */
const PHOTO_GAP: Limits = { good: SHUT_GAP, fair: 0.25 };

/** Judges the face itself: its size, sharpness, light and turn, in the frames that can be driven (else in all with a face). */
export function judgeFace(rows: readonly FrameRow[], context: MeterContext, isClip: boolean): Finding[] {
  const usable = rows.filter((row) => row.fault === undefined);
  const faces = (usable.some((row) => row.face) ? usable : rows).flatMap((row) => row.face ?? []);
  if (faces.length === 0) return isClip ? [] : [noFace()];
  return [
    judgeHeight(faces, context, isClip),
    judgeSharpness(faces, isClip),
    ...judgeLight(faces),
    ...judgeTurns(faces, isClip),
    ...(isClip ? [] : [judgePhotoMouth(faces[0]!)]),
  ];
}

function noFace(): Finding {
  return {
    id: 'missing-face',
    label: 'Frames without a face',
    value: 100,
    unit: '%',
    rating: 'poor',
    advice:
      'No face was found: use a picture in which a face looks into the camera, upright, well lit and not covered.',
    weight: 'decides',
  };
}

function judgeHeight(faces: readonly FaceMeasures[], { sourceScale = 1 }: MeterContext, isClip: boolean): Finding {
  const value = Math.round(quantile(faces, 0.5, (face) => face.heightPx) * sourceScale);
  return {
    id: 'face-height',
    label: 'Face height',
    value,
    unit: 'px',
    ...rate(
      value,
      FACE_HEIGHT,
      `The face is small: ${isClip ? 'film' : 'take the photo'} from nearer, or use the original instead of a reduced copy; ` +
        '300 px from chin to hairline look best.',
    ),
    weight: 'decides',
  };
}

function judgeSharpness(faces: readonly FaceMeasures[], isClip: boolean): Finding {
  // A fifth of soft frames is seen: the clip is no better than that.
  const value = quantile(faces, 0.2, sharpnessOf);
  return {
    id: 'sharpness',
    label: 'Sharpness',
    value: Math.round(value),
    unit: '%',
    ...rate(
      value,
      SHARPNESS,
      `The face is soft: wipe the lens, focus on the eyes, hold the camera still${isClip ? ', use more light' : ''}, and use the ` +
        'original file instead of an enlarged or forwarded copy.',
    ),
    weight: 'decides',
  };
}

/** Sharpness of a face in %: 100 = as crisp as the pixels allow. */
export function sharpnessOf(face: FaceMeasures): number {
  const seen = face.blurPx * Math.min(1, REFERENCE_HEIGHT_PX / Math.max(1, face.heightPx));
  return Math.min(100, (100 * CRISP_BLUR_PX) / seen);
}

function judgeLight(faces: readonly FaceMeasures[]): Finding[] {
  const light = (quantile(faces, 0.5, (face) => face.lightLuma) / 255) * 100;
  const burnt = quantile(faces, 0.5, (face) => face.burntShare) * 100;
  const even = quantile(faces, 0.5, (face) => face.evenness) * 100;
  const noise = quantile(faces, 0.5, (face) => face.noise);
  return [
    {
      id: 'light',
      label: 'Light on the face',
      value: Math.round(light),
      unit: '%',
      ...rate(light, LIGHT, 'The face is dark: turn towards a window or a lamp, or raise the exposure.'),
      weight: 'decides',
    },
    {
      id: 'highlights',
      label: 'Burnt-out skin',
      value: round(burnt, 1),
      unit: '%',
      ...rate(
        burnt,
        BURNT,
        'Parts of the face are plain white: lower the exposure, or soften the light with a curtain.',
      ),
      weight: 'decides',
    },
    {
      id: 'evenness',
      label: 'Evenness of light',
      value: Math.round(even),
      unit: '%',
      ...rate(
        even,
        EVENNESS,
        'One half of the face is much darker: face the light, or put something white on the dark side.',
      ),
      weight: 'spoils',
    },
    {
      id: 'noise',
      label: 'Grain',
      value: round(noise, 1),
      unit: '',
      ...rate(noise, NOISE, 'The picture is grainy: use more light, so that the camera needs to amplify less.'),
      weight: 'spoils',
    },
  ];
}

function judgeTurns(faces: readonly FaceMeasures[], isClip: boolean): Finding[] {
  const where = isClip ? 'look into the camera, and move the head little' : 'use a photo that looks into the camera';
  const turn = (
    id: string,
    label: string,
    limits: Limits,
    of: (face: FaceMeasures) => number,
    words: string,
    weight: Finding['weight'],
  ): Finding => {
    // Not the very furthest: one frame of a thousand is no reason.
    const value = Math.round(quantile(faces, 0.95, (face) => Math.abs(of(face))));
    return { id, label, value, unit: '°', ...rate(value, limits, `${words}: ${where}.`), weight };
  };
  return [
    turn('yaw', 'Turned to the side', YAW, (face) => face.yawDegrees, 'The head is turned away', 'decides'),
    turn('pitch', 'Tilted up or down', PITCH, (face) => face.pitchDegrees, pitchWords(faces), 'decides'),
    turn('roll', 'Leaning to a shoulder', ROLL, (face) => face.rollDegrees, 'The head leans over', 'spoils'),
  ];
}

function pitchWords(faces: readonly FaceMeasures[]): string {
  const isDown = quantile(faces, 0.5, (face) => face.pitchDegrees) > 0;
  return `The head looks ${isDown ? 'down; raise the camera or lower' : 'up; lower the camera or raise'} the chin`;
}

function judgePhotoMouth(face: FaceMeasures): Finding {
  return {
    id: 'mouth-closed',
    label: 'Lips apart',
    // Told as a share of the whole mouth's width, which can be seen.
    value: Math.round(face.mouthGap * 50),
    unit: '%',
    ...rate(face.mouthGap, PHOTO_GAP, 'The lips are apart: use a photo with lips closed and relaxed.'),
    weight: 'spoils',
  };
}

/** A value's rating, with the advice where it is not good. */
export function rate(value: number, limits: Limits, advice: string): { rating: Rating; advice?: string } {
  const sign = limits.good > limits.fair ? -1 : 1;
  if (value * sign <= limits.good * sign) return { rating: 'good' };
  return { rating: value * sign <= limits.fair * sign ? 'fair' : 'poor', advice };
}

/** The value that a share of all does not exceed: 0.5 = the middle one. Of nothing: 0. */
export function quantile<T>(rows: readonly T[], share: number, of: (row: T) => number): number {
  const values = rows.map(of).sort((a, b) => a - b);
  return values[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0;
}

/** Rounds to a number of digits behind the point. */
export function round(value: number, digits: number): number {
  return Math.round(value * 10 ** digits) / 10 ** digits;
}
