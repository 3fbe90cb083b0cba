import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import {
  CAP_VIDEO_CAPTURE,
  CAP_VIDEO_OUTPUT,
  CAPABILITY_BYTES,
  CONTROL_BYTES,
  decodeCapability,
  decodeFormat,
  encodeControl,
  encodeFormat,
  encodeFrameRate,
  formatLayout,
  fourccOf,
  ioctlNumbers,
  pixelFormatOf,
  STREAM_PARAMETERS_BYTES,
  VIDEO_OUTPUT,
} from '../../../src/plugins/v4l2/ioctl.ts';
import { hasProgram, need } from '../../fakes/need.ts';

it('has the numbers that 64-bit Linux uses', () => {
  expect(ioctlNumbers(formatLayout(8))).toEqual({
    queryCapability: 0x80685600,
    getFormat: 0xc0d05604,
    setFormat: 0xc0d05605,
    streamOn: 0x40045612,
    setStreamParameters: 0xc0cc5616,
    getControl: 0xc008561b,
    setControl: 0xc008561c,
  });
});

it('has a smaller format struct on 32-bit Linux, whose pointers need less room', () => {
  const numbers = ioctlNumbers(formatLayout(4));
  expect(numbers.setFormat).toBe(0xc0cc5605);
  expect(encodeFormat({ width: 640, height: 480, fourcc: 'YUYV' }, formatLayout(4)).readUInt32LE(4)).toBe(640);
});

it('agrees with the C header of this machine, byte for byte', (context) => {
  const hasHeader = existsSync('/usr/include/linux/videodev2.h') && process.arch === 'x64';
  need(context, hasProgram('gcc') && hasHeader, 'gcc and linux/videodev2.h (apt install gcc linux-libc-dev)');
  const fields = {
    queryCapability: 'VIDIOC_QUERYCAP',
    getFormat: 'VIDIOC_G_FMT',
    setFormat: 'VIDIOC_S_FMT',
    streamOn: 'VIDIOC_STREAMON',
    setStreamParameters: 'VIDIOC_S_PARM',
    getControl: 'VIDIOC_G_CTRL',
    setControl: 'VIDIOC_S_CTRL',
    capabilityBytes: 'sizeof(struct v4l2_capability)',
    formatBytes: 'sizeof(struct v4l2_format)',
    formatOffset: 'offsetof(struct v4l2_format, fmt)',
    parametersBytes: 'sizeof(struct v4l2_streamparm)',
    controlBytes: 'sizeof(struct v4l2_control)',
    output: 'V4L2_BUF_TYPE_VIDEO_OUTPUT',
    capture: 'V4L2_CAP_VIDEO_CAPTURE',
    capOutput: 'V4L2_CAP_VIDEO_OUTPUT',
  };
  const format =
    'struct v4l2_format f = { .type = V4L2_BUF_TYPE_VIDEO_OUTPUT, .fmt.pix = { .width = 1280, .height = 720,';
  const rest = '.pixelformat = V4L2_PIX_FMT_YUV420, .field = V4L2_FIELD_NONE, .colorspace = V4L2_COLORSPACE_SRGB } };';
  const rate =
    'struct v4l2_streamparm p = { .type = V4L2_BUF_TYPE_VIDEO_OUTPUT, .parm.output.timeperframe = { 1, 25 } };';
  const control = 'struct v4l2_control c = { 0x0098f901, -2 };';
  const numbers = Object.entries(fields).map(
    ([name, value]) => `printf("${name} %llu\\n", (unsigned long long)(${value}));`,
  );
  const dump = ['f', 'p', 'c'].map(
    (name) =>
      `printf("${name} "); for (unsigned i = 0; i < sizeof ${name}; i++) printf("%02x", ((unsigned char *)&${name})[i]); puts("");`,
  );
  const said = runC(`${format}${rest}${rate}${control}${numbers.join('')}${dump.join('')}`);

  const layout = formatLayout(8);
  const ours: Record<string, number> = {
    ...ioctlNumbers(layout),
    capabilityBytes: CAPABILITY_BYTES,
    formatBytes: layout.bytes,
    formatOffset: layout.offset,
    parametersBytes: STREAM_PARAMETERS_BYTES,
    controlBytes: CONTROL_BYTES,
    output: VIDEO_OUTPUT,
    capture: CAP_VIDEO_CAPTURE,
    capOutput: CAP_VIDEO_OUTPUT,
  };
  for (const name of Object.keys(fields)) expect(`${name} ${ours[name]}`).toBe(`${name} ${said.get(name)}`);
  expect(encodeFormat({ width: 1280, height: 720, fourcc: fourccOf('i420') }, layout).toString('hex')).toBe(
    said.get('f'),
  );
  expect(encodeFrameRate(25).toString('hex')).toBe(said.get('p'));
  expect(encodeControl(0x0098f901, -2).toString('hex')).toBe(said.get('c'));
});

/** Compiles and runs the body of a main function; lines "name value". */
function runC(body: string): Map<string, string> {
  const folder = mkdtempSync(join(tmpdir(), 'musecam-ioctl-'));
  try {
    const headers = ['stdio', 'stddef', 'linux/videodev2'].map((name) => `#include <${name}.h>\n`).join('');
    writeFileSync(join(folder, 'a.c'), `${headers}int main(void) { ${body} }`);
    const built = spawnSync('gcc', ['-o', join(folder, 'a'), join(folder, 'a.c')], { encoding: 'utf8' });
    expect(built.stderr).toBe('');
    const { stdout } = spawnSync(join(folder, 'a'), { encoding: 'utf8' });
    return new Map(
      stdout
        .trim()
        .split('\n')
        .map((line) => line.split(' ') as [string, string]),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

it('reads what a driver says of itself, and its node where the whole device can do more', () => {
  const bytes = Buffer.alloc(CAPABILITY_BYTES);
  bytes.write('v4l2 loopback\0junk', 0, 'latin1');
  bytes.write('Kamera für alle\0', 16, 'utf8');
  bytes.writeUInt32LE(0x85200003, 84);
  bytes.writeUInt32LE(0x05200002, 88);
  expect(decodeCapability(bytes)).toEqual({ driver: 'v4l2 loopback', card: 'Kamera für alle', caps: 0x05200002 });
  bytes.writeUInt32LE(0x05200003, 84);
  expect(decodeCapability(bytes).caps).toBe(0x05200003);
});

it('knows its own two layouts among all that a device may answer', () => {
  expect(pixelFormatOf(fourccOf('yuyv'))).toBe('yuyv');
  expect(pixelFormatOf(fourccOf('i420'))).toBe('i420');
  expect(pixelFormatOf('NV12')).toBeUndefined();
  const format = { width: 1280, height: 720, fourcc: 'MJPG' };
  expect(decodeFormat(encodeFormat(format))).toEqual(format);
});
