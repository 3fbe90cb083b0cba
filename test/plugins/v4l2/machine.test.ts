import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../../src/base/log.ts';
import { checkVirtualCamera } from '../../../src/plugins/v4l2/check.ts';
import { CAP_VIDEO_CAPTURE, CAP_VIDEO_OUTPUT } from '../../../src/plugins/v4l2/ioctl.ts';
import { createV4l2Output } from '../../../src/plugins/v4l2/output.ts';
import type { Machine } from '../../../src/plugins/v4l2/scan.ts';
import { FakeLoopback, kernelError } from './fake-device.ts';

const never = new AbortController().signal;
let root: string;
let cameras: Map<string, FakeLoopback>;
let opened: string[];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'musecam-machine-'));
  cameras = new Map();
  opened = [];
  mkdirSync(join(root, 'sys/devices/virtual/video4linux'), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function makeMachine(platform: NodeJS.Platform = 'linux'): Machine {
  return {
    platform,
    root,
    dev: join(root, 'dev'),
    sys: join(root, 'sys'),
    proc: join(root, 'proc'),
    modules: join(root, 'modules'),
    kernel: async () => '6.1.0-56-amd64',
    openDevice: async (path) => {
      opened.push(basename(path));
      const camera = cameras.get(basename(path));
      if (!camera) throw kernelError('ENOENT');
      return camera.open(path);
    },
  };
}

function write(path: string, text: string | Buffer): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

/** Adds a device as sysfs shows it: virtual ones have no hardware behind them. */
function addCamera(name: string, label: string, place = 'virtual'): FakeLoopback {
  write(`sys/devices/${place}/video4linux/${name}/name`, `${label}\n`);
  mkdirSync(join(root, 'sys/class/video4linux'), { recursive: true });
  symlinkSync(join(root, `sys/devices/${place}/video4linux/${name}`), join(root, 'sys/class/video4linux', name));
  const camera = new FakeLoopback();
  camera.card = label;
  cameras.set(name, camera);
  return camera;
}

function addHolder(pid: number, name: string, device: string): void {
  write(`proc/${pid}/comm`, `${name}\n`);
  mkdirSync(join(root, `proc/${pid}/fd`), { recursive: true });
  symlinkSync(join(root, 'dev', device), join(root, `proc/${pid}/fd/7`));
}

function list(machine = makeMachine()) {
  return createV4l2Output(() => ({ device: '', pixelFormat: 'yuyv', sustainFrames: false }), machine).list(never);
}

async function open(target: string | undefined, machine = makeMachine(), device = '') {
  const output = createV4l2Output(() => ({ device, pixelFormat: 'yuyv', sustainFrames: false }), machine);
  const options = { width: 640, height: 480, target, framesPerSecond: 25, log: silentLog, onHealth() {} };
  return output.open(options, never).then(
    async (camera) => {
      await camera[Symbol.asyncDispose]();
      return { code: 'none', label: camera.label };
    },
    (thrown: { code: string; message: string; fix?: string }) => thrown,
  );
}

describe('listing virtual cameras', () => {
  it('finds them by number, and does not even open what has hardware behind it', async () => {
    addCamera('video0', 'Integrated Camera', 'pci0000:00/usb1').driver = 'uvcvideo';
    addCamera('video12', 'Second');
    addCamera('video3', 'First');
    expect((await list()).map(({ id, label, isDefault }) => [basename(id), label, isDefault])).toEqual([
      ['video3', 'First', true],
      ['video12', 'Second', false],
    ]);
    expect(opened).not.toContain('video0');
  });

  it('leaves out virtual devices of other drivers', async () => {
    addCamera('video1', 'akvcam').driver = 'akvcam';
    expect(await list()).toEqual([]);
  });

  it('tells who writes and who watches, and prefers a camera that is free', async () => {
    addCamera('video10', 'Taken').caps = CAP_VIDEO_CAPTURE;
    addCamera('video11', 'Watched');
    addHolder(42, 'obs', 'video10');
    addHolder(43, 'chrome', 'video11');
    const [taken, watched] = await list();
    expect(taken).toMatchObject({ state: 'busy', isDefault: false, detail: expect.stringContaining('obs (42)') });
    expect(watched).toMatchObject({ state: 'ready', isDefault: true, detail: 'open in chrome (43)' });
  });

  it('shows dead ones and forbidden ones as broken, with the way out', async () => {
    addCamera('video10', 'Dead').caps = 0;
    addCamera('video11', 'Forbidden').refusals.set('open', 'EACCES');
    const [dead, forbidden] = await list();
    expect(dead).toMatchObject({ state: 'broken', fix: expect.stringContaining('modprobe -r') });
    expect(forbidden).toMatchObject({ state: 'broken', fix: expect.stringContaining('usermod -aG video') });
  });

  it('reads from the module whether Chrome will list a camera, and warns of numbers no browser looks at', async () => {
    addCamera('video10', 'A').caps = CAP_VIDEO_OUTPUT | CAP_VIDEO_CAPTURE;
    addCamera('video11', 'B').caps = CAP_VIDEO_OUTPUT | CAP_VIDEO_CAPTURE;
    addCamera('video70', 'C');
    write('sys/module/v4l2loopback/parameters/video_nr', '10,11,70,-1\n');
    write('sys/module/v4l2loopback/parameters/exclusive_caps', 'N,Y,Y,N\n');
    const [without, held, high] = await list();
    expect(without?.detail).toContain('exclusive_caps=1');
    expect(held).not.toHaveProperty('detail');
    expect(high?.detail).toContain('video63');
    expect((await checkVirtualCamera(makeMachine())).map(({ state }) => state)).toEqual([
      'degraded',
      'ready',
      'degraded',
    ]);
  });
});

describe('a virtual camera in use', () => {
  it('names another writer and how each gets a camera of its own', async () => {
    addCamera('video10', 'MuseCam').caps = CAP_VIDEO_CAPTURE;
    addHolder(42, 'obs', 'video10');
    expect(await checkVirtualCamera(makeMachine())).toMatchObject([
      {
        state: 'failed',
        detail: expect.stringContaining('obs (42)'),
        fix: expect.stringContaining('musecam camera setup --second'),
      },
    ]);
  });

  it('is no fault where it is the running MuseCam that writes, and no camera for another one', async () => {
    addCamera('video10', 'MuseCam').caps = CAP_VIDEO_CAPTURE;
    addHolder(42, 'node', 'video10');
    write('proc/42/cmdline', '/usr/bin/node\0/opt/musecam/dist/app/cli.js\0start\0');
    const [report] = await checkVirtualCamera(makeMachine());
    expect(report).toMatchObject({ state: 'ready', detail: expect.stringContaining('MuseCam is writing to it') });
    expect(report).not.toHaveProperty('fix');
    expect((await list())[0]?.state).toBe('busy');
    expect(await open(undefined)).toMatchObject({ code: 'V4L2_BUSY' });
  });

  it('is the one with our name where OBS has one of its own', async () => {
    addCamera('video10', 'OBS Virtual Camera');
    addCamera('video11', 'MuseCam');
    expect((await list()).map(({ isDefault }) => isDefault)).toEqual([false, true]);
  });
});

describe('choosing a virtual camera', () => {
  it('takes a path, a number, a label, the setting, or the first that is free', async () => {
    addCamera('video10', 'Taken').caps = CAP_VIDEO_CAPTURE;
    addHolder(42, 'obs', 'video10');
    addCamera('video11', 'My camera');
    const path = join(root, 'dev', 'video11');
    expect(await open(path)).toEqual({ code: 'none', label: path });
    expect(await open('11')).toEqual({ code: 'none', label: path });
    expect(await open('video11')).toEqual({ code: 'none', label: path });
    for (const [target, setting] of [
      ['My camera', ''],
      [undefined, 'My camera'],
      [undefined, ''],
    ] as const) {
      expect(await open(target, makeMachine(), setting)).toEqual({ code: 'none', label: `My camera (${path})` });
    }
    expect(await open('video10')).toMatchObject({ code: 'V4L2_BUSY' });
    expect(await open('Nobody')).toMatchObject({
      code: 'V4L2_NO_SUCH_DEVICE',
      message: expect.stringContaining('"My camera"'),
    });
  });

  it('points to OBS on other systems', async () => {
    expect(await open(undefined, makeMachine('darwin'))).toMatchObject({
      code: 'V4L2_LINUX_ONLY',
      fix: expect.stringContaining('OBS'),
    });
    expect(await list(makeMachine('win32'))).toEqual([]);
    expect(await checkVirtualCamera(makeMachine('win32'))).toMatchObject([
      { state: 'off', fix: expect.stringContaining('OBS') },
    ]);
  });
});

describe('a machine without a virtual camera', () => {
  async function expectAbsence(detail: string, ...fixes: string[]): Promise<void> {
    const [report] = await checkVirtualCamera(makeMachine());
    expect(report?.state).toBe('off');
    expect(report?.detail).toContain(detail);
    for (const fix of fixes) expect(report?.fix).toContain(fix);
    const refused = await open(undefined);
    expect(refused).toMatchObject({
      code: 'V4L2_NO_CAMERA',
      fix: report?.fix,
      message: expect.stringContaining(detail),
    });
  }

  it('is told to install the module', () =>
    expectAbsence('not installed', 'sudo apt install v4l2loopback-dkms', 'modprobe v4l2loopback exclusive_caps=1'));

  it('is told to load an installed module, packed or not', async () => {
    write('modules/6.1.0-56-amd64/modules.dep', 'kernel/a.ko:\nupdates/dkms/v4l2loopback.ko.xz: kernel/videodev.ko\n');
    await expectAbsence(
      'installed but not loaded',
      'Run: musecam camera setup',
      'sudo modprobe v4l2loopback exclusive_caps=1 card_label=MuseCam video_nr=10',
    );
  });

  it('is told of Secure Boot where that may be in the way', async () => {
    write('modules/6.1.0-56-amd64/modules.dep', 'updates/dkms/v4l2loopback.ko: kernel/videodev.ko\n');
    const variable = 'sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c';
    write(variable, Buffer.from([6, 0, 0, 0, 0]));
    const [off] = await checkVirtualCamera(makeMachine());
    expect(off?.fix).not.toContain('Secure Boot');
    write(variable, Buffer.from([6, 0, 0, 0, 1]));
    await expectAbsence('installed but not loaded', 'Secure Boot is on', 'mokutil --import');
  });

  it('is told to build the module for the kernel that runs', async () => {
    write('modules/6.1.0-50-amd64/modules.dep', 'updates/dkms/v4l2loopback.ko: kernel/videodev.ko\n');
    await expectAbsence(
      'built for kernel 6.1.0-50-amd64, and this is 6.1.0-56-amd64',
      'linux-headers-6.1.0-56-amd64',
      'dkms',
    );
  });

  it('is told to load the module again when it is loaded without a device', async () => {
    write('sys/module/v4l2loopback/refcnt', '0\n');
    await expectAbsence('loaded but has no device', 'modprobe -r v4l2loopback');
  });
});
