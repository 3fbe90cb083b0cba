import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, it } from 'vitest';
import type { HealthReport } from '../../../src/api/contributions.ts';
import { FRAMES_PER_SECOND } from '../../../src/api/media.ts';
import { silentLog } from '../../../src/base/log.ts';
import { VirtualCamera } from '../../../src/plugins/v4l2/camera.ts';
import { CAP_VIDEO_CAPTURE, CAP_VIDEO_OUTPUT } from '../../../src/plugins/v4l2/ioctl.ts';
import { need } from '../../fakes/need.ts';
import { makeBarcodeFrame, makeExpectedBytes } from './barcode-frames.ts';
import { FakeLoopback } from './fake-device.ts';

const SIZE = { width: 640, height: 480 };
const PATH = '/dev/video10';

let fake: FakeLoopback;
let health: HealthReport[];
let holders: { pid: number; name: string }[];

beforeEach(() => {
  fake = new FakeLoopback();
  health = [];
  holders = [];
});

function openCamera(pixelFormat: 'yuyv' | 'i420' = 'yuyv', sustainFrames = false, size = SIZE): Promise<VirtualCamera> {
  const find = async () => ({
    path: PATH,
    size,
    pixelFormat,
    framesPerSecond: FRAMES_PER_SECOND,
    sustainFrames,
    openDevice: fake.open,
    findHolders: async () => holders,
  });
  const output = { log: silentLog, onHealth: (report: HealthReport) => void health.push(report) };
  return VirtualCamera.open({ label: 'MuseCam', find, output, retryMs: 5 }, new AbortController().signal);
}

async function refusal(
  pixelFormat: 'yuyv' | 'i420' = 'yuyv',
): Promise<{ code?: string; message?: string; fix?: string }> {
  const opened = openCamera(pixelFormat);
  return opened.then(
    () => ({ code: 'none' }),
    (thrown: { code: string }) => thrown,
  );
}

/** Which bar-coded pictures the device got, compared byte for byte. */
function expectWritten(indices: readonly number[], format: 'yuyv' | 'i420'): void {
  expect(fake.written).toHaveLength(indices.length);
  for (const [at, index] of indices.entries()) {
    expect(Buffer.from(fake.written[at]!).equals(makeExpectedBytes(index, SIZE, format))).toBe(true);
  }
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await sleep(2);
}

describe('opening the virtual camera', () => {
  it('sets format, rate and stream, in that order, and writes whole pictures', async () => {
    const camera = await openCamera();
    await camera.send(makeBarcodeFrame(3, SIZE));
    await camera.send(makeBarcodeFrame(4, SIZE));
    expect(fake.calls).toEqual(['setFormat 640x480 YUYV', 'setFrameRate 25', 'streamOn']);
    expectWritten([3, 4], 'yuyv');
    await camera[Symbol.asyncDispose]();
    await camera[Symbol.asyncDispose]();
    expect([fake.openCount, fake.closeCount]).toEqual([1, 1]);
    expect(health).toEqual([{ state: 'ready' }]);
  });

  it('shows a transparent show on plain grey: nothing of what was behind the person', async () => {
    for (const format of ['i420', 'yuyv'] as const) {
      const camera = await openCamera(format);
      const alpha = new Uint8Array(SIZE.width * SIZE.height);
      await camera.send({ ...makeBarcodeFrame(3, SIZE), alpha });
      const [first] = fake.written.splice(0);
      const { data } = makeBarcodeFrame(3, SIZE);
      expect(new Set(first!.subarray(0, SIZE.width).filter((_, at) => format === 'i420' || at % 2 === 0))).toEqual(
        new Set([110]),
      );
      expect(data.every((value) => value === 110)).toBe(false);
      await camera[Symbol.asyncDispose]();
    }
  });

  it('writes I420 as it is, and asks the module to sustain frames, where the settings say so', async () => {
    const camera = await openCamera('i420', true);
    await camera.send(makeBarcodeFrame(3, SIZE));
    expect(fake.calls).toContain('setFormat 640x480 YU12');
    expect(fake.calls).toContain('setControl 0x98f901 1');
    expectWritten([3], 'i420');
  });

  it('does not mind that 0.15 answers STREAMON with EINVAL, but minds everything else', async () => {
    fake.refusals.set('streamOn', 'EINVAL');
    expect(await refusal()).toEqual({ code: 'none' });
    fake.refusals.set('streamOn', 'EIO');
    expect(await refusal()).toMatchObject({ code: 'V4L2_FAILED' });
    expect(fake.closeCount).toBe(1);
  });

  for (const [code, expected, fix] of [
    ['ENOENT', 'V4L2_NO_SUCH_DEVICE', 'modprobe v4l2loopback'],
    ['EACCES', 'V4L2_PERMISSION', 'usermod -aG video'],
    ['EBUSY', 'V4L2_BUSY', 'virtual camera'],
    ['ENOTTY', 'V4L2_NOT_LOOPBACK', 'musecam devices'],
    ['EIO', 'V4L2_FAILED', 'musecam doctor'],
  ] as const) {
    it(`turns ${code} into ${expected}, with what to do`, async () => {
      fake.refusals.set('open', code);
      const refused = await refusal();
      expect(refused.code).toBe(expected);
      expect(refused.message).toContain(PATH);
      expect(refused.fix).toContain(fix);
    });
  }

  it('never touches a device of another driver', async () => {
    fake.driver = 'uvcvideo';
    fake.card = 'Integrated Camera';
    expect(await refusal()).toMatchObject({ code: 'V4L2_NOT_LOOPBACK', message: expect.stringContaining('uvcvideo') });
    expect(fake.calls).toEqual([]);
    expect(fake.closeCount).toBe(1);
  });

  it('names who writes already, and does not mix its pictures in', async () => {
    fake.caps = CAP_VIDEO_CAPTURE;
    holders = [{ pid: 4711, name: 'obs' }];
    expect(await refusal()).toMatchObject({ code: 'V4L2_BUSY', message: expect.stringContaining('obs (4711)') });
    expect(fake.calls).toEqual([]);
    holders = [];
    expect(await refusal()).toMatchObject({ code: 'V4L2_BUSY', message: expect.stringContaining('OBS?') });
  });

  it('takes a device that keeps its format and shows CAPTURE although nobody writes', async () => {
    fake.caps = CAP_VIDEO_CAPTURE;
    fake.keepsFormat = true;
    expect(await refusal()).toEqual({ code: 'none' });
  });

  it('advises to load the module again when a former writer has left the device dead', async () => {
    fake.caps = 0x05200000;
    expect(await refusal()).toMatchObject({
      code: 'V4L2_STUCK',
      fix: expect.stringContaining('modprobe -r v4l2loopback'),
    });
  });

  for (const refusesHeldFormat of [true, false]) {
    const version = refusesHeldFormat ? '0.13, with EBUSY' : '0.12 and 0.15, without an error';
    it(`names the size a reader holds the device to (${version})`, async () => {
      fake.held = { width: 1280, height: 720, fourcc: 'YU12' };
      fake.refusesHeldFormat = refusesHeldFormat;
      holders = [{ pid: 12, name: 'chrome' }];
      const refused = await refusal();
      expect(refused.code).toBe('V4L2_FORMAT_HELD');
      expect(refused.message).toMatch(/held to 1280x720 YU12 by chrome \(12\); 640x480 YUYV was asked for/);
    });

    it(`takes to the layout a reader holds the device to if the size fits (${version})`, async () => {
      fake.held = { ...SIZE, fourcc: 'YU12' };
      fake.refusesHeldFormat = refusesHeldFormat;
      const camera = await openCamera('yuyv');
      await camera.send(makeBarcodeFrame(5, SIZE));
      expectWritten([5], 'i420');
    });
  }

  it('takes EINVAL at S_FMT for another writer, as 0.15 means it', async () => {
    fake.refusals.set('setFormat', 'EINVAL');
    expect(await refusal()).toMatchObject({ code: 'V4L2_BUSY' });
  });

  it('opens nothing when it has been called off', async () => {
    const find = () => Promise.reject(new Error('not to be asked'));
    const called = VirtualCamera.open(
      { label: 'x', find, output: { log: silentLog, onHealth() {} } },
      AbortSignal.abort(new Error('called off')),
    );
    await expect(called).rejects.toThrow('called off');
  });

  it('says plainly that koffi is missing, and loads without it', (context) => {
    need(context, process.platform === 'linux', 'Linux');
    const hook =
      'export const resolve = (name, at, next) => { if (name === "koffi") throw new Error("no koffi"); return next(name, at); };';
    const register = `import { register } from 'node:module'; register('data:text/javascript,' + ${JSON.stringify(encodeURIComponent(hook))});`;
    const plugin = fileURLToPath(new URL('../../../src/plugins/v4l2/device.ts', import.meta.url));
    const program = `const { openVideoDevice } = await import(${JSON.stringify(plugin)});
      await openVideoDevice('/dev/null').catch(({ code, fix }) => console.log(JSON.stringify({ code, fix })));`;
    const { stdout, stderr } = spawnSync(
      process.execPath,
      [
        '--import',
        'tsx',
        '--import',
        `data:text/javascript,${encodeURIComponent(register)}`,
        '--input-type=module',
        '-e',
        program,
      ],
      { encoding: 'utf8', cwd: fileURLToPath(new URL('../../..', import.meta.url)) },
    );
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({
      code: 'V4L2_BINDING_MISSING',
      fix: expect.stringContaining('npm rebuild koffi'),
    });
  });
});

describe('the virtual camera while live', () => {
  it('says what a module without exclusive_caps costs, once', async () => {
    fake.caps = CAP_VIDEO_CAPTURE | CAP_VIDEO_OUTPUT;
    fake.hasExclusiveCaps = false;
    const camera = await openCamera();
    await camera.send(makeBarcodeFrame(0, SIZE));
    await camera.send(makeBarcodeFrame(1, SIZE));
    expect(health).toEqual([
      {
        state: 'degraded',
        detail: expect.stringContaining('Chrome'),
        fix: expect.stringContaining('exclusive_caps=1'),
      },
    ]);
  });

  it('says that Firefox will not offer a size it does not know', async () => {
    const camera = await openCamera('yuyv', false, { width: 640, height: 360 });
    await camera.send(makeBarcodeFrame(0, { width: 640, height: 360 }));
    expect(health).toEqual([{ state: 'ready', detail: 'Firefox offers no camera of 640x360' }]);
  });

  it('comes back to a driver that says EAGAIN, and lets the picture go when it keeps saying so', async () => {
    const camera = await openCamera();
    fake.nextWrites.push('EAGAIN', 'EAGAIN');
    await camera.send(makeBarcodeFrame(0, SIZE));
    expect(fake.written).toHaveLength(1);
    fake.nextWrites.push(...Array.from({ length: 8 }, () => 'EAGAIN'));
    await camera.send(makeBarcodeFrame(1, SIZE));
    expect(fake.written).toHaveLength(1);
    await camera.send(makeBarcodeFrame(2, SIZE));
    expect(fake.written).toHaveLength(2);
    expect(fake.openCount).toBe(1);
  });

  it('reports a device that is gone, lets pictures go meanwhile, and goes on in the same format when it is back', async () => {
    const camera = await openCamera();
    await camera.send(makeBarcodeFrame(0, SIZE));
    fake.nextWrites.push('ENODEV');
    fake.refusals.set('open', 'ENOENT');
    await camera.send(makeBarcodeFrame(1, SIZE));
    expect(health.at(-1)).toMatchObject({ state: 'failed', detail: expect.stringContaining('ENODEV') });
    expect(fake.closeCount).toBe(1);
    await until(() => health.at(-1)?.detail?.includes('there is no device') === true);
    await camera.send(makeBarcodeFrame(2, SIZE));
    expect(fake.written).toHaveLength(1);

    fake.refusals.clear();
    await until(() => health.at(-1)?.state === 'ready');
    await camera.send(makeBarcodeFrame(3, SIZE));
    expectWritten([0, 3], 'yuyv');
    expect(fake.calls.filter((call) => call.startsWith('setFormat'))).toEqual(Array(2).fill('setFormat 640x480 YUYV'));
    await camera[Symbol.asyncDispose]();
    expect([fake.openCount, fake.closeCount]).toEqual([2, 2]);
  });

  it('opens the device again when it takes only part of a picture', async () => {
    const camera = await openCamera();
    fake.nextWrites.push(1000);
    await camera.send(makeBarcodeFrame(0, SIZE));
    expect(health[0]).toMatchObject({ state: 'failed', detail: expect.stringContaining('1000 of 614400 bytes') });
    await until(() => fake.openCount === 2);
    await camera[Symbol.asyncDispose]();
  });

  it('tries less and less often, and at once again after it has shown pictures', async () => {
    const camera = await openCamera();
    fake.refusals.set('open', 'ENOENT');
    fake.nextWrites.push('ENODEV');
    await camera.send(makeBarcodeFrame(0, SIZE));
    const startMs = performance.now();
    // After 5, 10, 20 and 40 ms; a timer may be late, never early.
    await until(() => health.length >= 5);
    expect(performance.now() - startMs).toBeGreaterThan(65);
    fake.refusals.clear();
    await until(() => health.at(-1)?.state === 'ready');
    // Opens, but takes nothing: that is no reason to try often.
    fake.nextWrites.push('ENODEV');
    const lostMs = performance.now();
    await camera.send(makeBarcodeFrame(1, SIZE));
    await until(() => health.at(-1)?.state === 'ready');
    expect(performance.now() - lostMs).toBeGreaterThan(75);
    await camera.send(makeBarcodeFrame(2, SIZE));
    expect(fake.written).toHaveLength(1);
    await camera[Symbol.asyncDispose]();
  });

  it('stops trying once it is closed', async () => {
    const camera = await openCamera();
    fake.nextWrites.push('ENODEV');
    fake.refusals.set('open', 'ENOENT');
    await camera.send(makeBarcodeFrame(0, SIZE));
    await camera[Symbol.asyncDispose]();
    const reports = health.length;
    fake.refusals.clear();
    await sleep(50);
    expect(fake.openCount).toBe(1);
    expect(health).toHaveLength(reports);
    await camera.send(makeBarcodeFrame(1, SIZE));
    expect(fake.written).toHaveLength(0);
  });
});
