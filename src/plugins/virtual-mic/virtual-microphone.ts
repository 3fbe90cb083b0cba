import { setTimeout as sleep } from 'node:timers/promises';
import type { AudioOutputOptions, OpenAudioOutput } from '../../api/contributions.ts';
import type { AudioChunk } from '../../api/media.ts';
import { OWN_SOUND_DEVICES } from '../../api/own-devices.ts';
import { messageOf } from '../../base/errors.ts';
import { DelayLine } from '../../media/delay-line.ts';
import { Resampler } from '../../media/resample.ts';
import { ArrivalWatch } from './arrival-watch.ts';
import { ModuleWatch } from './module-watch.ts';
import { NoiseSuppressor } from './noise-suppressor.ts';
import { DEVICE_RATE_HZ, loadOwnModules, unloadOwnModules } from './own-modules.ts';
import { Player } from './player.ts';
import { PlayerPump, SOONEST_MS } from './player-pump.ts';
import type { Surroundings } from './surroundings.ts';

/**
 * The microphone that other programs choose. Keeps its devices and its player there for as long as it is open, whatever
 * becomes of the sound server. Owns modules in the server, and the player's process.
 */
export class VirtualMicrophone implements OpenAudioOutput {
  readonly label = OWN_SOUND_DEVICES.title;
  readonly #options: AudioOutputOptions;
  readonly #around: Surroundings;
  readonly #closed = new AbortController();
  readonly #line = new DelayLine(DEVICE_RATE_HZ);
  readonly #arrivals = new ArrivalWatch();
  readonly #suppressor: NoiseSuppressor | undefined;
  #resampler: Resampler | undefined;
  #pump: PlayerPump | undefined;
  #wantedMs = 0;
  #isSilent = false;
  /** How loud the end of the last block was, 0 … 1. */
  #gain = 1;
  #following: Promise<void> = Promise.resolve();

  private constructor(options: AudioOutputOptions, around: Surroundings, suppressor: NoiseSuppressor | undefined) {
    this.#options = options;
    this.#around = around;
    this.#suppressor = suppressor;
  }

  /** @throws AppError when it cannot be had now: of `loadOwnModules`. */
  static async open(options: AudioOutputOptions, around: Surroundings): Promise<VirtualMicrophone> {
    const suppressor = around.suppressesNoise ? await NoiseSuppressor.load() : undefined;
    const microphone = new VirtualMicrophone(options, around, suppressor);
    await loadOwnModules(around.environment);
    microphone.#following = microphone.#follow();
    return microphone;
  }

  get delayMs(): number | undefined {
    const heard = this.#pump && this.#line.actualMs;
    return heard === undefined || Number.isNaN(heard) ? undefined : heard;
  }

  get readBack(): readonly string[] {
    const format = ['--raw', '--format=float32le', `--rate=${DEVICE_RATE_HZ}`, '--channels=1'];
    return ['parec', ...format, '--latency-msec=5', `--device=${OWN_SOUND_DEVICES.source}`];
  }

  hear({ samples, sampleRateHz, capturedAtMs, isTest = false }: AudioChunk): void {
    if (Number.isNaN(capturedAtMs)) return;
    if (this.#resampler?.inputRateHz !== sampleRateHz) this.#resampler = new Resampler(sampleRateHz, DEVICE_RATE_HZ);
    const voice = this.#resampler.push(samples);
    const suppressed = this.#suppressor?.push(voice, isTest) ?? voice;
    const behindMs = this.#resampler.delaySeconds * 1000 + (this.#suppressor?.behindMs ?? 0);
    const lengthMs = (samples.length * 1000) / sampleRateHz;
    this.#arrivals.note(performance.now() - (capturedAtMs - lengthMs - behindMs));
    if (suppressed.length > 0) this.#line.write(suppressed, capturedAtMs - behindMs);
  }

  setDelay(delayMs: number): void {
    this.#wantedMs = delayMs + this.#around.extraMs;
  }

  setSilent(isSilent: boolean): void {
    this.#isSilent = isSilent;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
    await this.#following;
    this.#suppressor?.[Symbol.dispose]();
    await unloadOwnModules(this.#around.environment);
  }

  /** Plays until that ends, then makes everything anew. */
  async #follow(): Promise<void> {
    const { signal } = this.#closed;
    while (!signal.aborted) {
      const reason = await this.#play(signal);
      if (signal.aborted) return;
      this.#options.log.warn('the virtual microphone is lost', { reason });
      this.#reportLost(reason);
      await this.#reload(signal);
    }
  }

  /** One player's life; why it is over. */
  async #play(signal: AbortSignal): Promise<string> {
    const { environment } = this.#around;
    await using watch = new ModuleWatch(environment);
    await using player = new Player(environment, {
      onPlayed: (playedMs) => this.#notePlayed(pump, playedMs),
      onBreak: () => pump.noteBreak(),
    });
    using pump = new PlayerPump(player, (out, heardAtMs) => this.#read(out, heardAtMs));
    const closed = new Promise<string>((resolve) => {
      signal.addEventListener('abort', () => resolve('closed'), { once: true });
      if (signal.aborted) resolve('closed');
    });
    const reason = await Promise.race([player.ended, watch.removed, closed]);
    this.#pump = undefined;
    return reason;
  }

  #notePlayed(pump: PlayerPump, playedMs: number): void {
    pump.notePlayed(playedMs);
    if (this.#pump || this.#closed.signal.aborted) return;
    this.#pump = pump;
    this.#options.onHealth({ state: 'ready' });
  }

  /** The next sound. What has not arrived by then cannot be heard: a picture that is faster than sound is waited for. */
  #read(out: Float32Array, heardAtMs: number): void {
    this.#line.delayMs = Math.max(this.#wantedMs, this.#arrivals.usualMs + SOONEST_MS);
    this.#line.read(out, heardAtMs);
    this.#applySilence(out);
  }

  /** Fades over one block, some 10 ms: what is cut off hard clicks. The line goes on meanwhile, so its delay stays true. */
  #applySilence(out: Float32Array): void {
    const target = this.#isSilent ? 0 : 1;
    if (this.#gain === 1 && target === 1) return;
    const begin = this.#gain;
    for (let n = 0; n < out.length; n++) out[n]! *= begin + ((target - begin) * (n + 1)) / out.length;
    this.#gain = target;
  }

  /** Tries until the devices are there again. */
  async #reload(signal: AbortSignal): Promise<void> {
    const delays = this.#around.retryDelaysMs;
    for (let attempt = 0; !signal.aborted; attempt++) {
      await sleep(delays[Math.min(attempt, delays.length - 1)], undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      try {
        return await loadOwnModules(this.#around.environment);
      } catch (thrown) {
        this.#reportLost(messageOf(thrown));
      }
    }
  }

  #reportLost(reason: string): void {
    this.#options.onHealth({
      state: 'degraded',
      detail: `The virtual microphone is away: ${reason}`,
      fix: 'It comes back by itself with the sound server; look: pactl info',
    });
  }
}
