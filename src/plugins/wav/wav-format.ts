import { AppError } from '../../base/errors.ts';

/** How a sample is stored. */
type WavEncoding = 'u8' | 's16' | 's24' | 's32' | 'f32' | 'f64';

/** What the `fmt ` chunk of a WAV file says. */
export interface WavFormat {
  readonly encoding: WavEncoding;
  readonly sampleRateHz: number;
  readonly channelCount: number;
  /** Bytes of one sample of all channels together. */
  readonly frameBytes: number;
  /** Which of the channels is the subwoofer, -1 for none: left out of the mono mix. */
  readonly lowFrequencyChannel: number;
}

/** Rates taken as real, in Hz. Equal to what can be resampled to 16 kHz. */
const RATE_LIMITS_HZ = { min: 8_000, max: 192_000 } as const;
const MAX_CHANNELS = 64;
/** WAVE_FORMAT_EXTENSIBLE: the real tag is the first two bytes of a GUID that ends like this. */
const EXTENSIBLE_TAG = 0xfffe;
const GUID_TAIL = '000000001000800000aa00389b71';
const LOW_FREQUENCY_BIT = 0x8;

/** Names of the codecs that turn up inside WAV files, by format tag (RFC 2361). */
const CODEC_NAMES: Readonly<Record<number, string>> = {
  2: 'Microsoft ADPCM',
  6: 'A-law',
  7: 'µ-law',
  17: 'IMA ADPCM',
  49: 'GSM 6.10',
  64: 'G.721 ADPCM',
  80: 'MPEG audio',
  85: 'MP3',
  255: 'AAC',
  8192: 'AC-3',
};
const PCM_ENCODINGS: Readonly<Record<number, WavEncoding>> = { 1: 'u8', 2: 's16', 3: 's24', 4: 's32' };
const FLOAT_ENCODINGS: Readonly<Record<number, WavEncoding>> = { 4: 'f32', 8: 'f64' };

/**
 * Reads the body of a `fmt ` chunk.
 * @throws AppError WAV_DAMAGED for impossible values, WAV_UNSUPPORTED_CODEC for compressed sound.
 */
export function parseWavFormat(chunk: Buffer, path: string): WavFormat {
  if (chunk.length < 16) throw damaged(path, `its format chunk has ${chunk.length} bytes instead of 16 or more`);
  const outerTag = chunk.readUInt16LE(0);
  const isExtensible = outerTag === EXTENSIBLE_TAG && chunk.length >= 40;
  const tag = isExtensible && chunk.toString('hex', 26, 40) === GUID_TAIL ? chunk.readUInt16LE(24) : outerTag;
  const channelCount = chunk.readUInt16LE(2);
  const sampleRateHz = chunk.readUInt32LE(4);
  checkPlausible(channelCount, sampleRateHz, path);
  const speakers = isExtensible && channelCount > 2 ? chunk.readUInt32LE(20) : 0;
  return {
    encoding: findEncoding(tag, chunk, channelCount, path),
    sampleRateHz,
    channelCount,
    frameBytes: chunk.readUInt16LE(12),
    lowFrequencyChannel: findLowFrequencyChannel(speakers),
  };
}

function checkPlausible(channelCount: number, sampleRateHz: number, path: string): void {
  const { min, max } = RATE_LIMITS_HZ;
  if (channelCount === 0 || channelCount > MAX_CHANNELS) throw damaged(path, `it claims ${channelCount} channels`);
  if (sampleRateHz < min || sampleRateHz > max) {
    throw damaged(path, `it claims ${sampleRateHz} Hz; ${min} to ${max} Hz can be played`);
  }
}

/** Chosen by the container's size: 20 bits in 3 bytes are left-justified, so that they read as 24. */
function findEncoding(tag: number, chunk: Buffer, channelCount: number, path: string): WavEncoding {
  if (tag !== 1 && tag !== 3) throw unsupported(path, CODEC_NAMES[tag] ?? `codec 0x${tag.toString(16)}`);
  const frameBytes = chunk.readUInt16LE(12);
  const bitCount = chunk.readUInt16LE(14);
  const sampleBytes = frameBytes / channelCount;
  const encoding = (tag === 1 ? PCM_ENCODINGS : FLOAT_ENCODINGS)[sampleBytes];
  if (encoding && bitCount <= sampleBytes * 8) return encoding;
  throw damaged(path, `it claims ${bitCount}-bit samples in ${frameBytes} bytes for ${channelCount} channel(s)`);
}

/** Channels stand in the order of the bits of the speaker mask. */
function findLowFrequencyChannel(speakers: number): number {
  if ((speakers & LOW_FREQUENCY_BIT) === 0) return -1;
  let before = 0;
  for (let bit = 1; bit < LOW_FREQUENCY_BIT; bit <<= 1) if (speakers & bit) before++;
  return before;
}

/** The command that turns anything ffmpeg knows into a file we play. */
export function convertCommand(path: string): string {
  return `Convert it: ffmpeg -i ${quote(path)} -ac 1 -ar 16000 -c:a pcm_s16le voice.wav`;
}

/** AppError WAV_DAMAGED: the file is a WAV file, but what it says about itself cannot be true. */
export function damaged(path: string, what: string): AppError {
  return new AppError('WAV_DAMAGED', `${path} is a damaged WAV file: ${what}.`, { fix: convertCommand(path) });
}

function unsupported(path: string, codec: string): AppError {
  return new AppError('WAV_UNSUPPORTED_CODEC', `${path} holds ${codec}, not plain samples (PCM or float).`, {
    fix: convertCommand(path),
  });
}

function quote(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}
