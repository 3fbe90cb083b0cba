import { describe, expect, it } from 'vitest';
import { PcmDecoder } from '../../../src/plugins/microphone/pcm-decoder.ts';
import { s16 } from '../../fakes/make-wav.ts';

const SAMPLES = [0, 1, -1, 255, -256, 32_767, -32_768, 12_345, -12_345];

describe('PcmDecoder', () => {
  it.each([1, 2, 3, 5, 7, 18])('decodes the same samples when bytes come %i at a time', (length) => {
    const bytes = s16(...SAMPLES);
    const decoder = new PcmDecoder();
    const decoded: number[] = [];
    for (let at = 0; at < bytes.length; at += length) {
      decoded.push(...decoder.decode(bytes.subarray(at, at + length)));
      decoded.push(...decoder.decode(Buffer.alloc(0)));
    }
    expect(decoded.map((sample) => sample * 32_768)).toEqual(SAMPLES);
  });
});
