import { createInterface } from 'node:readline';
import { z } from 'zod';
import { inputArguments, MediaProgram } from './run-ffmpeg.ts';

/** The moving picture inside a video file, as it is stored. */
export interface VideoStream {
  /** Which of the file's streams it is. */
  readonly index: number;
  /** Size of the stored pictures after turning them upright, before their pixels are made square. */
  readonly storedWidth: number;
  readonly storedHeight: number;
  /** Width of a pixel by its height, upright. */
  readonly pixelAspect: number;
  /** Undefined where the file does not say. */
  readonly durationSeconds: number | undefined;
  /** Whether the duration is this stream's own; otherwise it is the file's, whose sound may be longer. */
  readonly isDurationOwn: boolean;
  readonly framesPerSecond: number;
  /** How many pictures there are, where the file says so. */
  readonly pictureCount: number | undefined;
  /** Which YCbCr this is, by ffmpeg's name for swscale; undefined for RGB. */
  readonly matrix: 'bt709' | 'bt601' | 'smpte240m' | 'fcc' | 'bt2020' | undefined;
  readonly isFullRange: boolean;
  /** How bright light is written down, where that is not for a plain screen. */
  readonly hdr: 'smpte2084' | 'arib-std-b67' | undefined;
  readonly isInterlaced: boolean;
}

/** What is inside a media file. */
export interface StreamProbe {
  readonly video: VideoStream | undefined;
  readonly hasSound: boolean;
}

const number = z.coerce.number().finite();
const streamSchema = z.object({
  index: z.number().int().min(0),
  codec_type: z.string().optional(),
  width: z.number().int().optional(),
  height: z.number().int().optional(),
  sample_aspect_ratio: z.string().optional(),
  pix_fmt: z.string().optional(),
  color_range: z.string().optional(),
  color_space: z.string().optional(),
  color_transfer: z.string().optional(),
  field_order: z.string().optional(),
  avg_frame_rate: z.string().optional(),
  r_frame_rate: z.string().optional(),
  duration: number.optional(),
  nb_frames: number.optional(),
  disposition: z.object({ attached_pic: z.number().optional() }).optional(),
  tags: z.record(z.string(), z.string()).optional(),
  side_data_list: z.array(z.object({ rotation: number.optional() })).optional(),
});
const probeSchema = z.object({
  streams: z.array(streamSchema).default([]),
  format: z.object({ duration: number.optional() }).default({}),
});
type Stream = z.infer<typeof streamSchema>;

/** ffprobe looks at heads only; what takes longer hangs. In ms. */
const PROBE_LIMIT_MS = 30_000;
/** What ffprobe may say at most, in characters. */
const MAX_ANSWER = 4_000_000;
/** Pictures as high as this and without a note of their colours were made for HD: BT.709. */
const HD_HEIGHT = 720;

/**
 * Asks ffprobe what is inside a file.
 * @returns words of ffprobe where it is no media file.
 * @throws AppError FFMPEG_MISSING; the signal's reason when aborted.
 */
export async function probeStreams(path: string, signal: AbortSignal): Promise<StreamProbe | string> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(PROBE_LIMIT_MS)]);
  const args = ['-show_streams', '-show_format', '-of', 'json', ...inputArguments(path)];
  await using program = await MediaProgram.start('ffprobe', args, limit);
  program.output.setEncoding('utf8');
  let answer = '';
  for await (const part of program.output) {
    answer += String(part);
    if (answer.length > MAX_ANSWER) return 'its head never ends';
  }
  const { code, lastWords } = await program.ended;
  signal.throwIfAborted();
  if (code !== 0) return lastWords.replace(/^file:.*?: /, '') || 'it cannot be read';
  const { streams, format } = probeSchema.parse(JSON.parse(answer));
  const pictures = streams.filter((stream) => stream.codec_type === 'video' && !stream.disposition?.attached_pic);
  // A file may hold a small copy beside the picture itself.
  const stream = pictures.sort((a, b) => areaOf(b) - areaOf(a)).find((one) => areaOf(one) > 0);
  const hasSound = streams.some((one) => one.codec_type === 'audio');
  return { video: stream && readStream(stream, format.duration), hasSound };
}

/** Length of a stream in seconds by reading through its packets: for files whose head does not say it. */
export async function measureDuration(path: string, streamIndex: number, signal: AbortSignal): Promise<number> {
  const entries = ['-select_streams', String(streamIndex), '-show_entries', 'packet=pts_time,duration_time'];
  const args = [...entries, '-of', 'csv=p=0', ...inputArguments(path)];
  await using program = await MediaProgram.start('ffprobe', args, signal);
  let first = Number.POSITIVE_INFINITY;
  let last = 0;
  for await (const line of createInterface({ input: program.output })) {
    const [time, length] = line.split(',').map(Number);
    if (time === undefined || !Number.isFinite(time)) continue;
    first = Math.min(first, time);
    last = Math.max(last, time + (Number.isFinite(length) ? (length ?? 0) : 0));
  }
  signal.throwIfAborted();
  return Math.max(0, last - first);
}

function readStream(stream: Stream, fileSeconds: number | undefined): VideoStream {
  const turn = Math.abs(stream.side_data_list?.find((data) => data.rotation !== undefined)?.rotation ?? 0);
  const isLying = Math.round(turn / 90) % 2 === 1;
  const aspect = readRatio(stream.sample_aspect_ratio, ':') || 1;
  const own = stream.duration ?? readClock(stream.tags?.DURATION);
  const rate = readRatio(stream.avg_frame_rate, '/') || readRatio(stream.r_frame_rate, '/');
  return {
    index: stream.index,
    storedWidth: (isLying ? stream.height : stream.width) ?? 0,
    storedHeight: (isLying ? stream.width : stream.height) ?? 0,
    pixelAspect: isLying ? 1 / aspect : aspect,
    durationSeconds: own ?? fileSeconds,
    isDurationOwn: own !== undefined,
    framesPerSecond: rate,
    pictureCount: stream.nb_frames,
    matrix: readMatrix(stream),
    isFullRange: stream.color_range === 'pc' || /^yuvj/.test(stream.pix_fmt ?? ''),
    hdr:
      stream.color_transfer === 'smpte2084' || stream.color_transfer === 'arib-std-b67'
        ? stream.color_transfer
        : undefined,
    isInterlaced: ['tt', 'bb', 'tb', 'bt'].includes(stream.field_order ?? ''),
  };
}

function readMatrix({ pix_fmt, color_space, height, width }: Stream): VideoStream['matrix'] {
  if (/^(rgb|bgr|gbr|argb|abgr|0rgb|pal8)/.test(pix_fmt ?? '')) return undefined;
  switch (color_space) {
    case 'bt709':
    case 'smpte240m':
    case 'fcc':
      return color_space;
    case 'bt470bg':
    case 'smpte170m':
      return 'bt601';
    case 'bt2020nc':
    case 'bt2020c':
      return 'bt2020';
    default:
      return Math.min(height ?? 0, width ?? 0) >= HD_HEIGHT ? 'bt709' : 'bt601';
  }
}

function areaOf({ width, height }: Stream): number {
  return (width ?? 0) * (height ?? 0);
}

/** `30000/1001`, `4:3`; 0 for what is unknown (`0/0`, `0:1`, `N/A`). */
function readRatio(text: string | undefined, separator: string): number {
  const [over, under] = (text ?? '').split(separator).map(Number);
  const ratio = over! / (under ?? 1);
  return Number.isFinite(ratio) ? ratio : 0;
}

/** `00:00:10.720000000`, as Matroska says it, in seconds. */
function readClock(text: string | undefined): number | undefined {
  const [, hours, minutes, seconds] = /^(\d+):(\d+):(\d+(?:\.\d+)?)$/.exec(text ?? '') ?? [];
  return seconds === undefined ? undefined : Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
}
