import type { QualityReport } from '../../api/avatar.ts';
import { FRAMES_PER_SECOND } from '../../api/media.ts';
import { describeReport, VERDICT_WORDS, valueWithUnit } from './describe-report.ts';
import { colourOf, drawBox, drawMark, drawText, fitText, INK, widthOf } from './sheet-ink.ts';

/** What the head of a contact sheet tells. Frames are counted from 0. */
export interface SheetHeader {
  readonly title: string;
  readonly report: QualityReport;
  readonly passthrough: readonly number[];
  readonly idle?: { readonly start: number; readonly count: number } | undefined;
  readonly cuts: readonly number[];
  /** Frames shown on the sheet. */
  readonly shown: readonly number[];
}

/** A drawn part of the sheet. */
export interface Drawn {
  readonly svg: string;
  /** In pixels. */
  readonly height: number;
}

/** Measures that are told as large numbers, in this order; as many as fit. */
const KEY_MEASURES = [
  'usable',
  'face-height',
  'sharpness',
  'light',
  'yaw',
  'pitch',
  'mouth-closed',
  'rest',
  'motion',
  'jitter',
  'evenness',
  'highlights',
  'noise',
] as const;
const MOST_KEYS = 8;
const MOST_ADVICE = 3;

/** Draws title, verdict, key numbers, advice, the timeline of a clip and a legend into a stripe of a width, from y = 0. */
export function drawHeader(header: SheetHeader, width: number, margin: number): Drawn {
  const { report, title } = header;
  const inner = width - 2 * margin;
  let y = margin;
  let svg = drawMark(report.verdict, margin + 26, y + 27, 26);
  svg += drawText(VERDICT_WORDS[report.verdict], margin + 70, y + 40, {
    cap: 26,
    weight: 0.15,
    colour: colourOf(report.verdict),
  });
  const length = lengthWords(report);
  const cap = 15;
  const lengthWidth = widthOf(length, cap);
  svg += drawText(length, width - margin - lengthWidth, y + 47, { cap, colour: INK.soft });
  const free = inner - 70 - widthOf(VERDICT_WORDS[report.verdict], 26) - 40;
  const name = fitText(title, 18, free);
  svg += drawText(name, width - margin - widthOf(name, 18), y + 18, { cap: 18 });
  y += 78;
  const keys = drawKeys(report, margin, y, inner);
  svg += keys.svg;
  y += keys.height;
  const advice = drawAdvice(report, margin, y, inner);
  svg += advice.svg;
  y += advice.height;
  const isClip = report.frames.total > 1;
  if (isClip) svg += drawTimeline(header, margin, y + 10, inner);
  y += isClip ? 68 : 20;
  return { svg: svg + drawLegend(header, margin, y, inner), height: y + 16 };
}

function lengthWords({ frames }: QualityReport): string {
  if (frames.total <= 1) return 'photo';
  return `${(frames.total / FRAMES_PER_SECOND).toFixed(1)} s · ${frames.usable} of ${frames.total} frames can speak`;
}

function drawKeys({ measures }: QualityReport, x: number, y: number, width: number): Drawn {
  const keys = KEY_MEASURES.flatMap((id) => measures.find((measure) => measure.id === id) ?? []).slice(0, MOST_KEYS);
  const gap = 12;
  const card = (width - gap * (MOST_KEYS - 1)) / MOST_KEYS;
  const height = 84;
  const svg = keys.map((measure, i) => {
    const left = x + i * (card + gap);
    return (
      drawBox({ x: left, y, width: card, height }, INK.panel, 10) +
      drawBox({ x: left, y: y + 14, width: 4, height: height - 28 }, colourOf(measure.rating), 2) +
      drawText(valueWithUnit(measure), left + 18, y + 42, { cap: 22, weight: 0.14 }) +
      drawText(fitText(measure.label, 10.5, card - 26), left + 18, y + 66, { cap: 10.5, colour: INK.soft })
    );
  });
  return { svg: svg.join(''), height: height + 18 };
}

/** What to do, the worst first; one line each. */
function drawAdvice(report: QualityReport, x: number, y: number, width: number): Drawn {
  const lines = describeReport(report)
    .slice(1)
    .filter((line) => line.advice !== undefined)
    .sort((a, b) => Number(b.rating === 'poor') - Number(a.rating === 'poor'));
  const svg = lines.slice(0, MOST_ADVICE).map((line, i) => {
    const base = y + 18 + i * 27;
    const text = fitText(line.advice!, 12, width - 34);
    return drawMark(line.rating, x + 10, base - 6, 10) + drawText(text, x + 34, base, { cap: 12 });
  });
  return { svg: svg.join(''), height: svg.length === 0 ? 0 : svg.length * 27 + 8 };
}

/** The clip as a bar: frames that speak, frames shown as they are, the rest segment, cuts, and what the sheet shows. */
function drawTimeline(header: SheetHeader, x: number, y: number, width: number): string {
  const { total } = header.report.frames;
  const bar = { x, y, width, height: 22 };
  const at = (frame: number) => x + (width * frame) / total;
  let svg = drawBox(bar, INK.good, 5);
  for (const [from, end] of stretchesOf(header.passthrough))
    svg += drawBox({ x: at(from), y, width: Math.max(1.5, at(end) - at(from)), height: bar.height }, INK.poor, 2);
  if (header.idle) {
    const { start, count } = header.idle;
    svg += drawBox({ x: at(start), y: y + 15, width: at(start + count) - at(start), height: 7 }, INK.rest, 2);
  }
  for (const cut of header.cuts)
    svg += drawBox(
      { x: at(cut) - 1.5, y: y - 5, width: 3, height: bar.height + 10 },
      INK.ink,
      1,
      `stroke="${INK.ground}"`,
    );
  for (const frame of header.shown) {
    const middle = at(frame + 0.5).toFixed(1);
    svg += `<path d="M${middle} ${y + 28}l-4.5 8h9z" fill="${INK.soft}"/>`;
  }
  return svg;
}

/** What the colours mean: of the timeline on the left, of the pictures on the right. */
function drawLegend(header: SheetHeader, x: number, y: number, width: number): string {
  const pictures: Entry[] = [
    [INK.fair, 'face box'],
    [INK.brand, 'mouth mask'],
    [INK.landmarks, 'landmarks'],
  ];
  const widthOfPictures = pictures.reduce((sum, entry) => sum + entryWidth(entry), -ENTRY_GAP);
  const line = header.report.frames.total > 1 ? timelineEntries(header) : [];
  return drawEntries(line, x, y) + drawEntries(pictures, x + width - widthOfPictures, y);
}

/** A colour and what it means. */
type Entry = readonly [string, string];

const ENTRY_GAP = 28;
const ENTRY_CAP = 11;

function timelineEntries({ report, passthrough, idle, cuts }: SheetHeader): Entry[] {
  const entries: Entry[] = [[INK.good, 'can speak']];
  const percent = Math.round((100 * passthrough.length) / report.frames.total);
  if (passthrough.length > 0) entries.push([INK.poor, `shown as it is (${percent} %)`]);
  if (idle) entries.push([INK.rest, `at rest (${(idle.count / FRAMES_PER_SECOND).toFixed(1)} s)`]);
  if (cuts.length > 0) entries.push([INK.ink, `cut (${cuts.length})`]);
  return [...entries, [INK.soft, 'shown below']];
}

function entryWidth([, words]: Entry): number {
  return 20 + widthOf(words, ENTRY_CAP) + ENTRY_GAP;
}

function drawEntries(entries: readonly Entry[], x: number, y: number): string {
  let left = x;
  return entries
    .map((entry) => {
      const [colour, words] = entry;
      const drawn =
        drawBox({ x: left, y: y - 10, width: 11, height: 11 }, colour, 3) +
        drawText(words, left + 20, y, { cap: ENTRY_CAP, colour: INK.soft });
      left += entryWidth(entry);
      return drawn;
    })
    .join('');
}

/** Neighbouring frames as stretches: first, and one beyond the last. */
function stretchesOf(frames: readonly number[]): [number, number][] {
  const stretches: [number, number][] = [];
  for (const frame of frames) {
    const last = stretches.at(-1);
    if (last?.[1] === frame) last[1] = frame + 1;
    else stretches.push([frame, frame + 1]);
  }
  return stretches;
}
