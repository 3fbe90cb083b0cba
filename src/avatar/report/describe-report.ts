import type { QualityReport, Rating } from '../../api/avatar.ts';
import { FRAMES_PER_SECOND } from '../../api/media.ts';

/** One line of a report for people. Colours are the caller's. */
export interface ReportLine {
  readonly rating: Rating;
  /** A sign for the rating, so that colour is never the only one: ✔, ! or ✖. */
  readonly mark: string;
  /** What was measured. */
  readonly label: string;
  /** The value with its unit; empty in the first line. */
  readonly value: string;
  /** Mark, label and value in columns. */
  readonly text: string;
  /** What to do, where it is not good. */
  readonly advice?: string;
}

const MARKS: Readonly<Record<Rating, string>> = { good: '✔', fair: '!', poor: '✖' };

/** A verdict in a few words, the same in the terminal, on the page and on the contact sheet. */
export const VERDICT_WORDS: Readonly<Record<Rating, string>> = {
  good: 'Good for an avatar',
  fair: 'Usable; could be better',
  poor: 'Poor: expect visible flaws',
};

/**
 * A report in lines: first the verdict, then every measure in the order they were judged in.
 * Aligned with spaces for a terminal (`text`), in parts for a page.
 */
export function describeReport(report: QualityReport): ReportLine[] {
  const widest = Math.max(0, ...report.measures.map((measure) => measure.label.length));
  return [
    headline(report),
    ...report.measures.map((measure) => {
      const mark = MARKS[measure.rating];
      const value = valueWithUnit(measure);
      return {
        rating: measure.rating,
        mark,
        label: measure.label,
        value,
        text: `${mark} ${measure.label.padEnd(widest)}  ${value}`,
        ...(measure.advice === undefined ? {} : { advice: measure.advice }),
      };
    }),
  ];
}

/** A measured value as people read it: `312 px`, `84 %`, `12°`. */
export function valueWithUnit({ value, unit }: { readonly value: number; readonly unit: string }): string {
  if (unit === '°') return `${value}°`;
  return unit === '' ? `${value}` : `${value} ${unit}`;
}

function headline({ verdict, frames }: QualityReport): ReportLine {
  const mark = MARKS[verdict];
  const label = VERDICT_WORDS[verdict];
  const seconds = (frames.total / FRAMES_PER_SECOND).toFixed(1);
  const length = frames.total > 1 ? ` (${frames.usable} of ${frames.total} frames can speak, ${seconds} s)` : '';
  return { rating: verdict, mark, label, value: '', text: `${mark} ${label}${length}` };
}
