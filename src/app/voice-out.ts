import type { HealthReport } from '../api/contributions.ts';
import type { Contribution } from '../api/plugin.ts';
import type { AudioOutputStatus } from '../api/status.ts';
import { AppError, messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Scope } from '../base/scope.ts';
import type { PluginHost } from '../host/plugin-host.ts';
import type { Lane } from '../live/lane.ts';
import { VoiceLane, type VoiceSource } from '../live/voice-lane.ts';

/** What the voice's way out is opened with. */
export interface VoiceOutOptions {
  readonly plugins: PluginHost;
  /** Owns what gets opened. */
  readonly scope: Scope;
  readonly source: VoiceSource;
  readonly log: Log;
  /** `auto`, `on` or `off`. */
  readonly enabled: unknown;
  /** Told what was picked and why, in words. */
  readonly note: (why: string) => void;
}

/** Outputs that need no microphone beside them: this page, and recordings, which carry their own sound. */
const WITHOUT_VOICE = ['web', 'file'];
/** How to have it although nobody asked. */
const HOW_TO_HAVE = 'To have it anyway: --set virtual-mic.enabled=on';

/** The voice's way out of the show, in step with the picture: a virtual microphone beside the virtual camera. */
export class VoiceOut {
  readonly #options: VoiceOutOptions;
  readonly #contribution: Contribution;
  #lane: VoiceLane | undefined;
  #why = 'not needed yet';
  #fix: string | undefined;
  #opening: Promise<void> | undefined;
  #isSilent = false;

  constructor(options: VoiceOutOptions) {
    this.#options = options;
    this.#contribution = options.plugins.findScheme('audioOutputs', 'mic');
  }

  /** How it is doing; `off` with the reason where there is none. */
  get status(): AudioOutputStatus {
    const { id, title } = this.#contribution;
    if (this.#lane) return this.#lane.status;
    return { id, label: title, state: 'off', detail: this.#why, ...(this.#fix ? { fix: this.#fix } : {}) };
  }

  /** What it is called, and the command that records it as any program can; undefined where there is none. */
  get listening(): { readonly label: string; readonly readBack: readonly string[] | undefined } | undefined {
    return this.#lane && { label: this.#lane.status.label, readBack: this.#lane.readBack };
  }

  /** Silence at once, also in place of what is under way; or sound again. Holds for one that is opened later. */
  setSilent(isSilent: boolean): void {
    this.#isSilent = isSilent;
    this.#lane?.setSilent(isSilent);
  }

  /** Opens it if these outputs ask for it and it can be had; says so or why not. Never throws. Again after new outputs. */
  async choose(lanes: readonly Pick<Lane, 'id'>[], signal: AbortSignal): Promise<void> {
    await this.#opening;
    if (this.#lane || this.#options.enabled === 'off') {
      if (!this.#lane) this.#why = 'off by the setting virtual-mic.enabled';
      return;
    }
    if (this.#options.enabled !== 'on' && !this.#isWanted(lanes)) {
      [this.#why, this.#fix] = ['only with a virtual camera', HOW_TO_HAVE];
      return;
    }
    this.#opening = this.#open(signal);
    await this.#opening;
  }

  #isWanted(lanes: readonly Pick<Lane, 'id'>[]): boolean {
    const declared = this.#options.plugins.contributions('videoOutputs');
    const silent = declared.filter(({ scheme }) => WITHOUT_VOICE.includes(scheme)).map(({ id }) => id);
    return lanes.some(({ id }) => !silent.includes(id));
  }

  async #open(signal: AbortSignal): Promise<void> {
    const { plugins, scope, source, log, note } = this.#options;
    const { id, scheme } = this.#contribution;
    let lane: VoiceLane | undefined;
    let health: HealthReport | undefined;
    const onHealth = (report: HealthReport) => {
      health = report;
      lane?.reportHealth(report);
    };
    try {
      const record = await plugins.record('audioOutputs', id);
      const output = await record.open({ target: undefined, log: log.scope(`voice-${scheme}`), onHealth }, signal);
      lane = scope.use(new VoiceLane(id, output, source));
      if (health) lane.reportHealth(health);
      this.#lane = lane;
      lane.setSilent(this.#isSilent);
      note(`Sound: choose "${output.label}" in your call; it carries the voice in step with the picture.`);
    } catch (thrown) {
      this.#why = messageOf(thrown);
      this.#fix = thrown instanceof AppError ? thrown.fix : undefined;
      if (!signal.aborted) note(`Sound: no microphone in step with the picture, because ${this.#why}.`);
    }
  }
}
