import type { Size } from '../../api/media.ts';

/** A size that is not known yet: of a file without an end. */
const UNKNOWN = Buffer.from('01ffffffffffffff', 'hex');
/** A cluster spans this many frames; times in it are 16 bits. */
const FRAMES_PER_CLUSTER = 250;

/**
 * The head of an endless Matroska file of raw I420 pictures, BT.601 limited range. Nothing is encoded: OBS is on this
 * machine, and 720p is 35 MB a second.
 */
export function matroskaHead({ width, height }: Size): Buffer {
  const colour = element('55b0', element('55b1', number(6)), element('55b9', number(1)));
  const fourcc = element('2eb524', Buffer.from('I420', 'latin1'));
  const video = element('e0', element('b0', number(width)), element('ba', number(height)), fourcc, colour);
  const codec = element('86', Buffer.from('V_UNCOMPRESSED', 'latin1'));
  const track = element(
    'ae',
    ...[element('d7', number(1)), element('73c5', number(1)), element('83', number(1)), element('9c', number(0))],
    ...[codec, video],
  );
  const ebml = element(
    '1a45dfa3',
    ...[element('4286', number(1)), element('42f7', number(1)), element('42f2', number(4)), element('42f3', number(8))],
    ...[element('4282', Buffer.from('matroska', 'latin1')), element('4287', number(4)), element('4285', number(2))],
  );
  const info = element('1549a966', element('2ad7b1', number(1_000_000)));
  return Buffer.concat([ebml, Buffer.from('18538067', 'hex'), UNKNOWN, info, element('1654ae6b', track)]);
}

/**
 * What goes before a picture's bytes. Frame n is stamped n milliseconds: a clock that runs slower than real time is
 * always late, so OBS shows each picture the moment it arrives and never keeps what it read ahead as delay.
 * @param index of the picture in this stream, from 0.
 */
export function matroskaFrameHead(index: number, byteLength: number): Buffer {
  const inCluster = index % FRAMES_PER_CLUSTER;
  const block = Buffer.alloc(13);
  block[0] = 0xa3;
  writeSize(block, 1, byteLength + 4);
  block[9] = 0x81;
  block.writeInt16BE(inCluster, 10);
  block[12] = 0x80;
  if (inCluster !== 0) return block;
  return Buffer.concat([Buffer.from('1f43b675', 'hex'), UNKNOWN, element('e7', number(index)), block]);
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

function number(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  const first = bytes.findIndex((byte) => byte !== 0);
  return bytes.subarray(first === -1 ? 7 : first);
}
