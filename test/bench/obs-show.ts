import { type ChildProcess, spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OBSWebSocket } from 'obs-websocket-js/json';
import sharp from 'sharp';
import { differenceOf, lookAt } from '../plugins/obs/look-at-obs.ts';
import { RealObs } from '../plugins/obs/real-obs.ts';
import { BUNDLED_SPEECH, DaemonProcess } from './daemon-process.ts';
import { type PreviewPicture, PreviewReader } from './preview-reader.ts';

/** Our source in OBS. */
export const SOURCE = 'MuseCam picture';
/** A change that is not seen within this time counts as lost, in ms. */
const SEEN_DEADLINE_MS = 2_000;
/** How long a face must have been on before it is changed, in ms: the fade of the last change is over. */
const CALM_MS = 450;
const AVATARS = ['mira', 'jonas'] as const;

/** When a change was seen, in ms after its cause. */
export interface Seen {
  /** In the daemon's own preview, as a viewer gets it. */
  readonly previewMs: number;
  /** In OBS's source: between the two looks of which the second showed it; a look takes some ms. */
  readonly obsMs: number;
}

/** A daemon and a real OBS that shows it, both watched from outside. */
export class ObsShow implements AsyncDisposable {
  readonly obs: RealObs;
  readonly daemon: DaemonProcess;
  hand!: OBSWebSocket & AsyncDisposable;
  #preview!: PreviewReader;
  /** What each avatar looks like in the preview and in OBS, small. */
  readonly #looks = new Map<string, { readonly preview: Buffer; readonly obs: Buffer }>();

  private constructor(obs: RealObs, daemon: DaemonProcess) {
    this.obs = obs;
    this.daemon = daemon;
  }

  /**
   * Starts both, with the script in OBS, and sets OBS up.
   * @param flags of `musecam start` besides.
   * @param keys of OBS by hotkey of the script.
   */
  static async open(flags: readonly string[] = [], keys: Readonly<Record<string, string>> = {}): Promise<ObsShow> {
    const obs = await RealObs.open();
    await obs.quit();
    const daemon = await DaemonProcess.open([...BUNDLED_SPEECH, ...flags], { XDG_CONFIG_HOME: `${obs.home}/config` });
    const show = new ObsShow(obs, daemon);
    try {
      await daemon.run('obs.hotkeys.install', {});
      await show.#bind(keys);
      await obs.start();
      await show.untilLinked();
      show.hand = await obs.hand();
      await daemon.run('obs.setup', {});
      await show.hand.call('SetCurrentProgramScene', { sceneName: 'MuseCam' });
      show.#preview = new PreviewReader(daemon);
      await show.#learnLooks();
      return show;
    } catch (thrown) {
      await show[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  /** Resolves when the daemon is connected with OBS. */
  async untilLinked(): Promise<void> {
    while ((await this.daemon.status()).links.find(({ id }) => id === 'obs.link')?.state !== 'ready') await sleep(4);
  }

  /** Waits until all is calm, causes a change of avatar, and watches when it is seen; undefined: not at all. */
  async watchChange(cause: () => unknown): Promise<Seen | undefined> {
    await sleep(CALM_MS + Math.random() * 80); // at every phase of the clocks
    const before = (await this.daemon.status()).avatarId;
    const after = AVATARS.find((id) => id !== before)!;
    const from = this.#preview.pictures.length;
    const causedMs = performance.now();
    await cause();
    const obsMs = await this.#untilInObs(before, after);
    if (obsMs === undefined) return undefined;
    const previewMs = await this.#firstInPreview(before, after, from);
    return previewMs === undefined ? undefined : { previewMs: previewMs - causedMs, obsMs: obsMs - causedMs };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#preview?.[Symbol.asyncDispose]();
    await this.daemon[Symbol.asyncDispose]();
    await this.hand?.[Symbol.asyncDispose]();
    await this.obs[Symbol.asyncDispose]();
  }

  async #untilInObs(before: string, after: string): Promise<number | undefined> {
    const [old, wanted] = [this.#looks.get(before)!.obs, this.#looks.get(after)!.obs];
    const untilMs = performance.now() + SEEN_DEADLINE_MS;
    while (performance.now() < untilMs) {
      const askedMs = performance.now();
      const now = await lookAt(this.hand, SOURCE);
      // It showed what was there at some moment between the question and the answer.
      if (differenceOf(now, wanted) < differenceOf(now, old)) return (askedMs + performance.now()) / 2;
      await sleep(3);
    }
    return undefined;
  }

  async #firstInPreview(before: string, after: string, from: number): Promise<number | undefined> {
    const [old, wanted] = [this.#looks.get(before)!.preview, this.#looks.get(after)!.preview];
    const { pictures } = this.#preview;
    const untilMs = performance.now() + SEEN_DEADLINE_MS;
    for (let next = from; performance.now() < untilMs; ) {
      const picture = pictures[next];
      if (!picture) {
        await sleep(5);
        continue;
      }
      next++;
      const now = await shrink(picture);
      if (differenceOf(now, wanted) < differenceOf(now, old)) return picture.atMs;
    }
    return undefined;
  }

  async #learnLooks(): Promise<void> {
    for (const id of [...AVATARS, AVATARS[0]]) {
      await this.daemon.run('avatar.use', { id });
      await sleep(1_500);
      const picture = this.#preview.pictures.at(-1)!;
      this.#looks.set(id, { preview: await shrink(picture), obs: await lookAt(this.hand, SOURCE) });
    }
  }

  async #bind(keys: Readonly<Record<string, string>>): Promise<void> {
    const file = join(this.obs.folder, 'basic', 'scenes', 'Test.json');
    const collection = JSON.parse(await readFile(file, 'utf8')) as {
      modules: { 'scripts-tool': { settings: Record<string, unknown> }[] };
    };
    const bound = Object.entries(keys).map(([name, key]) => [`musecam.${name}`, [{ key: `OBS_KEY_${key}` }]]);
    Object.assign(collection.modules['scripts-tool'][0]!.settings, Object.fromEntries(bound));
    await writeFile(file, JSON.stringify(collection));
  }
}

/** A keyboard whose keys are pressed without starting a program for each. Dispose to let go. */
export class Keyboard implements Disposable {
  readonly #xdotool: ChildProcess;

  constructor(display: string) {
    const env = { ...process.env, DISPLAY: display };
    this.#xdotool = spawn('xdotool', ['-'], { env, stdio: ['pipe', 'ignore', 'ignore'] });
  }

  down(key: string): void {
    this.#xdotool.stdin?.write(`keydown ${key}\n`);
  }

  up(key: string): void {
    this.#xdotool.stdin?.write(`keyup ${key}\n`);
  }

  [Symbol.dispose](): void {
    this.#xdotool.stdin?.end();
    this.#xdotool.kill();
  }
}

function shrink({ jpeg }: PreviewPicture): Promise<Buffer> {
  return sharp(jpeg).resize(16, 9, { fit: 'fill' }).raw().toBuffer();
}
