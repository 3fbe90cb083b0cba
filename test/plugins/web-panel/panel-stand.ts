import { mkdtemp, rm } from 'node:fs/promises';
import { request as httpRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { z } from 'zod';
import type { HealthReport } from '../../../src/api/contributions.ts';
import { holds, type Keybinding } from '../../../src/api/keybinding.ts';
import { frameByteLength, type VideoFrame } from '../../../src/api/media.ts';
import type { AvatarSummary, LinkStatus, ShowStatus } from '../../../src/api/status.ts';
import type { SettingEntry } from '../../../src/app/settings-store.ts';
import { AppError } from '../../../src/base/errors.ts';
import { Emitter } from '../../../src/base/event.ts';
import { silentLog } from '../../../src/base/log.ts';
import { Scope } from '../../../src/base/scope.ts';
import { CommandTable } from '../../../src/host/commands.ts';
import { openWebPanel } from '../../../src/plugins/web-panel/open-web-panel.ts';
import type { UploadPace } from '../../../src/plugins/web-panel/watched-body.ts';
import type { WebPanelOutput } from '../../../src/plugins/web-panel/web-panel-output.ts';
import { FakeDesk } from './fake-desk.ts';
import { FakePlugins } from './fake-plugins.ts';

/** The token all stands use, so that a page can find its stand again after a restart. */
export const STAND_TOKEN = 'a-token-for-tests-that-nobody-guesses';
const SIZE = { width: 1280, height: 720 } as const;
/** The frame's index stands in the picture's top rows as this many black or white squares of {@link BIT_PX}. */
const BITS = 16;
const BIT_PX = 80;

/** Commands that the page runs by itself, to look. */
const LOOKS = ['keybindings.list', 'hotkeys.status', 'settings.list', 'obs.status'];
/** Keys of the page, as a show without a keybindings.json has them. */
const KEYS = {
  ...{ n: 'avatar.next', p: 'avatar.previous', h: 'mouth.rest', m: 'microphone.mute', x: 'show.panic' },
  ...{ a: 'page.addAvatar', f: 'page.fullScreen', ',': 'page.settings', '?': 'page.shortcuts' },
};
const bind = (key: string, command: string, args?: object): Keybinding => ({
  ...{ key, command, source: 'default' },
  ...(args ? { args } : {}),
});

/** A whole status in which all is well. */
export function makeStatus(overrides: Partial<ShowStatus> = {}): ShowStatus {
  return {
    state: 'ready',
    uptimeSeconds: 12,
    avatarId: 'ada',
    avatars: [makeAvatar('ada', 'Ada'), makeAvatar('bo', 'Bo'), makeAvatar('cy', 'Cy')],
    preparations: [],
    links: [],
    background: 'keep',
    labelText: '',
    input: { id: 'microphone.input', label: 'Built-in microphone', state: 'ready' },
    engine: { id: 'puppet.engine', label: 'Puppet', state: 'ready', restarts: 0 },
    engines: [{ id: 'puppet.engine', label: 'Puppet', state: 'ready', restarts: 0 }],
    outputs: [
      { id: 'v4l2.camera', label: 'MuseCam (/dev/video10)', state: 'ready', sent: 300, dropped: 1 },
      { id: 'web-panel.page', label: 'http://127.0.0.1:4747', state: 'ready', sent: 300, dropped: 0 },
    ],
    levelDb: -24,
    resting: false,
    muted: false,
    panic: false,
    recording: false,
    speaking: true,
    openness: 0.4,
    frames: { shown: 300, fresh: 296, repeated: 4, dropped: 2, freshPerSecond: 24.8 },
    latency: { p50Ms: 72, p95Ms: 95 },
    hear: { p50Ms: 1.1, p95Ms: 1.9 },
    draw: { p50Ms: 2.6, p95Ms: 4.2 },
    paste: { p50Ms: 0.3, p95Ms: 0.4 },
    choices: ['Microphone: Built-in microphone, the system default.', 'Camera: /dev/video10, the only virtual camera.'],
    ...overrides,
  };
}

/** An avatar that comes with the program. */
export function makeAvatar(id: string, name: string): AvatarSummary {
  return { id, name, ...SIZE, isShipped: true, isResident: true, depicts: 'invented', frameCount: 1, hasMatte: false };
}

/** A moving 720p picture: grey ramp, a bar that travels, and the frame's own index as squares along the top. */
export function makeFrame(index: number): VideoFrame {
  const { width, height } = SIZE;
  const data = new Uint8Array(frameByteLength('i420', SIZE));
  data.fill(128, width * height);
  const barAt = (index * 16) % (width - 64);
  for (let y = 0; y < height; y++) {
    const row = data.subarray(y * width, (y + 1) * width);
    row.fill((60 + (y * 100) / height) | 0);
    if (y >= BIT_PX) row.fill(220, barAt, barAt + 64);
    else for (let bit = 0; bit < BITS; bit++) row.fill((index >> bit) & 1 ? 235 : 16, bit * BIT_PX, (bit + 1) * BIT_PX);
  }
  return { ...SIZE, format: 'i420', data, index, capturedAtMs: Number.NaN };
}

/** The index written into a picture by {@link makeFrame}, read back from its JPEG. */
export async function readIndex(jpeg: Uint8Array): Promise<number> {
  const { data, info } = await sharp(jpeg).greyscale().raw().toBuffer({ resolveWithObject: true });
  const scale = info.width / SIZE.width;
  const y = Math.round((BIT_PX / 2) * scale);
  let index = 0;
  for (let bit = 0; bit < BITS; bit++) {
    const x = Math.round((bit + 0.5) * BIT_PX * scale);
    if (data[(y * info.width + x) * info.channels]! > 128) index |= 1 << bit;
  }
  return index;
}

/** What a stand is opened with. */
export interface StandOptions {
  readonly target?: string | undefined;
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly status?: ShowStatus;
  readonly token?: string;
  /** Commands that this show does not have. */
  readonly without?: readonly string[];
  /** How slow uploads may be. */
  readonly uploadPace?: UploadPace;
  /** How long a request may take to arrive, in ms. */
  readonly requestTimeoutMs?: number;
}

/** The real control page around a show that is not there: its status is set by the test, its commands are written down. */
export class PanelStand implements AsyncDisposable {
  /** Commands that were run, in order. */
  readonly ran: { readonly id: string; readonly args: unknown }[] = [];
  readonly health: HealthReport[] = [];
  readonly commands = new CommandTable((condition) => holds(condition, this.#status));
  keys: Keybinding[] = [
    ...Array.from({ length: 9 }, (_, n) => bind(String(n + 1), 'avatar.useNumber', { number: n + 1 })),
    ...Object.entries(KEYS).map(([key, command]) => bind(key, command)),
    { ...bind('r', 'recorder.start'), when: '!recording' },
    { ...bind('r', 'recorder.stop'), when: 'recording' },
  ];
  keyWarnings: string[] = [];
  /** What `hotkeys.status` tells. */
  hotkeys: { link?: LinkStatus; keys: { key: string; title: string; refused?: string }[]; why?: string } = {
    keys: [],
    why: 'there is no desktop here',
  };
  readonly settings = new Map<string, SettingEntry>();
  /** What OBS says. */
  obs: { map: Record<string, string>; scenes?: string[]; scene?: string; camera?: boolean } = { map: {} };
  /** Why no recording can be begun. */
  recordingFault: AppError | undefined;
  /** What a calibration finds. */
  calibration: unknown;
  /** Where uploads arrive. */
  readonly desk = new FakeDesk((preparations) => this.say({ preparations }));
  /** Plugins that the show has. */
  readonly plugins = new FakePlugins();
  readonly #changed = new Emitter<ShowStatus>();
  readonly #scope = new Scope();
  readonly #refused = new Set<string>();
  #status: ShowStatus;
  #output: WebPanelOutput | undefined;
  #frameIndex = 0;

  private constructor(status: ShowStatus) {
    this.#status = status;
  }

  static async open(options: StandOptions = {}): Promise<PanelStand> {
    const stand = new PanelStand(options.status ?? makeStatus());
    stand.#addCommands(options.without ?? []);
    const folder = await mkdtemp(join(tmpdir(), 'musecam-panel-'));
    stand.#scope.use(() => rm(folder, { recursive: true, force: true }));
    const pictures = await drawPictures(folder);
    stand.desk.pictureFolder = folder;
    const before = process.env.MUSECAM_TOKEN;
    process.env.MUSECAM_TOKEN = options.token ?? STAND_TOKEN;
    try {
      const context = {
        commands: stand.commands,
        settings: options.settings ?? {},
        status: stand.feed,
        avatarPreview: (id: string) => pictures.get(id),
        preparations: stand.desk,
        pages: () => stand.plugins.pages,
      };
      const target = 'target' in options ? options.target : '0';
      const open = {
        target,
        log: silentLog,
        onHealth: (report: HealthReport) => void stand.health.push(report),
        ...(options.uploadPace ? { uploadPace: options.uploadPace } : {}),
        requestTimeoutMs: options.requestTimeoutMs,
      };
      stand.#output = stand.#scope.use(await openWebPanel(context, open, new AbortController().signal));
    } catch (thrown) {
      await stand.#scope.close();
      throw thrown;
    } finally {
      if (before === undefined) delete process.env.MUSECAM_TOKEN;
      else process.env.MUSECAM_TOKEN = before;
    }
    return stand;
  }

  get output(): WebPanelOutput {
    return this.#output!;
  }

  /** What a person opens. */
  get address(): string {
    return `${this.output.url}?token=${this.output.token}`;
  }

  get port(): number {
    return Number(new URL(this.output.label).port);
  }

  get feed() {
    const stand = this;
    return {
      get current() {
        return stand.#status;
      },
      onDidChange: this.#changed.event,
    };
  }

  /** Changes the show's status and tells whoever listens. */
  say(overrides: Partial<ShowStatus>): void {
    this.#status = { ...this.#status, ...overrides };
    this.#changed.fire(this.#status);
  }

  /** Sends the next frame, as the show's lane does. */
  async sendFrame(): Promise<number> {
    const index = this.#frameIndex++;
    await this.output.send(makeFrame(index));
    return index;
  }

  /** Sends 25 frames a second until disposed. */
  play(): Disposable {
    const timer = setInterval(() => void this.sendFrame(), 40);
    this.#scope.use(() => clearInterval(timer));
    return { [Symbol.dispose]: () => clearInterval(timer) };
  }

  /** Asks the server; by default as a program that has the token. */
  ask(path: string, options: AskOptions = {}): Promise<Answer> {
    return ask(this.port, path, { token: STAND_TOKEN, ...options });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#scope.close();
  }

  #setSetting(key: string, change: Pick<SettingEntry, 'value' | 'source'>): SettingEntry {
    const entry = { ...this.settings.get(key)!, ...change };
    this.settings.set(key, entry);
    return entry;
  }

  #addCommands(without: readonly string[]): void {
    const add = <Args>(id: string, args: z.ZodType<Args>, run: (args: Args) => unknown = () => undefined) =>
      !without.includes(id) &&
      this.commands.register<Args>({
        id,
        title: id,
        args,
        run: async (given) => {
          // What only looks is not what a person did.
          if (!LOOKS.includes(id)) this.ran.push({ id, args: given });
          return run(given);
        },
      });
    const nothing = z.object({});
    this.plugins.register(this.commands, (id, args) => this.ran.push({ id, args }));
    add('avatar.use', z.object({ id: z.string() }), ({ id }) => this.#useAvatar(id));
    add('avatar.next', nothing);
    add('avatar.previous', nothing);
    add('mouth.rest', z.object({ on: z.boolean() }));
    add('microphone.mute', z.object({ on: z.boolean() }), ({ on }) => this.say({ muted: on }));
    add('show.panic', z.object({ on: z.boolean() }), ({ on }) => this.say({ panic: on }));
    add('sync.calibrate', nothing, () => this.calibration);
    add('keybindings.list', nothing, () => ({
      bindings: this.keys,
      warnings: this.keyWarnings,
      file: '/keybindings.json',
    }));
    add('hotkeys.status', nothing, () => this.hotkeys);
    add('settings.list', nothing, () => ({ settings: [...this.settings.values()], warnings: [] }));
    const setting = z.object({ key: z.string(), value: z.unknown() });
    add('settings.set', setting, ({ key, value }) => {
      if (value === 13) throw new AppError('BAD_SETTING', `${key} = 13: expected at most 12.`);
      return this.#setSetting(key, { value, source: 'file' });
    });
    add('settings.reset', z.object({ key: z.string() }), ({ key }) =>
      this.#setSetting(key, { value: this.settings.get(key)!.default, source: 'default' }),
    );
    add('obs.status', nothing, () => this.obs);
    add('obs.setup', nothing, () => ({ scene: 'MuseCam', input: 'MuseCam picture', via: 'stream', changes: [] }));
    add('obs.camera', z.object({ on: z.boolean() }), ({ on }) => Object.assign(this.obs, { camera: on }));
    add('obs.map', z.object({ scene: z.string(), avatar: z.string() }), ({ scene, avatar }) => {
      if (avatar === 'cy') throw new AppError('NO_SUCH_AVATAR', 'There is no avatar cy.');
      this.obs.map[scene] = avatar;
    });
    add('obs.unmap', z.object({ scene: z.string() }), ({ scene }) => void delete this.obs.map[scene]);
    add('show.stop', nothing);
    this.#addRecorder();
    add('background.set', z.object({ background: z.string() }), ({ background }) => this.say({ background }));
    add('label.set', z.object({ text: z.string() }), ({ text }) => this.say({ labelText: text }));
    add('avatar.rename', z.object({ id: z.string(), name: z.string() }), ({ id, name }) =>
      this.#changeAvatars((avatars) => avatars.map((avatar) => (avatar.id === id ? { ...avatar, name } : avatar))),
    );
    add('avatar.remove', z.object({ id: z.string() }), ({ id }) =>
      this.#changeAvatars((avatars) => avatars.filter((avatar) => avatar.id !== id)),
    );
    add('avatar.move', z.object({ id: z.string(), place: z.number().int() }), ({ id, place }) =>
      this.#changeAvatars((avatars) => {
        const others = avatars.filter((avatar) => avatar.id !== id);
        return [
          ...others.slice(0, place - 1),
          ...avatars.filter((avatar) => avatar.id === id),
          ...others.slice(place - 1),
        ];
      }),
    );
    const job = z.object({ id: z.string(), goLive: z.boolean().optional() });
    add('preparation.discard', job, ({ id }) => void this.desk.remove(id));
    add('preparation.accept', job, ({ id, goLive }) => {
      const { avatarId, name } = this.desk.remove(id);
      const avatar = { ...makeAvatar(avatarId, name), isShipped: false };
      this.say({ avatars: [...this.#status.avatars, avatar] });
      if (goLive) this.#useAvatar(avatarId);
      return { avatarId };
    });
    add('test.bug', nothing, () => {
      throw new TypeError('the insides of a bug at /secret/path');
    });
  }

  /** As the recorder does it: an output comes and goes. */
  #addRecorder(): void {
    const outputs = () => this.#status.outputs.filter(({ id }) => id !== 'recorder.file');
    const add = (id: string, enablement: string, run: () => void) =>
      this.commands.register({
        ...{ id, title: id, args: z.object({}), category: 'Recording', enablement },
        run: async (args) => {
          this.ran.push({ id, args });
          run();
        },
      });
    add('recorder.start', '!recording', () => {
      if (this.recordingFault) throw this.recordingFault;
      const file = { id: 'recorder.file', label: '/videos/show.mp4', state: 'ready', sent: 50, dropped: 0 } as const;
      this.say({ recording: true, outputs: [...outputs(), file] });
    });
    add('recorder.stop', 'recording', () => this.say({ recording: false, outputs: outputs() }));
  }

  /** From now on swaps to this avatar are refused, as when its files have gone. */
  refuse(id: string): void {
    this.#refused.add(id);
  }

  #changeAvatars(change: (avatars: readonly AvatarSummary[]) => readonly AvatarSummary[]): void {
    this.say({ avatars: change(this.#status.avatars) });
  }

  #useAvatar(id: string): { readonly avatarId: string } {
    if (this.#refused.has(id) || !this.#status.avatars.some((avatar) => avatar.id === id)) {
      throw new AppError('NO_SUCH_AVATAR', `There is no avatar ${id}.`, { fix: 'List them: musecam avatars list' });
    }
    this.say({ avatarId: id });
    return { avatarId: id };
  }
}

/** How to ask. A header of `undefined` is left out. */
export interface AskOptions {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Uint8Array;
  /** Sent as bearer token; undefined = none. */
  readonly token?: string | undefined;
}

/** What came back. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  json(): { readonly code?: string; readonly message?: string; readonly fix?: string };
}

/** One request whose every header is ours: `fetch` would not let a test forge Host or Origin. */
export function ask(port: number, path: string, options: AskOptions = {}): Promise<Answer> {
  const { method = 'GET', headers = {}, body, token } = options;
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const all = Object.entries({ ...authorization, ...headers });
  const given = Object.fromEntries(all.filter(([, value]) => value !== undefined));
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, path, method, headers: given, agent: false }, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(pieces).toString();
        resolve({ status: response.statusCode!, headers: response.headers, text, json: () => JSON.parse(text) });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** A picture for two of the three avatars; the third has none. */
async function drawPictures(folder: string): Promise<Map<string, string>> {
  const colours = { ada: '#b4532a', bo: '#2a6fb4' } as const;
  const pictures = new Map<string, string>();
  for (const [id, background] of Object.entries(colours)) {
    const path = join(folder, `${id}.png`);
    await sharp({ create: { width: 320, height: 180, channels: 3, background } })
      .png()
      .toFile(path);
    pictures.set(id, path);
  }
  return pictures;
}
