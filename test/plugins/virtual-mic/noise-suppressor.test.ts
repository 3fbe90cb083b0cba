import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Resampler } from '../../../src/media/resample.ts';
import { NoiseSuppressor } from '../../../src/plugins/virtual-mic/noise-suppressor.ts';
import { readWav } from '../../fakes/read-wav.ts';

const RATE_HZ = 48_000;
const SECONDS = 8;

/** A voice at 48 kHz: the speech that comes with the program. */
function speech(): Float32Array {
  const samples = readWav(fileURLToPath(new URL('../../../src/app/welcome.wav', import.meta.url)));
  const whole = new Resampler(16_000, RATE_HZ).push(samples);
  return whole.slice(0, SECONDS * RATE_HZ);
}

/** White noise that is the same at every run. */
function noise(length: number, amplitude: number): Float32Array {
  let state = 1;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state / 2 ** 31 - 1) * amplitude;
  });
}

function pushAll(suppressor: NoiseSuppressor, samples: Float32Array, chunk: number, keep = false): Float32Array {
  const parts: number[] = [];
  for (let at = 0; at < samples.length; at += chunk) {
    parts.push(...suppressor.push(samples.subarray(at, at + chunk), keep));
  }
  return Float32Array.from(parts);
}

/** Where `out` fits `voice` best, in samples later, and how well: their correlation there. */
function findShift(voice: Float32Array, out: Float32Array): { readonly shift: number; readonly likeness: number } {
  let best = { shift: 0, likeness: -1 };
  for (let shift = 0; shift < 1500; shift += 1) {
    let [both, one, other] = [0, 0, 0];
    for (let at = RATE_HZ; at + shift < out.length; at += 7) {
      both += voice[at]! * out[at + shift]!;
      one += voice[at]! ** 2;
      other += out[at + shift]! ** 2;
    }
    const likeness = both / Math.sqrt(one * other);
    if (likeness > best.likeness) best = { shift, likeness };
  }
  return best;
}

/** Mean level of `sound`, shifted back, where the voice is silent, in dB. */
function levelInPauses(voice: Float32Array, sound: Float32Array, shift: number): number {
  let [power, count] = [0, 0];
  for (let at = RATE_HZ; at + shift + 480 < sound.length; at += 480) {
    if (voice.subarray(at - 480, at + 960).some((sample) => Math.abs(sample) > 0.002)) continue;
    for (let n = 0; n < 480; n++) power += sound[at + shift + n]! ** 2;
    count += 480;
  }
  return 10 * Math.log10(power / count);
}

describe('noise in the voice that others hear', () => {
  it('goes by at least 20 dB in pauses, the voice stays, and comes out as late as it says', async () => {
    using suppressor = await NoiseSuppressor.load();
    const voice = speech();
    const hiss = noise(voice.length, 0.02);
    const noisy = voice.map((sample, n) => sample + hiss[n]!);
    const out = pushAll(suppressor, noisy, 960);
    const { shift, likeness } = findShift(voice, out);
    expect(likeness).toBeGreaterThan(0.95);
    expect(Math.abs(shift / 48 - suppressor.behindMs)).toBeLessThan(1);
    expect(levelInPauses(voice, noisy, 0) - levelInPauses(voice, out, shift)).toBeGreaterThan(20);
  });

  it('is the same whatever the pieces it comes in, and none of it is lost', async () => {
    using one = await NoiseSuppressor.load();
    using other = await NoiseSuppressor.load();
    const voice = speech().subarray(0, RATE_HZ);
    const whole = pushAll(one, voice, voice.length);
    const pieces = pushAll(other, voice, 331);
    expect(pieces).toEqual(whole);
    expect(pieces.length).toBe(Math.floor(voice.length / 480) * 480);
  });

  it('stays where it must not be touched, just as late', async () => {
    using suppressor = await NoiseSuppressor.load();
    const pulses = noise(RATE_HZ, 0.5);
    const out = pushAll(suppressor, pulses, 480, true);
    expect(out.subarray(960)).toEqual(pulses.subarray(0, RATE_HZ - 960));
    expect(suppressor.behindMs).toBe(20);
    expect((globalThis as { WorkerGlobalScope?: unknown }).WorkerGlobalScope).toBeUndefined();
  });
});
