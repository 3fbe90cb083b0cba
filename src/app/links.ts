import type { HealthReport } from '../api/contributions.ts';
import { FRAMES_PER_SECOND, type Size } from '../api/media.ts';
import type { LinkStatus } from '../api/status.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Scope } from '../base/scope.ts';
import type { PluginHost } from '../host/plugin-host.ts';
import type { Feed } from '../live/feed.ts';
import { Lane } from '../live/lane.ts';
import { bundledSpeech, bundledSpeechPath, type Choice, chooseCamera, chooseInput } from './choose-links.ts';

/** What the links are opened with. */
export interface LinksOptions {
  readonly plugins: PluginHost;
  /** Owns what gets opened. */
  readonly scope: Scope;
  readonly feed: Feed;
  readonly log: Log;
  /** Told what was picked and why, in words. */
  readonly note: (why: string) => void;
}

/** The ends of the chain while a show runs: where the voice comes from, and the lanes where the pictures go. */
export class Links {
  readonly #options: LinksOptions;
  readonly #lanes: Lane[] = [];
  /** What a lane was opened with besides, given back with it. */
  readonly #hearing = new WeakMap<Lane, Disposable>();
  #input: LinkStatus = { id: 'input', label: 'Voice', state: 'starting' };

  constructor(options: LinksOptions) {
    this.#options = options;
  }

  /** One lane per output, in the order they were opened. The same array all the time: the show looks at it. */
  get lanes(): readonly Lane[] {
    return this.#lanes;
  }

  /** How the voice is doing. */
  get input(): LinkStatus {
    return this.#input;
  }

  /** Opens an output as a new lane. @throws AppError when it cannot be had. @returns what the plugin opened. */
  async openOutput({ contribution, target }: Choice, size: Size, signal: AbortSignal): Promise<unknown> {
    const { plugins, scope, log } = this.#options;
    const record = await plugins.record('videoOutputs', contribution.id);
    let lane: Lane | undefined;
    let health: HealthReport | undefined;
    const onHealth = (report: HealthReport) => {
      health = report;
      lane?.reportHealth(report);
    };
    const shape = { ...size, framesPerSecond: FRAMES_PER_SECOND };
    const output = await record.open({ target, ...shape, log: log.scope(contribution.scheme), onHealth }, signal);
    lane = scope.use(new Lane(contribution.id, output));
    if (health) lane.reportHealth(health);
    const hearing = lane;
    this.#hearing.set(lane, scope.use(this.#options.feed.onDidHear((chunk) => hearing.hearVoice(chunk))));
    this.#lanes.push(lane);
    return output;
  }

  /** Closes what is open of an output, and takes its lanes away. @returns how many there were. */
  async closeOutput(contributionId: string): Promise<number> {
    const lanes = this.#lanes.filter(({ id }) => id === contributionId);
    for (const lane of lanes) {
      this.#lanes.splice(this.#lanes.indexOf(lane), 1);
      this.#hearing.get(lane)?.[Symbol.dispose]();
    }
    await Promise.all(lanes.map((lane) => lane[Symbol.asyncDispose]()));
    return lanes.length;
  }

  /** Opens the virtual camera, where there is one that is free; says so or why not. Never throws. */
  async chooseOutput(size: Size, signal: AbortSignal): Promise<void> {
    const { plugins, note } = this.#options;
    const { choice, why } = await chooseCamera(plugins, signal);
    if (signal.aborted) return;
    note(why);
    if (choice) {
      await this.openOutput(choice, size, signal).catch((thrown) => note(`Camera: none. ${messageOf(thrown)}`));
    }
  }

  /** Opens an input and lets it feed the tape. @throws AppError when it cannot be had. */
  async openInput({ contribution, target }: Choice, loop: boolean, signal: AbortSignal): Promise<string> {
    const { plugins, scope, log } = this.#options;
    const record = await plugins.record('audioInputs', contribution.id);
    let health: HealthReport = { state: 'ready' };
    const onHealth = (report: HealthReport) => {
      health = report;
      this.#input = { id: contribution.id, label: this.#input.label, ...report };
    };
    const options = { target, loop, isRealTime: true, log: log.scope(contribution.scheme), onHealth };
    const input = scope.use(await record.open(options, signal));
    const label = target === bundledSpeechPath ? 'Bundled speech' : input.label;
    this.#input = { id: contribution.id, label, ...health };
    void this.#options.feed.follow(input, signal).then(
      () => signal.aborted || this.#report({ state: 'off', detail: 'at its end' }),
      (thrown) => this.#report({ state: 'failed', detail: messageOf(thrown) }),
    );
    return input.label;
  }

  /** Nobody shall be heard. */
  leaveOutInput(): void {
    this.#report({ state: 'off', detail: 'none, as asked' });
  }

  /** Opens the microphone, or the bundled speech where there is none that works; says which and why. Never throws. */
  async chooseInput(signal: AbortSignal): Promise<void> {
    const { plugins, note } = this.#options;
    try {
      const choice = await chooseInput(plugins, signal);
      note(choice.why);
      await this.openInput(choice, true, signal).catch((thrown) => {
        const speech = bundledSpeech(plugins, messageOf(thrown));
        note(speech.why);
        return this.openInput(speech, true, signal);
      });
    } catch (thrown) {
      if (!signal.aborted) this.#report({ state: 'failed', detail: messageOf(thrown) });
    }
  }

  #report(report: HealthReport): void {
    this.#input = { id: this.#input.id, label: this.#input.label, ...report };
  }
}
