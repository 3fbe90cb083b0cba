import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const RATE_HZ = 48_000;
/** A flash is brighter, a beep louder than this. */
const BRIGHT = 128;
const LOUD = 3_000;

/** When flashes and beeps begin in a file, in ms of its own time. */
export interface Onsets {
  readonly flashes: readonly number[];
  readonly beeps: readonly number[];
}

/** Looks for flashes and beeps in a file, or in what an address sends for some seconds. Pieces of silence of half a second part beeps. */
export async function findOnsets(file: string): Promise<Onsets> {
  const [times, grey, starts, pcm] = await Promise.all([
    probe(file, 'v:0', 'frame=pts_time'),
    decode(file, ['-map', '0:v:0', '-vf', 'scale=1:1:flags=area', '-pix_fmt', 'gray', '-fps_mode', 'passthrough']),
    probe(file, 'a:0', 'packet=pts_time'),
    decode(file, ['-map', '0:a:0', '-ac', '1', '-ar', String(RATE_HZ), '-f', 's16le']),
  ]);
  const flashes = times
    .filter((_, i) => grey[i]! > BRIGHT && (grey[i - 1] ?? 255) <= BRIGHT)
    .map((time) => time * 1000);
  const beeps: number[] = [];
  let quiet = 0;
  for (let i = 0; i < pcm.length / 2; i++) {
    const isLoud = Math.abs(pcm.readInt16LE(i * 2)) > LOUD;
    if (isLoud && quiet > RATE_HZ / 2) beeps.push((starts[0]! + i / RATE_HZ) * 1000);
    quiet = isLoud ? 0 : quiet + 1;
  }
  return { flashes, beeps };
}

/** By how many ms each beep comes after the flash it belongs to. */
export function offsetsOf({ flashes, beeps }: Onsets): number[] {
  return beeps.flatMap((beep) => {
    const nearest = flashes.reduce(
      (a, b) => (Math.abs(b - beep) < Math.abs(a - beep) ? b : a),
      Number.POSITIVE_INFINITY,
    );
    // One at the file's very beginning or end may have lost its partner.
    return Math.abs(nearest - beep) < 400 ? [beep - nearest] : [];
  });
}

async function probe(file: string, stream: string, entries: string): Promise<number[]> {
  const { stdout } = await run(
    'ffprobe',
    ['-v', 'error', '-select_streams', stream, '-show_entries', entries, '-of', 'csv=p=0', file],
    { maxBuffer: 1e8 },
  );
  return stdout
    .split('\n')
    .map(Number.parseFloat)
    .filter((value) => !Number.isNaN(value));
}

async function decode(file: string, how: readonly string[]): Promise<Buffer> {
  const format = how.includes('-f') ? [] : ['-f', 'rawvideo'];
  const { stdout } = await run('ffmpeg', ['-v', 'error', '-i', file, ...how, ...format, '-'], {
    ...{ encoding: 'buffer', maxBuffer: 1e9 },
  });
  return stdout;
}
