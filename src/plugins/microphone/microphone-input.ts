import type { AudioInput, AudioInputOptions, DeviceInfo, OpenAudioInput } from '../../api/contributions.ts';
import { type AudioChunk, SAMPLE_RATE_HZ } from '../../api/media.ts';
import { CAPTURE_TIMING } from './capture-timing.ts';
import { type CaptureSurroundings, listMicrophones } from './microphone-devices.ts';
import { MicrophoneLink } from './microphone-link.ts';

/**
 * The `mic` and `mic:NAME` input.
 * @param backend reads the setting `microphone.backend`.
 * @param surroundings another rate; for tests another environment, other limits, another package than naudiodon.
 */
export function createMicrophoneInput(
  backend: () => unknown = () => 'auto',
  surroundings: Partial<CaptureSurroundings> = {},
): AudioInput {
  const around: CaptureSurroundings = {
    environment: process.env,
    timing: CAPTURE_TIMING,
    portAudioModule: 'naudiodon',
    sampleRateHz: SAMPLE_RATE_HZ,
    ...surroundings,
  };
  return {
    async list(signal) {
      const devices = await listMicrophones(around, signal);
      return devices.map(({ device: _device, isMonitor: _isMonitor, ...info }): DeviceInfo => info);
    },
    open: (options, signal) => MicrophoneInput.open(options, backend(), around, signal),
  };
}

/** An open microphone. Its sound is handed on and forgotten: never stored, never sent. */
class MicrophoneInput implements OpenAudioInput {
  readonly #link: MicrophoneLink;

  private constructor(link: MicrophoneLink) {
    this.#link = link;
  }

  /** @throws AppError of `chooseCapture`, MICROPHONE_UNAVAILABLE, MICROPHONE_FORBIDDEN. */
  static async open(
    options: AudioInputOptions,
    backend: unknown,
    surroundings: CaptureSurroundings,
    signal: AbortSignal,
  ): Promise<MicrophoneInput> {
    return new MicrophoneInput(await MicrophoneLink.open(options, backend, surroundings, signal));
  }

  get label(): string {
    return this.#link.label;
  }

  chunks(signal: AbortSignal): AsyncIterable<AudioChunk> {
    return this.#link.queue.read(signal);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#link[Symbol.asyncDispose]();
  }
}
