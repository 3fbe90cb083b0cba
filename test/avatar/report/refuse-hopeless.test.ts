import { describe, expect, it } from 'vitest';
import type { QualityReport } from '../../../src/api/avatar.ts';
import { faceBoxOf } from '../../../src/avatar/face-box.ts';
import { QualityMeter } from '../../../src/avatar/report/quality-meter.ts';
import { refuseHopeless } from '../../../src/avatar/report/refuse-hopeless.ts';
import { AppError } from '../../../src/base/errors.ts';
import { change, drawSample, type Sample, shrink } from './drawn-samples.ts';

function reportOf(values: Record<string, number>, frames = { total: 100, usable: 100 }): QualityReport {
  const measures = Object.entries(values).map(([id, value]) => ({
    id,
    label: id,
    value,
    unit: '%',
    rating: 'poor' as const,
  }));
  return { verdict: 'poor', frames, measures };
}

function refusalOf(report: QualityReport): AppError | undefined {
  try {
    refuseHopeless(report, 'me.mp4');
    return undefined;
  } catch (thrown) {
    if (thrown instanceof AppError) return thrown;
    throw thrown;
  }
}

function photoReport({ picture, points, score }: Sample): QualityReport {
  const meter = new QualityMeter();
  meter.add({ index: 0, picture, points, score });
  return meter.finish({ boxes: [faceBoxOf(points, picture)] });
}

describe('a hopeless source', () => {
  it('is not what is merely poor', () => {
    const poor = { 'face-height': 64, sharpness: 22, light: 11, highlights: 45, 'missing-face': 50 };
    expect(refusalOf(reportOf(poor, { total: 50, usable: 25 }))).toBeUndefined();
  });

  it('is refused with the most important reason first, its values, and that reason’s fix', () => {
    const refusal = refusalOf(
      reportOf(
        { sharpness: 9, 'face-height': 40, light: 5, occlusion: 70, 'missing-face': 10 },
        { total: 100, usable: 30 },
      ),
    );
    expect(refusal?.code).toBe('CLIP_HOPELESS');
    expect(refusal?.message).toBe(
      'No avatar can be made of me.mp4: only 30 % of it shows a face that can speak (at least 50 are needed): the face is ' +
        'covered in 70 % of the frames; the face is only 40 pixels high (at least 64 are needed); the face is far too dark ' +
        '(its lit parts have 5 % brightness; 37 or more are good); and the face is far too blurred (sharpness 9 %; 70 or ' +
        'more are good).',
    );
    expect(refusal?.fix).toContain('--start');
  });

  it.each([
    [{ total: 24, usable: 24 }, /only 1\.0 s|only 0\.9\d? s/],
    [{ total: 100, usable: 24 }, /for only 1\.0 s/],
    [{ total: 100, usable: 0 }, /no face in it can speak/],
    [{ total: 1, usable: 0 }, /no face in it can speak/],
    [{ total: 0, usable: 0 }, /no face in it can speak/],
    [{ total: 200, usable: 99 }, /only 49 %/],
  ])('has too few frames that can speak: %o', (frames, words) => {
    expect(refusalOf(reportOf({}, frames))?.message).toMatch(words);
  });

  it('can be a photo: too dark, far out of focus, burnt out or tiny; a good one is taken', async () => {
    const good = await drawSample();
    expect(refusalOf(photoReport(good))).toBeUndefined();
    const refused = async (sample: Sample | Promise<Sample>) => refusalOf(photoReport(await sample))?.message;
    expect(await refused(change(good, (picture) => picture.linear(0.08, 0)))).toMatch(/too dark/);
    expect(await refused(change(good, (picture) => picture.blur(9)))).toMatch(/too blurred/);
    expect(await refused(change(good, (picture) => picture.linear(4, 0)))).toMatch(/burnt out/);
    expect(await refused(shrink(good, 7))).toMatch(/only 5\d pixels high/);
  });
});
