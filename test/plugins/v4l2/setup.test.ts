import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CameraDoor, type ChangeFlags, removeCamera, setUpCamera } from '../../../src/app/cli/camera.ts';
import { CAP_VIDEO_CAPTURE, CAP_VIDEO_OUTPUT } from '../../../src/plugins/v4l2/ioctl.ts';
import { devicesOf, FILE_HEADER, readModuleConfig } from '../../../src/plugins/v4l2/setup/module-config.ts';
import { readNodes } from '../../../src/plugins/v4l2/setup/nodes.ts';
import type { System } from '../../../src/plugins/v4l2/setup/system.ts';
import { FakeLoopback, kernelError } from './fake-device.ts';

const KERNEL = '6.1.0-56-amd64';
const OPTIONS = 'etc/modprobe.d/musecam.conf';
const LOAD = 'etc/modules-load.d/musecam.conf';
const never = new AbortController().signal;

let root: string;
let devices: Map<string, FakeLoopback>;
let opened: string[];
let commands: string[];
let complaint: string;
let isRoot: boolean;
let answer: boolean | undefined;
let printed: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'musecam-setup-'));
  devices = new Map();
  opened = [];
  commands = [];
  complaint = '';
  isRoot = true;
  answer = undefined;
  printed = '';
  mkdirSync(join(root, 'sys/devices/virtual/video4linux'), { recursive: true });
  mkdirSync(join(root, 'sys/class/video4linux'), { recursive: true });
  write('etc/os-release', 'NAME="Debian"\nID=debian\n');
  write(`lib/modules/${KERNEL}/modules.dep`, 'updates/dkms/v4l2loopback.ko.xz: kernel/videodev.ko.xz\n');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** A machine in a folder, whose modprobe does what the files there say. */
function makeSystem(): System {
  return {
    machine: {
      platform: 'linux',
      root,
      dev: join(root, 'dev'),
      sys: join(root, 'sys'),
      proc: join(root, 'proc'),
      modules: join(root, 'lib/modules'),
      kernel: async () => KERNEL,
      openDevice: async (path) => {
        opened.push(basename(path));
        const device = devices.get(basename(path));
        if (!device) throw kernelError('ENOENT');
        return device.open(path);
      },
    },
    isRoot: () => isRoot,
    run: async (program, args) => {
      commands.push([program, ...args].join(' '));
      if (complaint) return { status: 1, complaint };
      unload();
      if (!args.includes('-r')) await load();
      return { status: 0, complaint: '' };
    },
  };
}

async function load(options?: string): Promise<void> {
  const { optionFiles } = await readModuleConfig(root);
  const made = devicesOf(options ?? optionFiles.map((file) => file.options).join(' '));
  const parameters = 'sys/module/v4l2loopback/parameters';
  write(`${parameters}/video_nr`, made.map(({ number }, at) => number ?? at).join(','));
  write(`${parameters}/exclusive_caps`, made.map(({ hasExclusiveCaps }) => (hasExclusiveCaps ? 'Y' : 'N')).join(','));
  for (const [at, { number, label, hasExclusiveCaps }] of made.entries()) {
    const device = addNode(`video${number ?? at}`, label ?? 'Dummy video device (0x0000)');
    if (!hasExclusiveCaps) device.caps = CAP_VIDEO_CAPTURE | CAP_VIDEO_OUTPUT;
  }
}

function unload(): void {
  rmSync(join(root, 'sys/module/v4l2loopback'), { recursive: true, force: true });
  for (const name of devices.keys()) rmSync(join(root, 'sys/class/video4linux', name), { force: true });
  devices.clear();
}

function addNode(name: string, label: string, place = 'virtual'): FakeLoopback {
  write(`sys/devices/${place}/video4linux/${name}/name`, `${label}\n`);
  symlinkSync(join(root, `sys/devices/${place}/video4linux/${name}`), join(root, 'sys/class/video4linux', name));
  const device = new FakeLoopback();
  device.card = label;
  if (place === 'virtual') devices.set(name, device);
  return device;
}

function addUser(pid: number, name: string, device: string, { flags = '02', isMapped = false } = {}): void {
  write(`proc/${pid}/comm`, `${name}\n`);
  write(`proc/${pid}/fdinfo/7`, `pos:\t0\nflags:\t01000${flags}\n`);
  write(`proc/${pid}/maps`, isMapped ? `7f00-7f01 rw-s 0000 00:05 1  ${join(root, 'dev', device)}\n` : '');
  mkdirSync(join(root, `proc/${pid}/fd`), { recursive: true });
  symlinkSync(join(root, 'dev', device), join(root, `proc/${pid}/fd/7`));
}

function write(path: string, text: string | Buffer): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

function read(path: string): string | undefined {
  return existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : undefined;
}

async function run(act: typeof setUpCamera, flags: ChangeFlags = { yes: true }) {
  const print = (line: string) => {
    printed += `${line}\n`;
  };
  const door: CameraDoor = { system: makeSystem(), ask: async () => answer, print };
  return act(flags, never, door).then(
    () => ({ code: 'none', message: '', fix: '' }),
    (thrown: { code: string; message: string; fix: string }) => thrown,
  );
}

describe('musecam camera setup', () => {
  it('writes both files and loads the module, and finds nothing to do the second time', async () => {
    expect(await run(setUpCamera)).toMatchObject({ code: 'none' });
    expect(read(LOAD)).toBe(`${FILE_HEADER}\nv4l2loopback\n`);
    expect(read(OPTIONS)).toContain(
      'options v4l2loopback exclusive_caps=1 card_label="MuseCam" video_nr=10 max_buffers=4\n',
    );
    expect(read(OPTIONS)?.startsWith(FILE_HEADER)).toBe(true);
    expect(commands).toEqual(['modprobe v4l2loopback']);
    expect(readdirSync(join(root, 'etc/modprobe.d'))).toEqual(['musecam.conf']);
    expect(await run(setUpCamera)).toMatchObject({ code: 'none' });
    expect(commands).toHaveLength(1);
    expect(printed).toContain('Nothing had to be changed');
  });

  it('shows every file with its text and every command before it asks, and takes no for an answer', async () => {
    for (const [reply, words] of [
      [false, 'Nothing was changed.'],
      [undefined, 'nobody sits at a terminal'],
    ] as const) {
      answer = reply;
      const refused = await run(setUpCamera, {});
      expect(refused).toMatchObject({ code: 'V4L2_NOT_CONFIRMED', message: expect.stringContaining(words) });
    }
    expect(printed).toContain(`/${OPTIONS}`);
    expect(printed).toContain('card_label="MuseCam"');
    expect(printed).toContain('run modprobe v4l2loopback');
    expect([read(OPTIONS), read(LOAD), commands]).toEqual([undefined, undefined, []]);
    answer = true;
    expect(await run(setUpCamera, {})).toMatchObject({ code: 'none' });
  });

  it('gives anybody but the administrator one line that works where root knows no musecam', async () => {
    isRoot = false;
    const refused = await run(setUpCamera, { second: true });
    expect(refused.code).toBe('V4L2_NEEDS_ROOT');
    expect(refused.fix).toMatch(/^Run: sudo \/\S*node .*\/\S+ camera setup --second$/);
    expect(read(OPTIONS)).toBeUndefined();
  });

  it('takes another number where 10 is a real camera, which it never opens', async () => {
    addNode('video10', 'Integrated Camera', 'pci0000:00/usb1');
    await run(setUpCamera);
    expect(read(OPTIONS)).toContain('video_nr=11 ');
    expect(opened).not.toContain('video10');
  });

  it('loads the module anew where it was loaded without exclusive_caps, or is dead', async () => {
    await load('video_nr=10 card_label=MuseCam');
    await run(setUpCamera);
    expect(commands).toEqual(['modprobe -r v4l2loopback', 'modprobe v4l2loopback']);
    devices.get('video10')!.caps = 0;
    await run(setUpCamera);
    expect(commands).toHaveLength(4);
  });

  it('keeps a camera that was loaded by hand as it should be', async () => {
    await load('video_nr=20 card_label=MuseCam exclusive_caps=1');
    await run(setUpCamera);
    expect(commands).toEqual([]);
    expect(read(OPTIONS)).toContain('video_nr=20');
  });

  it('unloads no module in use, and names who uses it, before anything is touched', async () => {
    await load('video_nr=0 exclusive_caps=1');
    addUser(4711, 'obs', 'video0');
    const refused = await run(setUpCamera);
    expect(refused).toMatchObject({ code: 'V4L2_IN_USE', message: expect.stringContaining('obs (4711)') });
    expect([read(OPTIONS), commands]).toEqual([undefined, []]);
  });

  it('leaves the options of others alone and uses their camera where browsers list it', async () => {
    write('etc/modprobe.d/v4l2loopback.conf', 'options v4l2loopback exclusive_caps=1 \\\n  card_label="OBS Cam"\n');
    write('etc/modules', '# comment\nv4l2loopback\n');
    await run(setUpCamera);
    expect(printed).toContain('/etc/modprobe.d/v4l2loopback.conf configures v4l2loopback already');
    expect([read(OPTIONS), read(LOAD)]).toEqual([undefined, undefined]);
    expect(commands).toEqual(['modprobe v4l2loopback']);
  });

  it('does not fight options that hide the camera from browsers, and says what to do', async () => {
    write('usr/lib/modprobe.d/cam.conf', 'options v4l2loopback video_nr=5\n');
    const refused = await run(setUpCamera);
    expect(refused).toMatchObject({
      code: 'V4L2_OPTIONS_ELSEWHERE',
      message: expect.stringContaining('/usr/lib/modprobe.d/cam.conf'),
      fix: expect.stringContaining('--second'),
    });
    expect(commands).toEqual([]);
  });

  it('adds a camera of its own to those of others on request, in a file that is read after theirs', async () => {
    write('etc/modprobe.d/v4l2loopback.conf', 'options v4l2loopback video_nr=5 card_label="OBS Cam"\n');
    await run(setUpCamera, { yes: true, second: true });
    expect(read(OPTIONS)).toBeUndefined();
    expect(read('etc/modprobe.d/zz-musecam.conf')).toContain(
      'devices=2 exclusive_caps=0,1 card_label="OBS Cam,MuseCam" video_nr=5,10',
    );
    await run(setUpCamera);
    expect(commands).toHaveLength(1);
    expect(printed).toContain('Nothing had to be changed');
  });

  it('makes a camera for OBS before its own on request, and keeps both afterwards', async () => {
    await run(setUpCamera);
    await run(setUpCamera, { yes: true, second: true });
    expect(read(OPTIONS)).toContain('card_label="OBS Virtual Camera,MuseCam" video_nr=10,11');
    await run(setUpCamera);
    expect(read(OPTIONS)).toContain('video_nr=10,11');
    expect(commands).toHaveLength(3);
  });

  for (const [release, command] of [
    ['ID=ubuntu\nID_LIKE=debian', `sudo apt install v4l2loopback-dkms linux-headers-${KERNEL}`],
    ['ID=fedora', 'sudo dnf install akmod-v4l2loopback'],
    ['ID=manjaro\nID_LIKE=arch', 'sudo pacman -S v4l2loopback-dkms linux-headers'],
    ['ID="opensuse-tumbleweed"\nID_LIKE="opensuse suse"', 'sudo zypper install v4l2loopback-kmp-default'],
  ] as const) {
    it(`says how ${release.split('\n')[0]} installs the module`, async () => {
      rmSync(join(root, 'lib/modules'), { recursive: true });
      write('etc/os-release', `${release}\n`);
      const refused = await run(setUpCamera);
      expect(refused).toMatchObject({ code: 'V4L2_MODULE_MISSING', fix: expect.stringContaining(command) });
      expect(commands).toEqual([]);
    });
  }

  it('explains Secure Boot where the kernel refuses the module', async () => {
    write('var/lib/shim-signed/mok/MOK.der', 'key');
    complaint = "modprobe: ERROR: could not insert 'v4l2loopback': Key was rejected by service";
    const refused = await run(setUpCamera);
    expect(refused).toMatchObject({ code: 'V4L2_NOT_SIGNED', fix: expect.stringContaining('Enroll MOK') });
    expect(refused.fix).toContain('sudo mokutil --import /var/lib/shim-signed/mok/MOK.der');
    complaint = 'modprobe: ERROR: something else';
    expect(await run(setUpCamera)).toMatchObject({
      code: 'V4L2_SETUP_FAILED',
      message: expect.stringContaining('else'),
    });
  });

  it("never writes over a file under its name that is somebody else's", async () => {
    write(LOAD, 'uvcvideo\n');
    expect(await run(setUpCamera)).toMatchObject({ code: 'V4L2_SETUP_FAILED' });
    expect(read(LOAD)).toBe('uvcvideo\n');
  });
});

describe('musecam camera remove', () => {
  it('undoes what setup did, and has nothing to do the second time', async () => {
    await run(setUpCamera);
    await run(removeCamera);
    expect([read(OPTIONS), read(LOAD)]).toEqual([undefined, undefined]);
    expect(commands.at(-1)).toBe('modprobe -r v4l2loopback');
    expect(await run(removeCamera)).toMatchObject({ code: 'none' });
    expect(printed).toContain('There is nothing of musecam camera setup');
    expect(commands).toHaveLength(2);
  });

  it('leaves a camera in use until the next start, and says who uses it', async () => {
    await run(setUpCamera);
    addUser(12, 'chrome', 'video10');
    expect(await run(removeCamera)).toMatchObject({ code: 'none' });
    expect(printed).toContain('chrome (12)');
    expect(commands).toEqual(['modprobe v4l2loopback']);
    expect(read(OPTIONS)).toBeUndefined();
  });

  it('leaves files and modules of others alone', async () => {
    write(OPTIONS, 'options v4l2loopback exclusive_caps=1\n');
    await load('exclusive_caps=1');
    await run(removeCamera);
    expect(read(OPTIONS)).toBe('options v4l2loopback exclusive_caps=1\n');
    expect(commands).toEqual([]);
  });
});

describe('what musecam camera status sees', () => {
  it('tells our camera, others and real ones apart, opens no real one, and tells writer from reader', async () => {
    addNode('video0', 'Integrated Camera', 'pci0000:00/usb1');
    addNode('video2', 'vivid', 'virtual').driver = 'vivid';
    await load('devices=2 video_nr=10,11 exclusive_caps=1,0 card_label=MuseCam,Other');
    devices.get('video10')!.caps = CAP_VIDEO_CAPTURE;
    write('sys/devices/virtual/video4linux/video10/format', 'YUYV:1280x720@25/1\n');
    addUser(21, 'node', 'video10');
    addUser(22, 'chrome', 'video10', { isMapped: true });
    addUser(23, 'cat', 'video10', { flags: '00' });
    addUser(24, 'zoom', 'video0');
    const nodes = await readNodes(makeSystem().machine);
    expect(nodes.map(({ number, kind, can }) => [number, kind, can])).toEqual([
      [0, 'hardware', undefined],
      [2, 'virtual', undefined],
      [10, 'musecam', ['capture']],
      [11, 'loopback', ['capture', 'output']],
    ]);
    expect(opened).not.toContain('video0');
    expect(nodes[0]?.users.map(({ name }) => name)).toEqual(['zoom']);
    expect(nodes[2]?.format).toBe('YUYV 1280x720 at 25 fps');
    expect(nodes[2]?.users.map(({ name, role }) => `${name} ${role}`)).toEqual([
      'node writer',
      'chrome reader',
      'cat reader',
    ]);
  });
});
