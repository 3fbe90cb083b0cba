/** How patient the microphone is, all in ms unless named otherwise. Tests shorten what they would have to sit through. */
export interface CaptureTiming {
  /** Until a started back end must have delivered its first sound. */
  readonly startLimitMs: number;
  /** No sound for this long: it is lost. */
  readonly stallLimitMs: number;
  /** Between asking a child process to end and killing it. */
  readonly endLimitMs: number;
  /** Pauses between tries to get the microphone back; the last one is repeated. */
  readonly retryDelaysMs: readonly number[];
  /** So long nothing but digital zeros counts as muted, in s. */
  readonly silenceLimitSeconds: number;
  /** Until a program that lists devices must have answered. */
  readonly listLimitMs: number;
}

/** The values in use; measured on a busy machine of two cores, first sound comes after 60 to 600 ms. */
export const CAPTURE_TIMING: CaptureTiming = {
  startLimitMs: 4_000,
  stallLimitMs: 1_000,
  endLimitMs: 500,
  retryDelaysMs: [500, 1_000, 2_000, 5_000],
  silenceLimitSeconds: 10,
  listLimitMs: 5_000,
};
