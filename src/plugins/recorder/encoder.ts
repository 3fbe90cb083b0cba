import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { FRAMES_PER_SECOND, SAMPLE_RATE_HZ, type Size } from '../../api/media.ts';
import { systemCodeOf } from '../../base/errors.ts';
import { type Codecs, type Container, chooseCodecs } from './codecs.ts';
import { ffmpegMissing } from './failures.ts';
import { metadataArguments } from './synthetic-mark.ts';

/** How many packets ffmpeg reads ahead of each input: 1.3 s of pictures, so that neither input can starve the other. */
const READ_AHEAD_PACKETS = 32;

/**
 * Silence written before everything else and cut off again by ffmpeg, in samples: ffmpeg opens its inputs one after the
 * other and takes no more pictures until it has seen the first sound, whose time may not have come.
 */
const PRIMING_SAMPLES = 8192;

/** What ffmpeg says when it can write no more. */
const FATAL_WORDS =
  /No space left on device|Disk quota exceeded|File too large|Input\/output error|av_interleaved_write_frame|Error (?:muxing|submitting|writing)/i;
/** How long it then has to end by itself, in ms. */
const HANG_UP_MS = 300;

/** How ffmpeg ended. */
export interface EncoderEnd {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The last thing it complained about; empty when it said nothing. */
  readonly lastWords: string;
}

/** What an {@link Encoder} is to write. */
export interface EncoderTarget {
  readonly path: string;
  readonly container: Container;
  readonly size: Size;
  /** Whether each picture is followed by its matte; the container must be able to hold it. */
  readonly hasAlpha: boolean;
}

/** A running ffmpeg that takes I420 pictures and 16 kHz float sound and writes a file. */
export class Encoder {
  readonly #process: ChildProcess;
  /**
   * Raw I420 pictures, one after the other, 25 of them for each second of sound; with alpha each is followed by its matte,
   * Uint8 `[height, width]`.
   */
  readonly pictures: Writable;
  /** Float32 little endian, 16 kHz, mono. */
  readonly sound: Writable;
  /** Resolves when the process has ended and said its last words. */
  readonly ended: Promise<EncoderEnd>;
  #lastWords = '';
  #isDying = false;

  private constructor(process: ChildProcess) {
    this.#process = process;
    this.pictures = process.stdio[0] as Writable;
    this.sound = process.stdio[3] as Writable;
    this.ended = new Promise((resolve) => {
      process.once('close', (code, signal) => resolve({ code, signal, lastWords: this.#lastWords }));
    });
    // A dead ffmpeg shows in `ended` and in the callback of each write.
    this.pictures.on('error', () => {});
    this.sound.on('error', () => {});
    this.sound.write(new Uint8Array(PRIMING_SAMPLES * Float32Array.BYTES_PER_ELEMENT));
    const complaints = process.stdio[2] as Readable;
    complaints.setEncoding('utf8');
    complaints.on('data', (text: string) => this.#listen(text));
  }

  /** @throws AppError FFMPEG_MISSING, RECORDING_CODEC. */
  static async start(target: EncoderTarget): Promise<Encoder> {
    const codecs = await chooseCodecs(target.container, target.hasAlpha);
    const child = spawn('ffmpeg', encoderArguments(target, codecs), {
      stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
      // Ctrl-C in the terminal goes to the whole process group; ffmpeg must live to finish the file.
      detached: process.platform !== 'win32',
      windowsHide: true,
    });
    const encoder = new Encoder(child);
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (thrown) => reject(systemCodeOf(thrown) === 'ENOENT' ? ffmpegMissing(thrown) : thrown));
    });
    return encoder;
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  #listen(text: string): void {
    const lines = text.split('\n').filter((line) => line.trim() !== '');
    const fatal = lines.find((line) => FATAL_WORDS.test(line));
    // What comes after a fatal line are its consequences.
    if (this.#isDying) return;
    this.#lastWords = (fatal ?? lines.at(-1) ?? this.#lastWords).trim().slice(0, 500);
    if (!fatal) return;
    this.#isDying = true;
    const timer = setTimeout(() => this.#hangUp(), HANG_UP_MS);
    void this.ended.then(() => clearTimeout(timer));
  }

  /** A dying ffmpeg waits for its reading threads, and they for us: only the end of the pipes lets it go. */
  #hangUp(): void {
    this.pictures.destroy();
    this.sound.destroy();
  }
}

/**
 * Our pictures are made in sRGB and turned into YCbCr by BT.601 in limited range: primaries of BT.709, sRGB's transfer
 * curve, BT.601's matrix. Said of the input, so that ffmpeg converts nothing, and of the output, so that players know.
 */
const COLOURS = 'range=limited:color_primaries=bt709:color_trc=iec61966-2-1:colorspace=smpte170m';
const COLOUR_TAGS = ['-color_range', 'tv', '-color_primaries', 'bt709', '-color_trc', 'iec61966-2-1'].concat([
  '-colorspace',
  'smpte170m',
]);

function encoderArguments({ path, container, size, hasAlpha }: EncoderTarget, { video, audio }: Codecs): string[] {
  const queue = ['-thread_queue_size', String(READ_AHEAD_PACKETS), '-probesize', '32', '-analyzeduration', '0'];
  const format = hasAlpha ? 'yuva420p' : 'yuv420p';
  const picture = ['-f', 'rawvideo', '-pix_fmt', format, '-video_size', `${size.width}x${size.height}`];
  const sound = ['-f', 'f32le', '-ar', String(SAMPLE_RATE_HZ), '-ac', '1'];
  const hasIndex = container === 'mp4' || container === 'mov';
  return [
    ...['-hide_banner', '-nostats', '-loglevel', 'error', '-xerror', '-y'],
    ...[...queue, ...picture, '-framerate', String(FRAMES_PER_SECOND), '-i', 'pipe:0'],
    ...[...queue, ...sound, '-i', 'pipe:3'],
    ...['-map', '0:v', '-map', '1:a', '-vf', `setparams=${COLOURS}`],
    ...['-af', `atrim=start_sample=${PRIMING_SAMPLES},asetpts=PTS-STARTPTS`],
    ...[...video, ...COLOUR_TAGS, ...audio],
    ...metadataArguments(container),
    ...(hasIndex ? ['-movflags', '+faststart'] : []),
    ...['-f', container, path],
  ];
}
