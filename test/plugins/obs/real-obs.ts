import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { OBSWebSocket } from 'obs-websocket-js/json';
import { hasProgram } from '../../fakes/need.ts';

/** What pressing keys and clicking needs. */
export const hasHand = hasProgram('xdotool');

/** What a real OBS without a screen needs. */
export const hasRealObs = hasProgram('obs') && hasProgram('Xvfb');

/** Canvas of the OBS under test: small, because the processor draws it. */
export const CANVAS = { width: 640, height: 360 } as const;

const START_DEADLINE_MS = 30_000;
/** Where OBS's button Exit is on a screen of 1280 x 800. */
const EXIT_BUTTON = { x: 974, y: 684 } as const;

/**
 * A real OBS Studio on a display of its own (Xvfb, drawn by the processor), in a home of its own, with its WebSocket server
 * on a free port and a password. Nothing of it asks questions or waits for clicks.
 */
export class RealObs implements AsyncDisposable {
  readonly port: number;
  readonly password = 'a password of the tests';
  readonly home: string;
  /** Name of its X display, `:3`. */
  readonly display: string;
  readonly #screen: ChildProcess;
  #obs: ChildProcess | undefined;

  private constructor(home: string, port: number, screen: ChildProcess, display: string) {
    this.home = home;
    this.port = port;
    this.#screen = screen;
    this.display = display;
  }

  /**
   * Starts it, a second time if the first fails: OBS 29 dies now and then by itself on loaded machines.
   * @param hasPreview whether its window shows the picture, which costs a third of a core.
   */
  static async open({ hasPreview = false }: { readonly hasPreview?: boolean } = {}): Promise<RealObs> {
    const home = await mkdtemp(join(tmpdir(), 'musecam-obs-'));
    const port = await freePort();
    const { screen, display } = await openScreen();
    const obs = new RealObs(home, port, screen, display);
    try {
      await obs.#writeSettings(hasPreview);
      await obs.start().catch(() => obs.start());
      return obs;
    } catch (thrown) {
      await obs[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  /** Folder of OBS's own settings. */
  get folder(): string {
    return join(this.home, 'config', 'obs-studio');
  }

  /** Starts OBS and resolves as soon as its WebSocket server takes connections. */
  async start(): Promise<void> {
    await this.#forgetPlaces();
    const flags = ['--multi', '--disable-updater', '--disable-missing-files-check', '--disable-shutdown-check'];
    const { DBUS_SESSION_BUS_ADDRESS: _bus, WAYLAND_DISPLAY: _wayland, PULSE_SERVER: _pulse, ...rest } = process.env;
    const obs = spawn('obs', [...flags, '--profile', 'Test', '--collection', 'Test', '--scene', 'Scene'], {
      stdio: 'ignore',
      // Nothing of what is being typed to the tests reaches it.
      detached: true,
      env: {
        ...rest,
        HOME: this.home,
        XDG_CONFIG_HOME: join(this.home, 'config'),
        XDG_CACHE_HOME: join(this.home, 'cache'),
        XDG_DATA_HOME: join(this.home, 'data'),
        XDG_RUNTIME_DIR: join(this.home, 'run'),
        DISPLAY: this.display,
        QT_QPA_PLATFORM: 'xcb',
        QT_X11_NO_MITSHM: '1',
        LIBGL_ALWAYS_SOFTWARE: '1',
        GALLIUM_DRIVER: 'llvmpipe',
        LP_NUM_THREADS: '2',
        LC_ALL: 'C.UTF-8',
      },
    });
    this.#obs = obs;
    const untilMs = performance.now() + START_DEADLINE_MS;
    while (!(await isOpen(this.port))) {
      if (obs.exitCode !== null || obs.signalCode !== null) throw new Error('OBS died while it was starting');
      if (performance.now() > untilMs) throw new Error('OBS did not open its WebSocket server');
      await sleep(50);
    }
  }

  /** Kills OBS without a word. */
  async kill(): Promise<void> {
    await end(this.#obs, 'SIGKILL');
    this.#obs = undefined;
  }

  /** What OBS has written into its log since it was started last. */
  async readLog(): Promise<string> {
    const folder = join(this.folder, 'logs');
    const newest = (await readdir(folder)).sort().at(-1);
    return newest === undefined ? '' : readFile(join(folder, newest), 'utf8');
  }

  /** Process id of OBS; undefined while it does not run. */
  get pid(): number | undefined {
    return this.#obs?.pid;
  }

  /** Presses a key and lets go, as a person does: OBS looks at the keyboard 40 times a second. */
  async press(key: string, heldMs = 60): Promise<void> {
    await this.#hand('keydown', key);
    await sleep(heldMs);
    await this.#hand('keyup', key);
    // Let go for less than OBS's time between two looks, it would count as held all the time.
    await sleep(heldMs);
  }

  /** Ends OBS as a person does, by its button Exit; resolves when it has ended. */
  async quit(): Promise<void> {
    const obs = this.#obs;
    await this.#hand('mousemove', String(EXIT_BUTTON.x), String(EXIT_BUTTON.y), 'click', '1');
    const timer = setTimeout(() => obs?.kill('SIGKILL'), 10_000);
    if (obs && obs.exitCode === null && obs.signalCode === null)
      await new Promise((resolve) => obs.once('exit', resolve));
    clearTimeout(timer);
    this.#obs = undefined;
  }

  async #hand(...args: string[]): Promise<void> {
    const child = spawn('xdotool', args, { env: { ...process.env, DISPLAY: this.display }, stdio: 'ignore' });
    await new Promise((resolve) => child.once('exit', resolve));
  }

  /** A client of the test's own, for doing in OBS what a person would. Dispose to disconnect. */
  async hand(): Promise<OBSWebSocket & AsyncDisposable> {
    const client = new OBSWebSocket();
    await client.connect(this.url, this.password);
    return Object.assign(client, { [Symbol.asyncDispose]: () => client.disconnect() });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await end(this.#screen, 'SIGTERM');
    await rm(this.home, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Where its window was, moved by a few pixels at each start: its button shall be where it was the first time. */
  async #forgetPlaces(): Promise<void> {
    const file = join(this.folder, 'global.ini');
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace(/^(?:geometry|DockState)=.*\n/gm, ''));
  }

  async #writeSettings(hasPreview: boolean): Promise<void> {
    const { folder, port, password } = this;
    for (const one of ['basic/profiles/Test', 'basic/scenes', 'plugin_config/obs-websocket']) {
      await mkdir(join(folder, one), { recursive: true });
    }
    await mkdir(join(this.home, 'run'), { mode: 0o700 });
    await writeFile(join(folder, 'global.ini'), globalIni(port, password, hasPreview));
    // Where OBS 30.2 and newer keep it.
    const server = { first_load: false, server_enabled: true, server_port: port, alerts_enabled: false };
    const config = JSON.stringify({ ...server, auth_required: true, server_password: password });
    await writeFile(join(folder, 'plugin_config/obs-websocket/config.json'), config);
    await writeFile(join(folder, 'basic/profiles/Test/basic.ini'), profileIni());
    await writeFile(join(folder, 'basic/scenes/Test.json'), JSON.stringify(sceneCollection()));
  }
}

/** FirstRun means that the first run is over. OBS before 30.2 keeps its server's settings here. */
function globalIni(port: number, password: string, hasPreview: boolean): string {
  return `[General]
FirstRun=true
Pre19Defaults=false
Pre21Defaults=false
Pre23Defaults=false
Pre24.1Defaults=false
EnableAutoUpdates=false
LastVersion=486539266
InfoIncrement=99
ConfirmOnExit=false
HotkeyFocusType=NeverDisableHotkeys

[Basic]
Profile=Test
ProfileDir=Test
SceneCollection=Test
SceneCollectionFile=Test

[BasicWindow]
PreviewEnabled=${hasPreview}

[OBSWebSocket]
FirstLoad=false
ServerEnabled=true
ServerPort=${port}
AlertsEnabled=false
AuthRequired=true
ServerPassword=${password}
`;
}

function profileIni(): string {
  const { width, height } = CANVAS;
  return `[General]
Name=Test

[Video]
BaseCX=${width}
BaseCY=${height}
OutputCX=${width}
OutputCY=${height}
FPSType=1
FPSInt=30
`;
}

function sceneCollection(): object {
  const scene = {
    ...{ id: 'scene', versioned_id: 'scene', name: 'Scene', enabled: true, flags: 0, hotkeys: {}, mixers: 0 },
    ...{ settings: { id_counter: 0, custom_size: false, items: [] }, private_settings: {}, volume: 1, balance: 0.5 },
  };
  return {
    ...{ name: 'Test', current_scene: 'Scene', current_program_scene: 'Scene', scene_order: [{ name: 'Scene' }] },
    ...{ sources: [scene], groups: [], transitions: [], modules: {} },
  };
}

/** An X server on a free display number; it says which. */
async function openScreen(): Promise<{ screen: ChildProcess; display: string }> {
  const screen = spawn(
    'Xvfb',
    ['-displayfd', '3', '-screen', '0', '1280x800x24', '-nolisten', 'tcp', '-noreset', '+extension', 'GLX'],
    { stdio: ['ignore', 'ignore', 'ignore', 'pipe'], detached: true },
  );
  const number = await new Promise<string>((resolve, reject) => {
    let text = '';
    screen.once('exit', () => reject(new Error('Xvfb ended')));
    screen.stdio[3]!.on('data', (bytes: Buffer) => {
      text += bytes.toString();
      if (text.includes('\n')) resolve(text.trim());
    });
  });
  return { screen, display: `:${number}` };
}

async function end(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await ended;
  clearTimeout(timer);
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const tell = (is: boolean) => {
      socket.destroy();
      resolve(is);
    };
    socket.once('connect', () => tell(true));
    socket.once('error', () => tell(false));
  });
}

/** A port that is free at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
