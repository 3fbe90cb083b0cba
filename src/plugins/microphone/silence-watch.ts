/** Notices a microphone that delivers nothing but digital zeros: a muted switch, not a quiet room, which always hisses. */
export class SilenceWatch {
  readonly #limitSeconds: number;
  #silentSeconds = 0;

  constructor(limitSeconds: number) {
    this.#limitSeconds = limitSeconds;
  }

  /** Whether there have been only zeros for the limit or longer. */
  get isSilent(): boolean {
    return this.#silentSeconds >= this.#limitSeconds;
  }

  /** Looks at the next sound; true when {@link isSilent} changed. */
  observe(samples: Float32Array, sampleRateHz: number): boolean {
    const before = this.isSilent;
    if (samples.every((sample) => sample === 0)) this.#silentSeconds += samples.length / sampleRateHz;
    else this.#silentSeconds = 0;
    return this.isSilent !== before;
  }
}
