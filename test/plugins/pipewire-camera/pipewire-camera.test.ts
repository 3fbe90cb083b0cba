import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, type TestContext } from 'vitest';
import type { HealthReport, OpenVideoOutput } from '../../../src/api/contributions.ts';
import { frameByteLength, type Size } from '../../../src/api/media.ts';
import { silentLog } from '../../../src/base/log.ts';
import { createPipewireOutput } from '../../../src/plugins/pipewire-camera/pipewire-output.ts';
import { NODE_NAME } from '../../../src/plugins/pipewire-camera/publisher.ts';
import { need } from '../../fakes/need.ts';
import { hasPipewire, PipewireServer } from '../../fakes/pipewire-server.ts';

const never = new AbortController().signal;
const RATE = 25;
const needRig = (context: TestContext) =>
  need(
    context,
    hasPipewire(),
    'PipeWire (pipewire, wireplumber, pipewire-pulse, dbus, gstreamer1.0-tools, gstreamer1.0-pipewire)',
  );

/** A picture whose every byte tells its number: torn ones hold two. */
function picture(size: Size, number: number): Uint8Array {
  return new Uint8Array(frameByteLength('i420', size)).fill(16 + (number % 200));
}

/** Sends numbered pictures at the frame rate until disposed. */
class Sender implements Disposable {
  sent = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(camera: OpenVideoOutput, size: Size) {
    this.#timer = setInterval(() => {
      const index = this.sent++;
      void camera.send({ format: 'i420', ...size, data: picture(size, index), index, capturedAtMs: 0 });
    }, 1000 / RATE);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** Looks at the camera as a program does, by GStreamer; the numbers of the pictures, or `torn`. */
async function look(env: NodeJS.ProcessEnv, size: Size, count: number): Promise<(number | 'torn')[]> {
  const source = ['pipewiresrc', `target-object=${NODE_NAME}`, `num-buffers=${count}`, 'always-copy=true'];
  const shape = `video/x-raw,format=I420,width=${size.width},height=${size.height}`;
  const child = spawn('gst-launch-1.0', ['-q', ...source, '!', shape, '!', 'fdsink', 'fd=1', 'sync=false'], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const limit = setTimeout(() => child.kill('SIGKILL'), 20_000);
  const parts: Buffer[] = [];
  child.stdout.on('data', (bytes: Buffer) => parts.push(bytes));
  await once(child, 'close');
  clearTimeout(limit);
  const all = Buffer.concat(parts);
  const length = frameByteLength('i420', size);
  return Array.from({ length: Math.floor(all.length / length) }, (_, n) => {
    const bytes = all.subarray(n * length, (n + 1) * length);
    return bytes.every((byte) => byte === bytes[0]) ? bytes[0]! : 'torn';
  });
}

/** How many pictures came out of order, twice or torn, and how many were left out. */
function faultsIn(seen: readonly (number | 'torn')[]) {
  const steps = seen.slice(1).map((number, n) => (Number(number) - Number(seen[n]) + 200) % 200);
  return {
    torn: seen.filter((number) => number === 'torn').length,
    wrong: steps.filter((step) => step === 0 || step > 100).length,
    skipped: steps.reduce((sum, step) => sum + Math.max(0, step - 1), 0),
  };
}

async function open(env: NodeJS.ProcessEnv, size: Size, onHealth: (report: HealthReport) => void = () => {}) {
  const output = createPipewireOutput({ environment: env });
  return output.open({ target: undefined, ...size, framesPerSecond: RATE, log: silentLog, onHealth }, never);
}

describe('a camera in PipeWire', { timeout: 90_000 }, () => {
  it('is seen as MuseCam, and every program that looks gets whole pictures in order', async (context) => {
    needRig(context);
    await using server = await PipewireServer.start();
    for (const size of [
      { width: 640, height: 360 },
      { width: 1280, height: 720 },
    ]) {
      await using camera = await open(server.env, size);
      using sender = new Sender(camera, size);
      await expect.poll(() => server.cameras(), { timeout: 10_000 }).toEqual(['MuseCam']);
      for (let program = 0; program < 2; program++) {
        const seen = await look(server.env, size, 50);
        const faults = faultsIn(seen);
        expect(seen.length).toBe(50);
        expect(faults).toMatchObject({ torn: 0, wrong: 0 });
        // A busy machine may leave some out; what comes is in order.
        expect(faults.skipped).toBeLessThan(15);
      }
      expect(sender.sent).toBeGreaterThan(100);
    }
    await expect.poll(() => server.cameras(), { timeout: 5_000 }).toEqual([]);
  });

  it('takes pictures although nobody looks, and does not hold the show up', async (context) => {
    needRig(context);
    await using server = await PipewireServer.start();
    const size = { width: 640, height: 360 };
    await using camera = await open(server.env, size);
    let longestMs = 0;
    for (let index = 0; index < 100; index++) {
      const startMs = performance.now();
      await camera.send({ format: 'i420', ...size, data: picture(size, index), index, capturedAtMs: 0 });
      if (index > 25) longestMs = Math.max(longestMs, performance.now() - startMs);
      await sleep(1000 / RATE);
    }
    expect(longestMs).toBeLessThan(1000);
    expect(
      faultsIn(await Promise.all([look(server.env, size, 5), keepSending(camera, size)]).then(([seen]) => seen)).torn,
    ).toBe(0);
  });

  it('is there again within two seconds after PipeWire was killed and started anew', { retry: 1 }, async (context) => {
    needRig(context);
    await using server = await PipewireServer.start();
    const size = { width: 640, height: 360 };
    const reports: HealthReport[] = [];
    await using camera = await open(server.env, size, (report) => reports.push(report));
    using _sender = new Sender(camera, size);
    await expect.poll(() => reports.at(-1)?.state, { timeout: 5_000 }).toBe('ready');
    for (let round = 0; round < 3; round++) {
      await server.kill();
      await expect.poll(() => reports.at(-1)?.state, { timeout: 10_000 }).toBe('degraded');
      await server.restart();
      const startMs = performance.now();
      await expect.poll(() => server.cameras(), { timeout: 10_000, interval: 20 }).toEqual(['MuseCam']);
      expect(performance.now() - startMs).toBeLessThan(2000);
      await expect.poll(() => reports.at(-1)?.state, { timeout: 5_000 }).toBe('ready');
    }
    expect(faultsIn(await look(server.env, size, 20))).toMatchObject({ torn: 0, wrong: 0 });
  });

  it('says what is missing, and how to get it', async () => {
    const options = {
      target: undefined,
      width: 640,
      height: 360,
      framesPerSecond: RATE,
      log: silentLog,
      onHealth: () => {},
    };
    const nowhere = { environment: { PATH: '/nowhere', XDG_RUNTIME_DIR: '/nowhere' } };
    await expect(createPipewireOutput({ platform: 'darwin' }).open(options, never)).rejects.toMatchObject({
      code: 'PIPEWIRE_LINUX_ONLY',
    });
    await expect(createPipewireOutput(nowhere).open(options, never)).rejects.toMatchObject({
      code: 'PIPEWIRE_NO_SERVER',
    });
    const [report] = await createPipewireOutput(nowhere).check!(never);
    expect(report).toMatchObject({ state: 'off', fix: expect.stringContaining('systemctl --user') });
    const withServer = { environment: { PATH: '/nowhere', XDG_RUNTIME_DIR: '/', PIPEWIRE_REMOTE: '/dev/null' } };
    await expect(createPipewireOutput(withServer).open(options, never)).rejects.toMatchObject({
      code: 'PIPEWIRE_NO_GSTREAMER',
      fix: expect.stringContaining('apt install gstreamer1.0-tools'),
    });
  });
});

/** Pictures for a program that has begun to look. */
async function keepSending(camera: OpenVideoOutput, size: Size): Promise<void> {
  using _sender = new Sender(camera, size);
  await sleep(3000);
}
