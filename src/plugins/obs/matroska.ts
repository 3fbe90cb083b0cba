import type { Size } from '../../api/media.ts';
import type { StreamFormat } from './stream-format.ts';

/** A size that is not known yet: of a file without an end. */
const UNKNOWN = Buffer.from('01ffffffffffffff', 'hex');
/** Numbers of the tracks. */
const PICTURE = 1;
const SOUND = 2;

/** Rate of the sound track, in Hz: mono, 16 bits, little endian. */
export const STREAM_SOUND_RATE_HZ = 48_000;

/** Codec, and for raw pictures the code of their layout. */
const CODECS: Readonly<Record<StreamFormat, { readonly id: string; readonly layout?: string }>> = {
  i420: { id: 'V_UNCOMPRESSED', layout: 'I420' },
  rgba: { id: 'V_UNCOMPRESSED', layout: 'RGBA' },
  mjpeg: { id: 'V_MJPEG' },
};

/**
 * The head of an endless Matroska file: one track of pictures and, if wanted, one of sound. Nothing need be encoded: OBS is
 * on this machine, and 720p raw is 35 MB a second, with alpha 92.
 */
export function matroskaHead(size: Size, format: StreamFormat, hasSound: boolean): Buffer {
  const ebml = element(
    '1a45dfa3',
    ...[element('4286', number(1)), element('42f7', number(1)), element('42f2', number(4)), element('42f3', number(8))],
    ...[element('4282', text('matroska')), element('4287', number(4)), element('4285', number(2))],
  );
  const info = element('1549a966', element('2ad7b1', number(1_000_000)));
  const tracks = [pictureTrack(size, format), ...(hasSound ? [soundTrack()] : [])];
  return Buffer.concat([ebml, Buffer.from('18538067', 'hex'), UNKNOWN, info, element('1654ae6b', ...tracks)]);
}

/** Writes what stands before each block's bytes, and begins clusters. One for each reader: each has a time of its own. */
export class MatroskaBlocks {
  readonly #clusterLengthMs: number;
  /** Time of the cluster that is being filled, in ms. */
  #clusterMs = Number.NEGATIVE_INFINITY;

  /** @param clusterLengthMs how much of the file's time a cluster holds, in ms; times in it are 16 bits. */
  constructor(clusterLengthMs: number) {
    this.#clusterLengthMs = clusterLengthMs;
  }

  /** @param atMs when it is shown, in whole ms of the file's time. */
  picture(atMs: number, byteLength: number): Buffer {
    return this.#block(PICTURE, atMs, byteLength);
  }

  /** @param atMs when it is heard, in whole ms of the file's time. */
  sound(atMs: number, byteLength: number): Buffer {
    return this.#block(SOUND, atMs, byteLength);
  }

  #block(track: number, atMs: number, byteLength: number): Buffer {
    const isNew = atMs - this.#clusterMs >= this.#clusterLengthMs;
    if (isNew) this.#clusterMs = atMs;
    const block = Buffer.alloc(13);
    block[0] = 0xa3;
    writeSize(block, 1, byteLength + 4);
    block[9] = 0x80 | track;
    // Sound may begin a little before the picture that opened the cluster.
    block.writeInt16BE(atMs - this.#clusterMs, 10);
    block[12] = 0x80;
    if (!isNew) return block;
    return Buffer.concat([Buffer.from('1f43b675', 'hex'), UNKNOWN, element('e7', number(Math.max(0, atMs))), block]);
  }
}

function pictureTrack({ width, height }: Size, format: StreamFormat): Buffer {
  const { id, layout } = CODECS[format];
  const details = [element('b0', number(width)), element('ba', number(height))];
  if (layout !== undefined) details.push(element('2eb524', text(layout)));
  // BT.601, limited range; a JPEG and RGB have a range of their own.
  if (format === 'i420') details.push(element('55b0', element('55b1', number(6)), element('55b9', number(1))));
  return track(PICTURE, 1, id, element('e0', ...details));
}

function soundTrack(): Buffer {
  const rate = Buffer.alloc(4);
  rate.writeFloatBE(STREAM_SOUND_RATE_HZ);
  const details = [element('b5', rate), element('9f', number(1)), element('6264', number(16))];
  return track(SOUND, 2, 'A_PCM/INT/LIT', element('e1', ...details));
}

function track(index: number, type: number, codec: string, details: Buffer): Buffer {
  return element(
    'ae',
    ...[element('d7', number(index)), element('73c5', number(index)), element('83', number(type))],
    ...[element('9c', number(0)), element('86', text(codec)), details],
  );
}

function element(id: string, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const size = Buffer.alloc(8);
  writeSize(size, 0, body.length);
  return Buffer.concat([Buffer.from(id, 'hex'), size, body]);
}

/** A size as Matroska's eight-byte number. */
function writeSize(out: Buffer, at: number, size: number): void {
  out[at] = 0x01;
  out.writeUIntBE(Math.floor(size / 2 ** 32), at + 1, 3);
  out.writeUInt32BE(size % 2 ** 32, at + 4);
}

function text(words: string): Buffer {
  return Buffer.from(words, 'latin1');
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  const first = bytes.findIndex((byte) => byte !== 0);
  return bytes.subarray(first === -1 ? 7 : first);
}
