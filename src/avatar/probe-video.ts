import { execFile } from 'node:child_process';
import type { Size } from '../api/media.ts';
import { systemCodeOf } from '../base/errors.ts';

/** What ffprobe says about the one stream of a video file. */
export interface VideoFacts {
  readonly codec: string;
  readonly pixelFormat: string;
  readonly width: number;
  readonly height: number;
  /** Coded pictures in the file. */
  readonly frameCount: number;
  readonly streamCount: number;
}

/** Why a video could not be looked at. */
export class ProbeError extends Error {
  override readonly name = 'ProbeError';
  /** `missing`: there is no ffprobe; `failed`: it found no video, gave up, or took too long. */
  readonly reason: 'missing' | 'failed';

  constructor(reason: ProbeError['reason'], message: string) {
    super(message);
    this.reason = reason;
  }
}

/** Reading all packets of the largest file takes a few seconds on a slow disk. */
const TIME_LIMIT_MS = 30_000;
/** One stream in JSON has 300 bytes. */
const MAX_OUTPUT_BYTES = 64_000;
/** No single piece of memory of ffprobe's may be larger; tables in a hostile head claim any size. */
const MAX_BLOCK_BYTES = 256_000_000;
/** Decoders round sizes up to whole blocks. */
const BLOCK_PX = 64;

/**
 * Looks at the video of an avatar, which may come from anybody: only as mp4, only this one file, no decoder gets more
 * pixels than the avatar has, with limited time and output. Packets are counted, nothing but the head is decoded.
 * @throws ProbeError; the signal's reason when aborted.
 */
export function probeVideo(path: string, size: Size, program: string, signal?: AbortSignal): Promise<VideoFacts> {
  const blocks = (length: number) => Math.ceil(length / BLOCK_PX) * BLOCK_PX;
  const args = ['-v', 'error', '-max_alloc', String(MAX_BLOCK_BYTES)];
  args.push('-protocol_whitelist', 'file,pipe', '-f', 'mov');
  args.push('-max_pixels', String(blocks(size.width) * blocks(size.height)), '-count_packets');
  args.push('-show_entries', 'stream=codec_type,codec_name,pix_fmt,width,height,nb_read_packets', '-of', 'json');
  return new Promise((resolve, reject) => {
    const options = { timeout: TIME_LIMIT_MS, maxBuffer: MAX_OUTPUT_BYTES, killSignal: 'SIGKILL', signal } as const;
    const child = execFile(program, [...args, `file:${path}`], options, (error, stdout, stderr) => {
      process.removeListener('exit', end);
      if (signal?.aborted) reject(signal.reason);
      else if (systemCodeOf(error) === 'ENOENT') reject(new ProbeError('missing', `there is no ${program}`));
      else if (error) reject(new ProbeError('failed', error.killed ? 'ffprobe took too long' : lastLine(stderr)));
      else resolve(readFacts(stdout));
    });
    const end = () => child.kill('SIGKILL');
    process.once('exit', end);
    child.stdin?.end();
  }).then((facts) => {
    if (facts) return facts as VideoFacts;
    throw new ProbeError('failed', 'it holds no video');
  });
}

function readFacts(text: string): VideoFacts | undefined {
  const { streams } = JSON.parse(text) as { streams?: Record<string, unknown>[] };
  const video = streams?.find((stream) => stream.codec_type === 'video');
  if (!streams || !video) return undefined;
  return {
    codec: String(video.codec_name),
    pixelFormat: String(video.pix_fmt),
    width: Number(video.width),
    height: Number(video.height),
    frameCount: Number(video.nb_read_packets),
    streamCount: streams.length,
  };
}

/** What ffprobe said last, without the file's path, in one line. */
function lastLine(stderr: string): string {
  const line = stderr.trim().split('\n').at(-1) ?? '';
  return line.replace(/^file:\S*: /, '').slice(0, 200) || 'ffprobe gave up';
}
