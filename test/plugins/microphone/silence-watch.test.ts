import { describe, expect, it } from 'vitest';
import { SilenceWatch } from '../../../src/plugins/microphone/silence-watch.ts';

const zeros = new Float32Array(2000);
const hiss = Float32Array.from(zeros, (_, n) => (n === 1000 ? 1 / 32_768 : 0));

describe('SilenceWatch', () => {
  it('takes ten seconds of digital zeros for a muted microphone, and one step of noise for a live one', () => {
    const watch = new SilenceWatch(10);
    for (let n = 1; n < 80; n++) expect(watch.observe(zeros, 16_000)).toBe(false);
    expect(watch.isSilent).toBe(false);
    expect([watch.observe(zeros, 16_000), watch.isSilent]).toEqual([true, true]);
    expect([watch.observe(zeros, 16_000), watch.isSilent]).toEqual([false, true]);
    expect([watch.observe(hiss, 16_000), watch.isSilent]).toEqual([true, false]);
  });

  it('never takes a quiet room for a muted microphone', () => {
    const watch = new SilenceWatch(0.2);
    for (let n = 0; n < 100; n++) {
      watch.observe(zeros, 16_000);
      watch.observe(hiss, 16_000);
      expect(watch.isSilent).toBe(false);
    }
  });
});
