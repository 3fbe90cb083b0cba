import { FRAME_MS } from '../api/media.ts';
import { PULSE_EVERY_MS, pulseAtMs } from './calibration-pulses.ts';
import type { SeenPicture } from './code-finder.ts';

/** The latest that a pulse can be heard, in ms; more is no delay but another pulse. */
const LATEST_MS = PULSE_EVERY_MS * 0.65;
/** A picture is seen from its arrival until the next one: as a whole half a frame later than it arrives. */
export const HELD_MS = FRAME_MS / 2;

/** What some measured delays have in common, in ms. */
export interface Delays {
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly count: number;
}

/** What was read back, all on one clock in ms. */
export interface ReadBack {
  readonly pictures: readonly SeenPicture[];
  /** When pulses were heard; undefined where nobody listened. */
  readonly heardAtMs?: readonly number[];
  /** What came before is left out. */
  readonly fromMs: number;
}

/** How late picture and sound are, and how far apart. What is not there was not seen or heard. */
export interface ReadDelays {
  /** From sound to the middle of the time its picture is seen. */
  readonly picture?: Delays;
  /** From a pulse to hearing it. */
  readonly sound?: Delays;
  /** By how much the voice is behind the picture; negative: before it. p95: of its absolute value. */
  readonly offset?: Delays;
}

/**
 * The arithmetic of a calibration. A sound is taken for the newest pulse that it can be; one that can be none is left out.
 * It is compared with the picture of the moment at which that pulse was sent; where no such picture was seen (it was left
 * out on its way) with none: how late its neighbour is says nothing about it.
 */
export function compareReadBack({ pictures, heardAtMs = [], fromMs }: ReadBack): ReadDelays {
  const seen = pictures.filter(({ seenAtMs }) => seenAtMs >= fromMs);
  const heard = withoutEchoes(heardAtMs.filter((atMs) => atMs >= fromMs).flatMap(pulseOf));
  const offsets = heard.flatMap(({ sentMs, delayMs }) => {
    const picture = pictureOf(sentMs, pictures);
    return picture ? [delayMs - lateness(picture)] : [];
  });
  return {
    ...(seen.length > 0 ? { picture: summarise(seen.map(lateness)) } : {}),
    ...(heard.length > 0 ? { sound: summarise(heard.map(({ delayMs }) => delayMs)) } : {}),
    ...(offsets.length > 0 ? { offset: { ...summarise(offsets), p95Ms: summarise(offsets.map(Math.abs)).p95Ms } } : {}),
  };
}

function lateness({ ageMs }: SeenPicture): number {
  return ageMs + HELD_MS;
}

interface HeardPulse {
  readonly sentMs: number;
  readonly delayMs: number;
}

/** What sounds twice is heard the first time. */
function withoutEchoes(heard: readonly HeardPulse[]): readonly HeardPulse[] {
  return heard.filter(({ sentMs }, at) => heard.findIndex((other) => other.sentMs === sentMs) === at);
}

/** Which pulse a sound is, and how late it was heard. */
function pulseOf(atMs: number): readonly HeardPulse[] {
  const span = Math.floor(atMs / PULSE_EVERY_MS);
  const sentMs = [span, span - 1].map(pulseAtMs).find((ms) => ms <= atMs && atMs - ms < LATEST_MS);
  return sentMs === undefined ? [] : [{ sentMs, delayMs: atMs - sentMs }];
}

/** The picture of the moment a pulse was sent: its sound's middle is no more than half a frame, and some jitter, away. */
function pictureOf(sentMs: number, pictures: readonly SeenPicture[]): SeenPicture | undefined {
  const distance = ({ seenAtMs, ageMs }: SeenPicture) => Math.abs(seenAtMs - ageMs - sentMs);
  const nearest = pictures.reduce<SeenPicture | undefined>(
    (best, picture) => (best && distance(best) <= distance(picture) ? best : picture),
    undefined,
  );
  return nearest && distance(nearest) <= 0.75 * FRAME_MS ? nearest : undefined;
}

function summarise(values: readonly number[]): Delays {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  const round = (ms: number) => Math.round(ms * 10) / 10;
  return { p50Ms: round(at(0.5)), p95Ms: round(at(0.95)), count: values.length };
}
