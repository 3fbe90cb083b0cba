import type { WavFormat } from './wav-format.ts';

/**
 * Mixes whole frames of interleaved little-endian samples to mono, -1 … 1, as the mean of all channels but the
 * subwoofer. Integers are divided by 2^(bits - 1), so that full scale is -1; floats are clamped and NaN becomes 0.
 * Writes `count` samples to `output` from index 0.
 */
export function decodeToMono(bytes: Buffer, format: WavFormat, count: number, output: Float32Array): void {
  const { channelCount, frameBytes, lowFrequencyChannel } = format;
  const read = READERS[format.encoding];
  const sampleBytes = frameBytes / channelCount;
  const isMixed = (channel: number) => channel !== lowFrequencyChannel;
  const mixed = lowFrequencyChannel >= 0 && lowFrequencyChannel < channelCount ? channelCount - 1 : channelCount;
  for (let frame = 0; frame < count; frame++) {
    let sum = 0;
    for (let channel = 0; channel < channelCount; channel++) {
      if (isMixed(channel)) sum += read(bytes, frame * frameBytes + channel * sampleBytes);
    }
    output[frame] = sum / mixed;
  }
}

const READERS: Readonly<Record<WavFormat['encoding'], (bytes: Buffer, offset: number) => number>> = {
  u8: (bytes, offset) => (bytes[offset]! - 128) / 128,
  s16: (bytes, offset) => bytes.readInt16LE(offset) / 32_768,
  s24: (bytes, offset) => bytes.readIntLE(offset, 3) / 8_388_608,
  s32: (bytes, offset) => bytes.readInt32LE(offset) / 2_147_483_648,
  f32: (bytes, offset) => clamp(bytes.readFloatLE(offset)),
  f64: (bytes, offset) => clamp(bytes.readDoubleLE(offset)),
};

function clamp(value: number): number {
  return Number.isNaN(value) ? 0 : Math.min(1, Math.max(-1, value));
}
