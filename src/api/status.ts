/** The fixed words every part uses for its state, so that every surface can show it. */
export type LinkState = 'off' | 'starting' | 'ready' | 'degraded' | 'failed';

/** One link of the chain microphone → face → camera. */
export interface LinkStatus {
  /** Contribution id, for example `microphone.input`. */
  readonly id: string;
  /** What a person would call it: "Built-in microphone". */
  readonly label: string;
  readonly state: LinkState;
  /** Why it is in this state, or what is special; one sentence. */
  readonly detail?: string;
  /** What to type or click to repair it. */
  readonly fix?: string;
}

/** An output with its counters. */
export interface OutputStatus extends LinkStatus {
  /** Frames handed over. */
  readonly sent: number;
  /** Frames that were replaced by newer ones while this output was busy. */
  readonly dropped: number;
}

/** An avatar as lists show it. */
export interface AvatarSummary {
  readonly id: string;
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** Comes with the program and cannot be removed. */
  readonly isShipped: boolean;
  readonly isResident: boolean;
  readonly depicts: string;
}

/** Median and 95th percentile over the last ten seconds, in milliseconds. */
export interface Percentiles {
  readonly p50Ms: number;
  readonly p95Ms: number;
}

/** Everything a surface may show, as plain data; published about ten times a second while live. */
export interface ShowStatus {
  readonly state: LinkState;
  readonly uptimeSeconds: number;
  readonly avatarId: string;
  readonly avatars: readonly AvatarSummary[];
  readonly input: LinkStatus;
  readonly engine: LinkStatus & { readonly restarts: number };
  readonly outputs: readonly OutputStatus[];
  /** Loudness of the last frame's sound in dB of full scale, -100 … 0. */
  readonly levelDb: number;
  readonly speaking: boolean;
  /** Holding still: the avatar at rest, whatever is said. */
  readonly resting: boolean;
  readonly openness: number;
  readonly frames: {
    /** Ticks of the 25 fps clock so far. */
    readonly shown: number;
    /** Ticks that showed a new picture. */
    readonly fresh: number;
    /** Ticks that had to show the last picture again. */
    readonly repeated: number;
    /** Late work that was thrown away. */
    readonly dropped: number;
    /** New pictures a second, over the last ten seconds. */
    readonly freshPerSecond: number;
  };
  /** From the moment the middle of a frame's sound was captured to the moment the frame was handed to the outputs. */
  readonly latency: Percentiles;
  readonly hear: Percentiles;
  readonly draw: Percentiles;
  readonly paste: Percentiles;
  /** What was picked and why, in words, in order. */
  readonly choices: readonly string[];
}
