import type { PixelFormat, Size } from '../../api/media.ts';

/**
 * The part of <linux/videodev2.h> this plugin needs: numbers of the calls and the layout of their structs, little
 * endian. Pure arithmetic; test/plugins/v4l2 compares it with the C header through a compiler.
 */

/** `_IOC_WRITE` and `_IOC_READ` of <asm-generic/ioctl.h>: x86, ARM, RISC-V. */
const IOC_WRITE = 1;
const IOC_READ = 2;

/** `_IOC(direction, 'V', number, bytes)`: direction in bits 30-31, size in 16-29, type in 8-15, number in 0-7. */
function videoIoctl(direction: number, number: number, bytes: number): number {
  return ((direction << 30) | (bytes << 16) | ('V'.charCodeAt(0) << 8) | number) >>> 0;
}

/** `struct v4l2_capability`: 16 + 32 + 32 bytes of text, then version, capabilities, device_caps and 3 reserved words. */
export const CAPABILITY_BYTES = 104;
/** `struct v4l2_streamparm`: type and a union of 200 bytes without pointers. */
export const STREAM_PARAMETERS_BYTES = 204;
/** `struct v4l2_control`: id and value. */
export const CONTROL_BYTES = 8;
/** `V4L2_BUF_TYPE_VIDEO_OUTPUT`. */
export const VIDEO_OUTPUT = 2;

/** Layout of `struct v4l2_format`: its union holds pointers, so it is aligned to them. */
export interface FormatLayout {
  readonly bytes: number;
  /** Where the union (`struct v4l2_pix_format`) begins. */
  readonly offset: number;
}

/** @param pointerBytes 8 on 64-bit machines, 4 on 32-bit ones. */
export function formatLayout(pointerBytes: 4 | 8): FormatLayout {
  return pointerBytes === 8 ? { bytes: 208, offset: 8 } : { bytes: 204, offset: 4 };
}

/** Bytes of a pointer on the machine this runs on. */
const POINTER_BYTES: 4 | 8 = process.arch === 'arm' || process.arch === 'ia32' ? 4 : 8;

/** Numbers of the calls. @param layout that of `struct v4l2_format` on this machine. */
export function ioctlNumbers(layout: FormatLayout = formatLayout(POINTER_BYTES)) {
  return {
    queryCapability: videoIoctl(IOC_READ, 0, CAPABILITY_BYTES),
    getFormat: videoIoctl(IOC_READ | IOC_WRITE, 4, layout.bytes),
    setFormat: videoIoctl(IOC_READ | IOC_WRITE, 5, layout.bytes),
    streamOn: videoIoctl(IOC_WRITE, 18, 4),
    setStreamParameters: videoIoctl(IOC_READ | IOC_WRITE, 22, STREAM_PARAMETERS_BYTES),
    getControl: videoIoctl(IOC_READ | IOC_WRITE, 27, CONTROL_BYTES),
    setControl: videoIoctl(IOC_READ | IOC_WRITE, 28, CONTROL_BYTES),
  } as const;
}

/** Bit of `device_caps`: pictures can be read from it. */
export const CAP_VIDEO_CAPTURE = 0x0000_0001;
/** Bit of `device_caps`: pictures can be written to it. */
export const CAP_VIDEO_OUTPUT = 0x0000_0002;
/** `capabilities` then holds what the whole device can do, and `device_caps` what this node can. */
const CAP_DEVICE_CAPS = 0x8000_0000;

/** v4l2loopback's own control (`V4L2_CID_USER_BASE | 0xf000`): keep the format when nobody has the device open. */
export const CONTROL_KEEP_FORMAT = 0x0098_f900;
/** v4l2loopback's own control: repeat the last picture for readers when the writer is late. */
export const CONTROL_SUSTAIN_FRAMERATE = 0x0098_f901;

/** What a device says of itself. */
export interface Capability {
  /** `v4l2 loopback` for the virtual camera. */
  readonly driver: string;
  /** The label people see. */
  readonly card: string;
  /** What this node can do at this moment; v4l2loopback changes it while it runs. */
  readonly caps: number;
}

/** Reads a `struct v4l2_capability`. */
export function decodeCapability(bytes: Buffer): Capability {
  const all = bytes.readUInt32LE(84);
  const node = bytes.readUInt32LE(88);
  return {
    driver: textAt(bytes, 0, 16),
    card: textAt(bytes, 16, 32),
    caps: (all & CAP_DEVICE_CAPS) !== 0 ? node : all,
  };
}

/** Picture format of a device. `fourcc` may be any; {@link pixelFormatOf} knows ours. */
export interface DeviceFormat extends Size {
  /** Four characters, `YUYV` or `YU12` for instance. */
  readonly fourcc: string;
}

const FOURCC: Readonly<Record<'yuyv' | 'i420', string>> = { yuyv: 'YUYV', i420: 'YU12' };
/** `V4L2_FIELD_NONE`: progressive. */
const FIELD_NONE = 1;
/** `V4L2_COLORSPACE_SRGB`: what webcams say; its default YCbCr is BT.601 in limited range, as our frames are. */
const COLORSPACE_SRGB = 8;

/** The four characters of one of our formats. */
export function fourccOf(format: 'yuyv' | 'i420'): string {
  return FOURCC[format];
}

/** Which of our formats four characters mean; undefined for all others. */
export function pixelFormatOf(fourcc: string): Extract<PixelFormat, 'yuyv' | 'i420'> | undefined {
  return fourcc === FOURCC.yuyv ? 'yuyv' : fourcc === FOURCC.i420 ? 'i420' : undefined;
}

/** Makes a `struct v4l2_format` for an output. Bytes per line and size are left to the driver. */
export function encodeFormat(format: DeviceFormat, layout: FormatLayout = formatLayout(POINTER_BYTES)): Buffer {
  const bytes = Buffer.alloc(layout.bytes);
  const pixel = layout.offset;
  bytes.writeUInt32LE(VIDEO_OUTPUT, 0);
  bytes.writeUInt32LE(format.width, pixel);
  bytes.writeUInt32LE(format.height, pixel + 4);
  bytes.write(format.fourcc, pixel + 8, 4, 'latin1');
  bytes.writeUInt32LE(FIELD_NONE, pixel + 12);
  bytes.writeUInt32LE(COLORSPACE_SRGB, pixel + 24);
  return bytes;
}

/** Reads a `struct v4l2_format`. */
export function decodeFormat(bytes: Buffer, layout: FormatLayout = formatLayout(POINTER_BYTES)): DeviceFormat {
  const pixel = layout.offset;
  return {
    width: bytes.readUInt32LE(pixel),
    height: bytes.readUInt32LE(pixel + 4),
    fourcc: bytes.toString('latin1', pixel + 8, pixel + 12),
  };
}

/** Makes a `struct v4l2_streamparm` that asks for a frame rate, in frames a second. */
export function encodeFrameRate(framesPerSecond: number): Buffer {
  const bytes = Buffer.alloc(STREAM_PARAMETERS_BYTES);
  bytes.writeUInt32LE(VIDEO_OUTPUT, 0);
  bytes.writeUInt32LE(1, 12);
  bytes.writeUInt32LE(framesPerSecond, 16);
  return bytes;
}

/** Makes a `struct v4l2_control`. */
export function encodeControl(id: number, value: number): Buffer {
  const bytes = Buffer.alloc(CONTROL_BYTES);
  bytes.writeUInt32LE(id, 0);
  bytes.writeInt32LE(value, 4);
  return bytes;
}

function textAt(bytes: Buffer, start: number, length: number): string {
  const text = bytes.toString('utf8', start, start + length);
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}
