/** What the virtual microphone lives in. Tests bring their own. */
export interface Surroundings {
  readonly platform: NodeJS.Platform;
  readonly environment: NodeJS.ProcessEnv;
  /** Added to every delay, in ms. */
  readonly extraMs: number;
  /** Whether noise is taken out of the voice. */
  readonly suppressesNoise: boolean;
  /** Pauses between tries to get the devices back, in ms; the last one is repeated. */
  readonly retryDelaysMs: readonly number[];
}

/** This machine. */
export const thisMachine: Surroundings = {
  platform: process.platform,
  environment: process.env,
  extraMs: 0,
  suppressesNoise: false,
  retryDelaysMs: [150, 300, 600, 1000],
};
