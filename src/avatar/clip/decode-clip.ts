import { FRAMES_PER_SECOND, type Rect } from '../../api/media.ts';
import { AppError } from '../../base/errors.ts';
import type { Picture } from '../picture.ts';
import type { DecodeOptions } from './clip.ts';
import { readFrames } from './frame-stream.ts';
import { readPictures, type ShownPicture } from './picture-frames.ts';
import type { ProbedClip } from './probe-clip.ts';
import type { VideoStream } from './probe-streams.ts';
import { ffmpegHas, inputArguments, MediaProgram } from './run-ffmpeg.ts';

/** What of the frames that the head promised must be there. */
const MIN_SHARE = 0.9;
/** HDR: how bright paper white is, and the brightest light that is kept, in candela per square metre (ITU-R BT.2408). */
const WHITE_NITS = 203;
const PEAK_NITS = 1000;

/**
 * Decodes a clip: 25 frames a second, upright, square pixels, RGB24 in sRGB. Ends with the part that is used, or a little
 * sooner where the clip holds less than its head says. A picture is valid until the next one is asked for. Beginning at
 * a later frame gives the same pictures as counting there.
 * @throws AppError CLIP_DAMAGED where less than nine tenths can be decoded, FFMPEG_MISSING; the signal's reason when aborted.
 */
export async function* decodeClip(
  clip: ProbedClip,
  options: DecodeOptions,
  signal: AbortSignal,
): AsyncGenerator<Picture> {
  const part = options.part ?? { x: 0, y: 0, width: clip.width, height: clip.height };
  const firstFrame = options.firstFrame ?? 0;
  const end: DecoderEnd = { lastWords: '' };
  const { content } = clip;
  const pictures =
    'index' in content
      ? fromVideo(clip, content, part, options, signal, end)
      : fromPictures(clip, content, part, options);
  let frame = firstFrame;
  for await (const picture of pictures) {
    signal.throwIfAborted();
    yield picture;
    frame++;
  }
  signal.throwIfAborted();
  // Where only the file's duration is known its sound may be what is longer: then the decoder has nothing to complain of.
  const isSure = !('index' in content) || content.isDurationOwn || end.lastWords !== '';
  // Beginning at the end is no fault of the clip's.
  const isEmpty = frame === firstFrame && firstFrame > 0;
  if ((isSure || frame === 0) && !isEmpty && frame < clip.frameCount * MIN_SHARE)
    throw damaged(clip, frame, end.lastWords);
}

/** What the decoder said in the end. */
interface DecoderEnd {
  lastWords: string;
}

function fromPictures(
  clip: ProbedClip,
  pictures: readonly ShownPicture[],
  part: Rect,
  { size, firstFrame = 0 }: DecodeOptions,
): AsyncGenerator<Picture> {
  const from = { startSeconds: clip.startSeconds, firstFrame, end: clip.frameCount };
  return readPictures(pictures, from, { whole: clip, part, size });
}

async function* fromVideo(
  clip: ProbedClip,
  stream: VideoStream,
  part: Rect,
  { size, firstFrame = 0 }: DecodeOptions,
  signal: AbortSignal,
  end: DecoderEnd,
): AsyncGenerator<Picture> {
  const count = clip.frameCount - firstFrame;
  if (count <= 0) return;
  const filters = [
    ...(stream.isInterlaced ? ['bwdif=mode=send_frame:deint=interlaced'] : []),
    // Time begins with the first picture. Frames before the first one wanted are decoded and dropped: only so the frames
    // of a clip without an even beat are the same ones wherever one begins.
    ...['setpts=PTS-STARTPTS', `fps=${FRAMES_PER_SECOND}`],
    ...(firstFrame > 0 ? [`trim=start_frame=${firstFrame}`, 'setpts=PTS-STARTPTS'] : []),
    cropFilter(clip, stream, part),
    await scaleFilter(stream, size),
  ];
  const { width, height } = size;
  await using program = await MediaProgram.start(
    'ffmpeg',
    [
      ...(clip.startSeconds > 0 ? ['-ss', clip.startSeconds.toFixed(3)] : []),
      ...inputArguments(clip.source),
      ...['-map', `0:${stream.index}`, '-an', '-sn', '-dn', '-vf', filters.join(',')],
      ...['-frames:v', String(count), '-pix_fmt', 'rgb24', '-f', 'rawvideo', 'pipe:1'],
    ],
    signal,
  );
  for await (const pixels of readFrames(program.output, width * height * 3)) yield { width, height, pixels };
  end.lastWords = (await program.ended).lastWords;
}

/** The part in stored pixels, even, so that the halved colour planes are cut at the same place. */
function cropFilter(clip: ProbedClip, stream: VideoStream, part: Rect): string {
  const across = stream.storedWidth / clip.width;
  const down = stream.storedHeight / clip.height;
  const x = Math.round((part.x * across) / 2) * 2;
  const y = Math.round((part.y * down) / 2) * 2;
  const width = Math.min(stream.storedWidth - x, Math.round(part.width * across));
  const height = Math.min(stream.storedHeight - y, Math.round(part.height * down));
  return `crop=${width}:${height}:${x}:${y}:exact=1`;
}

async function scaleFilter(stream: VideoStream, { width, height }: { width: number; height: number }): Promise<string> {
  const range = stream.isFullRange ? 'full' : 'limited';
  if (stream.hdr && (await ffmpegHas('-filters', 'zscale'))) {
    const source = `tin=${stream.hdr}:pin=bt2020:min=${stream.matrix ? 'bt2020nc' : 'gbr'}:rin=${range}`;
    return [
      `zscale=w=${width}:h=${height}:f=lanczos:${source}:t=linear:npl=${WHITE_NITS}`,
      'format=gbrpf32le',
      'zscale=p=bt709',
      // Mobius leaves darker tones, skin among them, as they are, and only bends what is brighter than paper.
      `tonemap=mobius:param=0.3:desat=0:peak=${(PEAK_NITS / WHITE_NITS).toFixed(2)}`,
      'zscale=t=iec61966-2-1:m=gbr:r=full',
      'format=rgb24',
    ].join(',');
  }
  const colours = stream.matrix ? `:in_color_matrix=${stream.matrix}:in_range=${range}` : '';
  return `scale=${width}:${height}:flags=lanczos+accurate_rnd+full_chroma_int${colours}:out_range=full,format=rgb24`;
}

function damaged(clip: ProbedClip, frames: number, words: string): AppError {
  const share = Math.floor((frames / clip.frameCount) * 100);
  return new AppError(
    'CLIP_DAMAGED',
    `${clip.source} breaks off: only ${share} % of it could be decoded (${frames} of ${clip.frameCount} frames${words && `; ${words}`}).`,
    {
      fix:
        frames >= FRAMES_PER_SECOND
          ? `Get the whole file again, or use what is there: --seconds ${Math.floor((frames / FRAMES_PER_SECOND) * 10) / 10}`
          : 'Get the whole file again',
    },
  );
}
