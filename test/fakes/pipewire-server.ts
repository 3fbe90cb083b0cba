import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasProgram } from './need.ts';

/** Whether the PipeWire rig can run here: Debian's pipewire, wireplumber, pipewire-pulse, dbus, gstreamer1.0-pipewire. */
export function hasPipewire(): boolean {
  const programs = ['pipewire', 'wireplumber', 'pipewire-pulse', 'dbus-daemon', 'pw-dump', 'gst-launch-1.0', 'pactl'];
  return programs.every(hasProgram) && spawnSync('gst-inspect-1.0', ['pipewiresink']).status === 0;
}

/** A real, headless PipeWire of its own: private bus, home and runtime folder, with WirePlumber and PulseAudio's protocol. */
export class PipewireServer implements AsyncDisposable {
  /** What clients need in their environment, laid over the caller's own. */
  readonly env: NodeJS.ProcessEnv;
  readonly #folder = mkdtempSync(join(tmpdir(), 'musecam-pipewire-'));
  #processes: ChildProcess[] = [];

  private constructor() {
    const bus = `unix:path=${join(this.#folder, 'bus')}`;
    this.env = {
      ...process.env,
      HOME: this.#folder,
      XDG_RUNTIME_DIR: this.#folder,
      XDG_STATE_HOME: join(this.#folder, 'state'),
      XDG_CONFIG_HOME: join(this.#folder, 'config'),
      DBUS_SESSION_BUS_ADDRESS: bus,
      PULSE_SERVER: `unix:${join(this.#folder, 'pulse', 'native')}`,
    };
    this.#start('dbus-daemon', '--session', '--nofork', `--address=${bus}`);
  }

  /** Starts the servers and waits until they answer. */
  static async start(): Promise<PipewireServer> {
    const server = new PipewireServer();
    await server.restart();
    return server;
  }

  /** Starts them again after {@link kill}. */
  async restart(): Promise<void> {
    await this.#waitFor(() => existsSync(join(this.#folder, 'bus')), 'the bus');
    this.#start('pipewire');
    await this.#waitFor(() => existsSync(join(this.#folder, 'pipewire-0')), 'PipeWire');
    this.#start('wireplumber');
    this.#start('pipewire-pulse');
    await this.#waitFor(() => this.pactl('info').status === 0, 'its PulseAudio protocol');
  }

  /** Kills PipeWire and what belongs to it with SIGKILL, but not the bus, and waits until they are gone. */
  async kill(): Promise<void> {
    const [bus, ...rest] = this.#processes;
    this.#processes = bus ? [bus] : [];
    await Promise.all(rest.map(end));
    for (const name of ['pipewire-0', 'pipewire-0.lock', 'pulse'])
      rmSync(join(this.#folder, name), { recursive: true, force: true });
  }

  /** Runs pactl against this server. */
  pactl(...args: string[]): { readonly status: number | null; readonly stdout: string } {
    return spawnSync('pactl', args, { env: { ...this.env, LC_ALL: 'C' }, encoding: 'utf8' });
  }

  /** Names of the cameras that programs see. */
  cameras(): readonly string[] {
    const dump = execFileSync('pw-dump', [], { env: this.env, encoding: 'utf8', maxBuffer: 1e8 });
    const nodes = JSON.parse(dump) as { info?: { props?: Record<string, unknown> } }[];
    return nodes
      .filter(({ info }) => info?.props?.['media.class'] === 'Video/Source')
      .map(({ info }) => String(info?.props?.['node.description']));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await Promise.all(this.#processes.map(end));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #start(program: string, ...args: string[]): void {
    const child = spawn(program, args, { env: this.env, stdio: 'ignore' });
    const killNow = () => void child.kill('SIGKILL');
    process.once('exit', killNow);
    child.once('exit', () => process.off('exit', killNow));
    this.#processes.push(child);
  }

  async #waitFor(isThere: () => boolean, what: string): Promise<void> {
    for (let attempt = 0; !isThere(); attempt++) {
      if (attempt > 200) throw new Error(`${what} did not start`);
      await sleep(50);
    }
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}
