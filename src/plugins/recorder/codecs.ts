import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { AppError, systemCodeOf } from '../../base/errors.ts';
import { ffmpegMissing } from './failures.ts';

/** Containers by file extension, as ffmpeg calls them. */
export type Container = 'mp4' | 'mov' | 'matroska' | 'webm';

/** ffmpeg's arguments for picture and sound. */
export interface Codecs {
  readonly video: readonly string[];
  readonly audio: readonly string[];
}

/** An encoder and its arguments; the first of a list that this ffmpeg has is taken. */
type Choice = readonly [encoder: string, ...options: string[]];

/** libx264 where ffmpeg has it, otherwise the MPEG-4 encoder that every build has. */
const OPAQUE: readonly Choice[] = [
  ['libx264', '-preset', 'veryfast', '-crf', '18', '-pix_fmt', 'yuv420p'],
  ['mpeg4', '-q:v', '3', '-pix_fmt', 'yuv420p'],
];
/** The settings with which libvpx keeps up with a live show: 10 ms of one core for 720p with alpha. */
const VP9 = ['-deadline', 'realtime', '-cpu-used', '8', '-row-mt', '1', '-b:v', '0', '-crf', '24'];
/**
 * ProRes 4444 with a fixed quantiser: 24 ms of one core for 720p, where its search for a bit rate takes 140. What every
 * editor reads.
 */
const PRORES = ['-profile:v', '4444', '-vendor', 'apl0', '-alpha_bits', '8', '-qscale:v', '9'];

const VIDEO: Readonly<Record<Container, { readonly opaque: readonly Choice[]; readonly alpha: readonly Choice[] }>> = {
  // mp4 has no codec with alpha that players know.
  mp4: { opaque: OPAQUE, alpha: [] },
  mov: { opaque: OPAQUE, alpha: [['prores_ks', ...PRORES, '-pix_fmt', 'yuva444p10le']] },
  // Lossless.
  matroska: { opaque: OPAQUE, alpha: [['ffv1', '-level', '3', '-slices', '4', '-pix_fmt', 'yuva420p']] },
  webm: {
    opaque: [['libvpx-vp9', ...VP9, '-pix_fmt', 'yuv420p']],
    alpha: [['libvpx-vp9', ...VP9, '-auto-alt-ref', '0', '-pix_fmt', 'yuva420p']],
  },
};
/** 48 kHz, as editors expect it; AAC's own delay is then 21 ms where a player ignores the edit list. */
const AAC: readonly Choice[] = [['aac', '-b:a', '128k', '-ar', '48000']];
const OPUS: readonly Choice[] = [
  ['libopus', '-b:a', '96k', '-ar', '48000'],
  ['libvorbis', '-q:a', '4', '-ar', '48000'],
];

/** Whether a container can hold a picture that is transparent. */
export function carriesAlpha(container: Container): boolean {
  return VIDEO[container].alpha.length > 0;
}

/**
 * Chooses among the encoders that ffmpeg has.
 * @throws AppError FFMPEG_MISSING, RECORDING_CODEC when it has none that fits.
 */
export async function chooseCodecs(container: Container, hasAlpha: boolean): Promise<Codecs> {
  const encoders = await listEncoders();
  const take = (type: 'V' | 'A', choices: readonly Choice[]): readonly string[] => {
    const chosen = choices.find(([encoder]) => new RegExp(`^\\s*${type}\\S*\\s+${encoder}\\s`, 'm').test(encoders));
    if (!chosen) throw codecMissing(container, choices);
    return [type === 'V' ? '-c:v' : '-c:a', ...chosen];
  };
  return {
    video: take('V', hasAlpha ? VIDEO[container].alpha : VIDEO[container].opaque),
    audio: take('A', container === 'webm' ? OPUS : AAC),
  };
}

async function listEncoders(): Promise<string> {
  try {
    return (await promisify(execFile)('ffmpeg', ['-hide_banner', '-encoders'], { windowsHide: true })).stdout;
  } catch (thrown) {
    if (systemCodeOf(thrown) === 'ENOENT') throw ffmpegMissing(thrown);
    throw thrown;
  }
}

function codecMissing(container: Container, choices: readonly Choice[]): AppError {
  const names = choices.map(([encoder]) => encoder).join(' or ');
  return new AppError('RECORDING_CODEC', `this ffmpeg cannot write ${container}: it was built without ${names}`, {
    fix: 'Record to a file that ends in .mp4 or .mkv, or install an ffmpeg that has it.',
  });
}
