import { fileURLToPath } from 'node:url';
import type { AudioInput, VideoOutput } from '../api/contributions.ts';
import type { Contribution } from '../api/plugin.ts';
import { AppError, messageOf } from '../base/errors.ts';
import type { PluginHost } from '../host/plugin-host.ts';

/** A contribution picked for a job, with what stood after the colon. */
export interface Choice {
  readonly contribution: Contribution;
  readonly target: string | undefined;
}

/** Speech made for this project, played where there is no microphone. See NOTICE. */
export const bundledSpeechPath = fileURLToPath(new URL('./welcome.wav', import.meta.url));

/** Takes `mic:USB headset` apart and finds who answers to it. @throws AppError NO_SUCH_SCHEME. */
export function parseChoice(host: PluginHost, point: 'audioInputs' | 'videoOutputs', text: string): Choice {
  const at = text.indexOf(':');
  const scheme = at < 0 ? text : text.slice(0, at);
  const target = at < 0 ? undefined : text.slice(at + 1) || undefined;
  return { contribution: host.findScheme(point, scheme), target };
}

/** The speech that comes with the program, in place of a microphone. */
export function bundledSpeech(host: PluginHost, reason: string): Choice & { readonly why: string } {
  const contribution = host.findScheme('audioInputs', 'wav');
  const why = `Voice: the bundled speech, because ${reason.replace(/\.$/, '')}.`;
  return { contribution, target: bundledSpeechPath, why };
}

/** The best input there is: a microphone, else the bundled speech. Says why. */
export async function chooseInput(host: PluginHost, signal: AbortSignal): Promise<Choice & { readonly why: string }> {
  const mic = host.findScheme('audioInputs', 'mic');
  const fallback = (reason: string) => bundledSpeech(host, reason);
  try {
    const record: AudioInput = await host.record('audioInputs', mic.id);
    const devices = (await record.list(signal)).filter((device) => device.state !== 'broken');
    const best = devices.find((device) => device.isDefault);
    if (!best) return fallback(devices.length === 0 ? 'no microphone was found' : 'no microphone is the default one');
    return { contribution: mic, target: undefined, why: `Voice: your microphone, ${best.label}.` };
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    return fallback(`the microphone cannot be used (${messageOf(thrown)})`);
  }
}

/** The virtual camera where there is one that is free; undefined otherwise. Says why. */
export async function chooseCamera(
  host: PluginHost,
  signal: AbortSignal,
): Promise<{ readonly choice: Choice | undefined; readonly why: string }> {
  const camera = host.findScheme('videoOutputs', 'v4l2');
  try {
    const record: VideoOutput = await host.record('videoOutputs', camera.id);
    const devices = await record.list(signal);
    const ready = devices.filter((device) => device.state === 'ready');
    const free = ready.find((device) => device.isDefault) ?? ready[0];
    if (free) {
      // Not by its path where it is the default anyway: it is found again when it comes back under another number.
      const target = free.isDefault ? undefined : free.id;
      return { choice: { contribution: camera, target }, why: `Camera: ${free.label} (${free.id}).` };
    }
    const first = devices[0];
    const why = first
      ? `${first.label} is ${first.state}${first.detail ? `: ${first.detail}` : ''}`
      : 'there is no virtual camera';
    return { choice: undefined, why: `Camera: none, because ${why}. To get one: musecam doctor` };
  } catch (thrown) {
    const fix = thrown instanceof AppError && thrown.fix ? ` ${thrown.fix}` : '';
    return { choice: undefined, why: `Camera: none. ${messageOf(thrown)}${fix}` };
  }
}
