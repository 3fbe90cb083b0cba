import { open } from 'node:fs/promises';
import sharp from 'sharp';
import { AppError, messageOf, systemCodeOf } from '../../base/errors.ts';
import { probeStreams } from './probe-streams.ts';

/** What a source turned out to be. `animation`: a GIF or WebP that moves. `folder`: of pictures, one per frame. */
export type SourceKind = 'photo' | 'video' | 'animation' | 'folder';

/** Enough for every mark that {@link isVideo} looks for. */
const HEAD_BYTES = 1024;

/**
 * Finds out what a source is by what is in it, whatever it is called. What nobody can read is called a photo: reading
 * it as one says what is wrong with it.
 * @throws AppError SOURCE_MISSING; the signal's reason when aborted.
 */
export async function recogniseSource(source: string, signal: AbortSignal): Promise<SourceKind> {
  const head = await readHead(source);
  if (head === undefined) return 'folder';
  if (isVideo(head)) return 'video';
  try {
    const { pages, format } = await sharp(source, { limitInputPixels: false }).metadata();
    return (pages ?? 1) > 1 && (format === 'gif' || format === 'webp') ? 'animation' : 'photo';
  } catch {
    return (await isMedia(source, signal)) ? 'video' : 'photo';
  }
}

/** The first bytes of a file; undefined for a folder. @throws AppError SOURCE_MISSING. */
async function readHead(source: string): Promise<Uint8Array | undefined> {
  try {
    await using file = await open(source, 'r');
    if ((await file.stat()).isDirectory()) return undefined;
    const { buffer, bytesRead } = await file.read(new Uint8Array(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } catch (thrown) {
    if (systemCodeOf(thrown) === 'EISDIR') return undefined;
    throw sourceMissing(source, thrown);
  }
}

/** There is nothing to read under this path. */
function sourceMissing(source: string, cause: unknown): AppError {
  const reason =
    systemCodeOf(cause) === 'ENOENT' ? 'There is no such file' : `It cannot be opened (${messageOf(cause)})`;
  return new AppError('SOURCE_MISSING', `${reason}: ${source}`, {
    fix: 'Check the path of the photo or clip; quote it if it has spaces',
    cause,
  });
}

/** Media without a mark of its own at the beginning: sound files, raw streams. */
async function isMedia(source: string, signal: AbortSignal): Promise<boolean> {
  try {
    const probe = await probeStreams(source, signal);
    return typeof probe !== 'string' && (probe.video !== undefined || probe.hasSound);
  } catch (thrown) {
    if (thrown instanceof AppError && thrown.code === 'FFMPEG_MISSING') return false;
    throw thrown;
  }
}

/** Whether a file begins like a video: MP4/MOV (but not HEIC or AVIF), Matroska/WebM, AVI, MPEG, FLV. */
function isVideo(bytes: Uint8Array): boolean {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(16, bytes.byteLength)).toString('latin1');
  if (text.slice(4, 8) === 'ftyp') return !/^(avif|avis|hei|hev|mif1|msf1)/.test(text.slice(8));
  return (
    /^(moov|mdat|wide|free)$/.test(text.slice(4, 8)) ||
    text.startsWith('\x1aE\xdf\xa3') ||
    (text.startsWith('RIFF') && text.slice(8, 12) === 'AVI ') ||
    text.startsWith('\x00\x00\x01\xba') ||
    text.startsWith('\x00\x00\x01\xb3') ||
    text.startsWith('FLV\x01') ||
    (bytes[0] === 0x47 && bytes[188] === 0x47 && bytes[376] === 0x47)
  );
}
