/**
 * What the capture process is asked to do, as JSON in its first argument. `module` is the package to load, "naudiodon".
 * It answers on file descriptor 3: one line of JSON ({@link CaptureReply}); after `started`, raw s16le mono sound follows
 * until its standard input is closed.
 */
export type CaptureTask =
  | { readonly kind: 'list'; readonly module: string }
  | {
      readonly kind: 'capture';
      readonly module: string;
      /** Exact PortAudio name; undefined = the default input. */
      readonly deviceName: string | undefined;
      /** The rate that is tried first, in Hz; it answers with the one it got. */
      readonly sampleRateHz: number;
    };

/** An input as PortAudio lists it. */
export interface PortAudioDevice {
  readonly name: string;
  /** PortAudio's way to the device: "ALSA", "Core Audio", "Windows WASAPI". */
  readonly hostApi: string;
  readonly isDefault: boolean;
}

/** The line the capture process answers with. */
export type CaptureReply =
  | { readonly kind: 'devices'; readonly devices: readonly PortAudioDevice[] }
  | { readonly kind: 'started'; readonly sampleRateHz: number }
  | {
      readonly kind: 'failed';
      /** `no-module`: it is not installed or does not load; `no-device`: there is nothing to open. */
      readonly reason: 'no-module' | 'no-device' | 'cannot-open';
      readonly message: string;
    };

/** Reads a reply line. @throws Error when it is not one. */
export function parseCaptureReply(line: string): CaptureReply {
  const reply = JSON.parse(line) as { readonly kind?: unknown };
  if (reply.kind === 'devices' || reply.kind === 'started' || reply.kind === 'failed') return reply as CaptureReply;
  throw new Error(`unexpected reply of the capture process: ${line.slice(0, 100)}`);
}
