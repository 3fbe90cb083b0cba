import { accessSync, constants, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { askProgram } from './ask-program.ts';

const SOUND_FOLDER = '/dev/snd';

/** A capture device of the kernel, as `arecord -l` lists it. */
export interface AlsaDevice {
  /** What `arecord -D` takes, with rate conversion. */
  readonly name: string;
  readonly description: string;
}

/** Lists capture devices by `arecord -l`; none where there is no arecord. */
export async function listAlsaDevices(
  environment: NodeJS.ProcessEnv,
  limitMs: number,
  signal: AbortSignal,
): Promise<AlsaDevice[]> {
  return parseAlsaDevices((await askProgram('arecord', ['-l'], environment, limitMs, signal)) ?? '');
}

/** Reads the output of `arecord -l` (in the C locale). */
export function parseAlsaDevices(text: string): AlsaDevice[] {
  const line = /^card \d+: (\S+) \[(.+?)\], device (\d+): .*?\[(.+?)\]\s*$/gm;
  return [...text.matchAll(line)].map(([, card, cardTitle, device, deviceTitle]) => ({
    name: `plughw:CARD=${card},DEV=${device}`,
    description: `${cardTitle}, ${deviceTitle}`,
  }));
}

/** Whether the kernel has capture devices (`none` also on other systems), and whether we may open them. */
export function checkSoundFolder(folder = SOUND_FOLDER): 'none' | 'open' | 'forbidden' {
  try {
    const captures = readdirSync(folder).filter((name) => /^pcmC\d+D\d+c$/.test(name));
    if (captures.length === 0) return 'none';
    return captures.some((name) => mayOpen(join(folder, name))) ? 'open' : 'forbidden';
  } catch {
    return 'none';
  }
}

function mayOpen(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
