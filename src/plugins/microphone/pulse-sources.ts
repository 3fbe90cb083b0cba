import { askProgram } from './ask-program.ts';

/** A source of PulseAudio, or of PipeWire's PulseAudio server. */
export interface PulseSource {
  /** What clients open it by: "alsa_input.usb-…". */
  readonly name: string;
  /** What a person would call it. */
  readonly description: string;
  /** What is played on an output, not a microphone. */
  readonly isMonitor: boolean;
  /** Why it cannot be heard: it is muted. */
  readonly isMuted: boolean;
}

/** What a sound server says about itself. */
export interface PulseServerState {
  readonly sources: readonly PulseSource[];
  /** Name of the default source; may be a monitor where there is no microphone. */
  readonly defaultSource: string | undefined;
}

/** Asks the sound server by `pactl`; undefined where there is no pactl or no server. */
export async function readPulseServer(
  environment: NodeJS.ProcessEnv,
  limitMs: number,
  signal: AbortSignal,
): Promise<PulseServerState | undefined> {
  // Text in the C locale is the one form that all versions since 2010 share.
  const info = await askProgram('pactl', ['info'], environment, limitMs, signal);
  const list = info && (await askProgram('pactl', ['list', 'sources'], environment, limitMs, signal));
  if (!info || !list) return undefined;
  return { sources: parsePulseSources(list), defaultSource: /^Default Source: (.+)$/m.exec(info)?.[1] };
}

/** Reads the output of `pactl list sources` (in the C locale). */
export function parsePulseSources(text: string): PulseSource[] {
  return text
    .split(/^Source #\d+$/m)
    .slice(1)
    .map((block) => {
      const field = (name: string) => new RegExp(`^\\t${name}: (.*)$`, 'm').exec(block)?.[1]?.trim();
      const name = field('Name') ?? '';
      return {
        name,
        description: field('Description') || name,
        isMonitor: (field('Monitor of Sink') ?? 'n/a') !== 'n/a',
        isMuted: field('Mute') === 'yes',
      };
    })
    .filter((source) => source.name !== '');
}
