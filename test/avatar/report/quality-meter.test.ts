import { beforeAll, describe, expect, it } from 'vitest';
import { type QualityReport, qualityReportSchema } from '../../../src/api/avatar.ts';
import type { FrameFault } from '../../../src/avatar/clip/clip.ts';
import { faceBoxOf } from '../../../src/avatar/face-box.ts';
import { type MeterContext, QualityMeter } from '../../../src/avatar/report/quality-meter.ts';
import { addNoise, change, drawSample, enlarge, type Sample, shadeLeft, shrink } from './drawn-samples.ts';

let good: Sample;
/** A smaller one for clips: every frame is measured. */
let small: Sample;
beforeAll(async () => {
  good = await drawSample();
  small = await shrink(good, 1.6);
});

function measurePhoto(sample: Sample): QualityReport {
  const meter = new QualityMeter();
  meter.add({ index: 0, ...sample });
  return meter.finish({ boxes: [faceBoxOf(sample.points, sample.picture)] });
}

/** A clip of the drawn face; `at` says how each frame differs. */
function measureClip(
  frames: number,
  at: (index: number) => { move?: number; open?: boolean; fault?: FrameFault; score?: number },
  context: Partial<MeterContext> = {},
): QualityReport {
  const meter = new QualityMeter();
  for (let index = 0; index < frames; index++) {
    const { move = 0, open = false, fault, score = 1 } = at(index);
    const points = small.points.map((value, i) => (i % 3 === 0 ? value + move : value));
    // The lower lip's inner edge, a third of the mouth's width down.
    if (open)
      for (const lip of [178, 87, 14, 317, 402]) points[lip * 3 + 1]! += (points[291 * 3]! - points[61 * 3]!) / 3;
    meter.add({ index, picture: small.picture, points, score, fault });
  }
  return meter.finish({ boxes: [], ...context });
}

function measure(report: QualityReport, id: string) {
  const found = report.measures.find((one) => one.id === id);
  if (!found) throw new Error(`no measure ${id} in ${report.measures.map((one) => one.id).join(' ')}`);
  return found;
}

describe('the quality meter on a photo', () => {
  it('finds nothing wrong with a drawn face, and its report fits the schema', () => {
    const report = measurePhoto(good);
    expect(report.verdict).toBe('good');
    expect(report.measures.filter((one) => one.rating !== 'good' || one.advice)).toEqual([]);
    expect(qualityReportSchema.parse(report)).toEqual(report);
    expect(report.frames).toEqual({ total: 1, usable: 1 });
    // 393 of the drawing's 720 px, drawn 660 px high.
    expect(Math.abs(measure(report, 'face-height').value - 360)).toBeLessThan(15);
  });

  it('sees blur, the more the softer, whatever the light', async () => {
    const values: number[] = [];
    for (const sigma of [0.8, 1.5, 2.5, 4, 6]) {
      const blurred = await change(good, (picture) => picture.blur(sigma));
      const dark = await change(blurred, (picture) => picture.linear(0.4, 0));
      const value = measure(measurePhoto(blurred), 'sharpness').value;
      expect(Math.abs(measure(measurePhoto(dark), 'sharpness').value - value)).toBeLessThan(6);
      values.push(value);
    }
    expect(values).toEqual([...values].sort((a, b) => b - a));
    expect(values[0]).toBeGreaterThan(70);
    expect(values.at(-1)).toBeLessThan(30);
  });

  it('calls a face poor that was enlarged to eight times its size, and says what to do', async () => {
    const report = measurePhoto(await enlarge(good, 8));
    expect(measure(report, 'sharpness').rating).toBe('poor');
    expect(measure(report, 'sharpness').advice).toMatch(/original file/);
    expect(report.verdict).toBe('poor');
  });

  it('does not take grain for sharpness', async () => {
    const soft = await change(good, (picture) => picture.blur(5));
    const grainy = measurePhoto(addNoise(soft, 6));
    expect(measure(grainy, 'sharpness').rating).toBe('poor');
    expect(measure(grainy, 'noise').rating).toBe('fair');
    expect(measure(grainy, 'noise').value).toBeGreaterThan(4.5);
    expect(measure(grainy, 'noise').value).toBeLessThan(7);
    expect(measure(measurePhoto(addNoise(good, 12)), 'noise').rating).toBe('poor');
  });

  it('sees a face that is too dark, burnt out, or lit from one side', async () => {
    const dark = measurePhoto(await change(good, (picture) => picture.linear(0.22, 0)));
    expect(measure(dark, 'light').rating).toBe('poor');
    const bright = measurePhoto(await change(good, (picture) => picture.linear(2, 0)));
    expect(measure(bright, 'highlights').rating).toBe('poor');
    expect(measure(bright, 'light').rating).toBe('good');
    const shaded = measurePhoto(await shadeLeft(good, 0.6));
    expect(measure(shaded, 'evenness').rating).toBe('fair');
    expect(shaded.verdict).toBe('fair');
  });

  it('tells the height in pixels of the source, and that a face is small', async () => {
    const far = await shrink(good, 3);
    expect(measure(measurePhoto(far), 'face-height').rating).toBe('fair');
    const meter = new QualityMeter();
    meter.add({ index: 0, ...far });
    const scaled = meter.finish({ boxes: [], sourceScale: 3 });
    expect(Math.abs(measure(scaled, 'face-height').value - 360)).toBeLessThan(15);
  });

  it('says so where there is no face, or no frame at all', () => {
    const meter = new QualityMeter();
    expect(meter.finish({ boxes: [] }).verdict).toBe('poor');
    meter.add({ index: 0, picture: good.picture, points: new Float32Array(478 * 3), score: 0, fault: 'no-face' });
    const report = meter.finish({ boxes: [] });
    expect(report.frames).toEqual({ total: 1, usable: 0 });
    expect(measure(report, 'missing-face').advice).toMatch(/No face/);
    expect(meter.samples).toHaveLength(1);
  });

  it('measures a face that reaches out of the picture', () => {
    const points = good.points.map((value, i) => (i % 3 === 0 ? value + 900 : value));
    expect(measurePhoto({ ...good, points }).measures.length).toBeGreaterThan(5);
  });
});

describe('the quality meter on a clip', () => {
  it('finds nothing wrong with a face that keeps still, lips shut', () => {
    const context = { jitterPx: 0.1, cutCount: 0, sourceFramesPerSecond: 30 };
    const report = measureClip(60, () => ({}), context);
    expect(report.measures.filter((one) => one.rating !== 'good')).toEqual([]);
    expect(report.verdict).toBe('good');
    expect(measure(report, 'rest').value).toBe(2.4);
    expect(measure(report, 'motion').value).toBe(0);
    expect(qualityReportSchema.parse(report)).toEqual(report);
  });

  it('counts lost frames by their reason', () => {
    const faults: (FrameFault | undefined)[] = ['no-face', 'hidden', 'turned', 'cut-off', 'too-small'];
    const report = measureClip(50, (index) => {
      const fault = faults[index];
      return fault ? { fault } : {};
    });
    expect(report.frames).toEqual({ total: 50, usable: 45 });
    expect(measure(report, 'usable').value).toBe(90);
    expect(measure(report, 'usable').rating).toBe('fair');
    expect(measure(report, 'missing-face').value).toBe(2);
    expect(measure(report, 'occlusion').value).toBe(2);
    expect(measure(report, 'turned-away').value).toBe(2);
    expect(measure(report, 'cut-off').value).toBe(4);
  });

  it('takes a face the mesh is unsure of for covered', () => {
    const report = measureClip(50, (index) => ({ score: index < 10 ? 0.5 : 1 }));
    expect(measure(report, 'occlusion').value).toBe(20);
  });

  it('finds the longest stretch with shut lips, and lets a tremble of two frames pass', () => {
    // Shut: 0 … 9; open 10 … 14; shut 15 … 54 with a tremble at 30 and 31; open to the end.
    const isOpen = (i: number) => (i >= 10 && i < 15) || i === 30 || i === 31 || i >= 55;
    const report = measureClip(80, (index) => ({ open: isOpen(index) }));
    expect(measure(report, 'rest').value).toBe(1.6);
    expect(measure(report, 'mouth-closed').value).toBe(Math.round((48 / 80) * 100));
    const never = measureClip(30, () => ({ open: true }));
    expect(measure(never, 'rest')).toMatchObject({ value: 0, rating: 'poor' });
    expect(measure(never, 'rest').advice).toMatch(/two seconds/);
    expect(never.verdict).toBe('fair');
  });

  it('measures how fast the head moves and how far it wanders', () => {
    // 2 px a frame are 50 px a second; over 100 frames, nine tenths of 200 px.
    const report = measureClip(100, (index) => ({ move: index * 2 - 100 }));
    expect(measure(report, 'motion').value).toBeCloseTo(50, 0);
    expect(measure(report, 'motion').rating).toBe('fair');
    expect(measure(report, 'wander').value).toBeGreaterThan(170);
    const boxes = Array.from({ length: 100 }, () => ({ x: 10, y: 10, width: 100, height: 100 }));
    expect(
      measure(
        measureClip(100, (index) => ({ move: index * 2 - 100 }), { boxes }),
        'wander',
      ).value,
    ).toBe(0);
  });

  it('rates what it is told of jitter, cuts, frame rate and HDR', () => {
    const context = { jitterPx: 0.9, cutCount: 1, sourceFramesPerSecond: 10, isHdr: true };
    const report = measureClip(40, () => ({}), context);
    expect(['jitter', 'cuts', 'frame-rate', 'hdr'].map((id) => measure(report, id).rating)).toEqual([
      'poor',
      'fair',
      'poor',
      'good',
    ]);
    // None of these alone makes a clip poor.
    expect(report.verdict).toBe('fair');
  });

  it('keeps at most twelve frames for the sheet, with the worst moments among them, however long the clip is', () => {
    const meter = new QualityMeter();
    for (let index = 0; index < 700; index++)
      meter.add({
        index,
        picture: { width: 64, height: 36, pixels: new Uint8Array(64 * 36 * 3).fill(index & 255) },
        points: good.points.map((value, i) => (i % 3 === 0 && index === 333 && i === 14 * 3 ? value : value / 20)),
        score: 1,
        fault: index >= 500 && index < 505 ? 'hidden' : index === 600 ? 'no-face' : undefined,
      });
    const samples = meter.samples;
    expect(samples).toHaveLength(12);
    const indices = samples.map((sample) => sample.index);
    expect(indices).toEqual([...new Set(indices)].sort((a, b) => a - b));
    expect(indices[0]).toBe(0);
    expect(indices.at(-1)).toBeGreaterThan(630);
    expect(samples.find((sample) => sample.fault === 'hidden')?.index).toBeGreaterThanOrEqual(500);
    expect(indices).toContain(600);
    expect(samples.find((sample) => sample.why === 'widest mouth')?.index).toBe(333);
    expect(Math.max(...indices.map((index, i) => index - (indices[i - 1] ?? 0)))).toBeLessThan(200);
  });

  it('keeps copies: a decoder may reuse its buffers', () => {
    const picture = { ...good.picture, pixels: Uint8Array.from(good.picture.pixels) };
    const points = good.points.slice();
    const meter = new QualityMeter();
    meter.add({ index: 0, picture, points, score: 1 });
    picture.pixels.fill(0);
    points.fill(0);
    const [sample] = meter.samples;
    expect(sample!.picture.pixels.some((value) => value > 100)).toBe(true);
    expect(sample!.points).toEqual(good.points);
  });
});
