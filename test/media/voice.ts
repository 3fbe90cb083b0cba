import { SAMPLE_RATE_HZ } from '../../src/api/media.ts';
import { seededValues } from '../onnx/seeded.ts';

/**
 * A gliding buzz with three resonances in syllables, a hiss before each second one, and faint noise: 16 kHz mono. Equal to
 * voice() of scripts/musetalk/make-hearing-golden.py but for rounding.
 */
export function makeVoice(count: number): Float32Array {
  const weights = Array.from({ length: 30 }, (_, i) =>
    [600, 1300, 2600].reduce((sum, middle) => sum + 1 / (1 + ((120 * (i + 1) - middle) / 150) ** 2), 0),
  );
  const noise = seededValues('voice.noise', [count]);
  return Float32Array.from({ length: count }, (_, n) => {
    const seconds = n / SAMPLE_RATE_HZ;
    const phase = 2 * Math.PI * (120 * seconds + 4 * Math.sin(2 * Math.PI * 0.7 * seconds));
    const syllable = Math.max(0, Math.sin(2 * Math.PI * 2.3 * seconds)) ** 2;
    const hiss = Math.max(0, Math.sin(2 * Math.PI * 1.15 * seconds + 2)) ** 8;
    let sound = 0;
    if (syllable > 0) for (let i = 0; i < 30; i++) sound += weights[i]! * Math.sin((i + 1) * phase);
    return 0.12 * syllable * sound + (0.05 * hiss + 0.001) * noise[n]!;
  });
}
