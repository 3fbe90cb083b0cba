import { describe, expect, it } from 'vitest';
import type { QualityReport } from '../../../src/api/avatar.ts';
import { describeReport, valueWithUnit } from '../../../src/avatar/report/describe-report.ts';

const report: QualityReport = {
  verdict: 'fair',
  frames: { total: 268, usable: 229 },
  measures: [
    { id: 'face-height', label: 'Face height', value: 251, unit: 'px', rating: 'good' },
    { id: 'yaw', label: 'Turned to the side', value: 24, unit: '°', rating: 'fair', advice: 'Look into the camera.' },
    { id: 'cuts', label: 'Cuts', value: 5, unit: '', rating: 'poor', advice: 'Choose one shot.' },
  ],
};

describe('the report in words', () => {
  it('begins with the verdict and stands in columns', () => {
    expect(describeReport(report).map((line) => line.text)).toEqual([
      '! Usable; could be better (229 of 268 frames can speak, 10.7 s)',
      '✔ Face height         251 px',
      '! Turned to the side  24°',
      '✖ Cuts                5',
    ]);
  });

  it('carries rating and advice for whoever colours it', () => {
    const [, good, turned] = describeReport(report);
    expect(good).not.toHaveProperty('advice');
    expect(turned).toMatchObject({ rating: 'fair', mark: '!', value: '24°', advice: 'Look into the camera.' });
  });

  it('counts no frames of a photo', () => {
    const photo: QualityReport = { verdict: 'good', frames: { total: 1, usable: 1 }, measures: [] };
    expect(describeReport(photo).map((line) => line.text)).toEqual(['✔ Good for an avatar']);
  });

  it('writes units as people do', () => {
    expect(valueWithUnit({ value: 3, unit: '' })).toBe('3');
    expect(valueWithUnit({ value: 0.3, unit: 'px' })).toBe('0.3 px');
  });
});
