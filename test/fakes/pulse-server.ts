import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasProgram } from './need.ts';

/** Rate of the pretended microphone, in Hz; mono s16. */
export const PULSE_RATE_HZ = 48_000;
const PUMP_MS = 5;

/** Whether the PulseAudio rig can run here: Debian's pulseaudio, pulseaudio-utils and libasound2-plugins. */
export function hasPulse(): boolean {
  return hasProgram('pulseaudio') && hasProgram('pactl') && hasProgram('parec');
}

/**
 * A real, headless PulseAudio server of its own (private socket, home and runtime folder; works as root and without
 * D-Bus) with one microphone: a `module-pipe-source`, into which a pump writes in real time, at all times. What it writes
 * is what {@link speak} was given, else room noise of ±4 steps (digital silence would look muted). A null sink is there as
 * well, so that there is a monitor that must not be taken for a microphone.
 */
export class PulseServer implements AsyncDisposable {
  /** What clients need in their environment, laid over the caller's own: PulseAudio's and ALSA's default is this server. */
  readonly env: NodeJS.ProcessEnv;
  readonly #folder = mkdtempSync(join(tmpdir(), 'musecam-pulse-'));
  readonly #fifo = join(this.#folder, 'microphone');
  #server: ChildProcess | undefined;
  readonly #killNow = () => void this.#server?.kill('SIGKILL');
  #fifoFd = -1;
  #pump: NodeJS.Timeout | undefined;
  #pumpStartMs = 0;
  #written = 0;
  #noise = 1;
  #speech: { readonly pcm: Int16Array; at: number; readonly onStart: (startMs: number) => void } | undefined;

  private constructor() {
    const alsaConfig = join(this.#folder, 'asound.conf');
    writeFileSync(
      alsaConfig,
      '</usr/share/alsa/alsa.conf>\npcm.!default { type pulse }\nctl.!default { type pulse }\n',
    );
    this.env = {
      ...process.env,
      HOME: this.#folder,
      XDG_RUNTIME_DIR: this.#folder,
      PULSE_RUNTIME_PATH: join(this.#folder, 'runtime'),
      PULSE_SERVER: `unix:${join(this.#folder, 'socket')}`,
      ALSA_CONFIG_PATH: alsaConfig,
    };
  }

  /** Starts the server and waits until it answers. */
  static async start(): Promise<PulseServer> {
    const pulse = new PulseServer();
    await pulse.restart();
    return pulse;
  }

  /** Starts it again after {@link kill}, at the same address. */
  async restart(): Promise<void> {
    process.once('exit', this.#killNow);
    rmSync(this.#fifo, { force: true });
    rmSync(join(this.#folder, 'socket'), { force: true });
    rmSync(join(this.#folder, 'runtime'), { force: true, recursive: true });
    const load = (module: string) => ['-L', module];
    this.#server = spawn(
      'pulseaudio',
      [
        ...['-n', '--daemonize=no', '--exit-idle-time=-1', '--log-target=stderr'],
        ...load(`module-native-protocol-unix auth-anonymous=1 socket=${join(this.#folder, 'socket')}`),
        ...load(this.#microphoneModule),
        ...load('module-null-sink sink_name=speakers'),
      ],
      { env: this.env, stdio: ['ignore', 'ignore', 'ignore'] },
    );
    for (let attempt = 0; this.pactl('info').status !== 0; attempt++) {
      if (attempt > 200 || this.#server.exitCode !== null) throw new Error('PulseAudio did not start');
      await sleep(50);
    }
    this.#connectMicrophone();
  }

  /** Takes the microphone out of its socket, as far as the server can tell. */
  unplugMicrophone(): void {
    this.pactl('unload-module', 'module-pipe-source');
    this.#disconnectMicrophone();
  }

  /** Puts it in again. */
  plugMicrophone(): void {
    rmSync(this.#fifo, { force: true });
    this.pactl('load-module', ...this.#microphoneModule.split(' '));
    this.#connectMicrophone();
  }

  /** Kills the server with SIGKILL and waits until it is gone. */
  async kill(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    process.off('exit', this.#killNow);
    this.#disconnectMicrophone();
    if (!server || server.exitCode !== null || server.signalCode !== null) return;
    const gone = once(server, 'exit');
    server.kill('SIGKILL');
    await gone;
  }

  /** Process id of the server, for sending signals. */
  get pid(): number {
    const pid = this.#server?.pid;
    if (pid === undefined) throw new Error('PulseAudio is not running');
    return pid;
  }

  /** Runs pactl against this server. */
  pactl(...args: string[]): { readonly status: number | null; readonly stdout: string } {
    return spawnSync('pactl', args, { env: { ...this.env, LC_ALL: 'C' }, encoding: 'utf8' });
  }

  /**
   * Speaks into the microphone in real time: 48 kHz mono s16. Resolves when the last sample has been written, with the
   * `performance.now()` at which the first was "spoken". One speech at a time.
   */
  async speak(pcm48k: Int16Array): Promise<number> {
    if (this.#speech) throw new Error('somebody is speaking already');
    const startMs = await new Promise<number>((resolve) => {
      this.#speech = { pcm: pcm48k, at: 0, onStart: resolve };
    });
    while (this.#speech) await sleep(PUMP_MS);
    return startMs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #microphoneModule(): string {
    return `module-pipe-source source_name=mic file=${this.#fifo} format=s16le rate=${PULSE_RATE_HZ} channels=1`;
  }

  /** Opens the server's pipe and writes room noise into it from now on. */
  #connectMicrophone(): void {
    this.#disconnectMicrophone();
    this.#fifoFd = openSync(this.#fifo, constants.O_RDWR | constants.O_NONBLOCK);
    this.#pumpStartMs = performance.now();
    this.#written = 0;
    this.#pump = setInterval(() => this.#write(), PUMP_MS);
  }

  #disconnectMicrophone(): void {
    clearInterval(this.#pump);
    if (this.#fifoFd >= 0) closeSync(this.#fifoFd);
    this.#fifoFd = -1;
    this.#speech = undefined;
  }

  /** Writes what is due by the clock, so that a late timer is made up for. */
  #write(): void {
    const due = Math.floor(((performance.now() - this.#pumpStartMs) * PULSE_RATE_HZ) / 1000) - this.#written;
    const block = new Int16Array(due);
    for (let i = 0; i < due; i++) block[i] = this.#nextSample(i);
    this.#written += due;
    try {
      writeSync(this.#fifoFd, new Uint8Array(block.buffer));
    } catch (thrown) {
      // A server that is stopped or gone does not read: what is spoken then is lost, as in a room.
      if ((thrown as NodeJS.ErrnoException).code !== 'EAGAIN') throw thrown;
    }
  }

  /** White noise: a pattern that repeats would be a tone, and may be filtered out on the way to 16 kHz. */
  #nextNoise(): number {
    this.#noise = (Math.imul(this.#noise, 1_664_525) + 1_013_904_223) >>> 0;
    return ((this.#noise >>> 28) - 8) >> 1;
  }

  #nextSample(offset: number): number {
    const speech = this.#speech;
    if (!speech) return this.#nextNoise();
    if (speech.at === 0) speech.onStart(this.#pumpStartMs + ((this.#written + offset) * 1000) / PULSE_RATE_HZ);
    const sample = speech.pcm[speech.at++] ?? 0;
    if (speech.at >= speech.pcm.length) this.#speech = undefined;
    return sample;
  }
}

/**
 * Speech made by espeak-ng, 48 kHz mono s16, for {@link PulseServer.speak}. (espeak-ng writes 22 050 Hz; linear
 * interpolation is good enough for a rig.)
 */
export function synthesizeSpeech(text: string): Int16Array {
  const run = spawnSync('espeak-ng', ['--stdout', '-v', 'en-gb', text], { maxBuffer: 1 << 28 });
  if (run.status !== 0) throw new Error(`espeak-ng failed: ${run.stderr}`);
  const wav = run.stdout;
  const rateHz = wav.readUInt32LE(24);
  const start = wav.indexOf('data') + 8;
  const source = Int16Array.from({ length: (wav.length - start) >> 1 }, (_, n) => wav.readInt16LE(start + 2 * n));
  return Int16Array.from({ length: Math.floor((source.length * PULSE_RATE_HZ) / rateHz) }, (_, n) => {
    const place = (n * rateHz) / PULSE_RATE_HZ;
    const below = Math.floor(place);
    const a = source[below] ?? 0;
    return a + (place - below) * ((source[below + 1] ?? a) - a);
  });
}
