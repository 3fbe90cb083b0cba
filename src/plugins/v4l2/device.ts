import { constants, type FileHandle, open } from 'node:fs/promises';
import { AppError } from '../../base/errors.ts';
import {
  CAPABILITY_BYTES,
  type Capability,
  type DeviceFormat,
  decodeCapability,
  decodeFormat,
  encodeControl,
  encodeFormat,
  encodeFrameRate,
  ioctlNumbers,
  VIDEO_OUTPUT,
} from './ioctl.ts';

/**
 * An open video device: one method per call of the kernel. What the kernel refuses is thrown as an Error with the
 * `code` it names (`EINVAL`, `EBUSY`, …). Tests put a fake in its place.
 */
export interface VideoDevice extends AsyncDisposable {
  queryCapability(): Capability;
  getFormat(): DeviceFormat;
  /** Asks for a format and returns the one the driver took, which may be another one without an error. */
  setFormat(format: DeviceFormat): DeviceFormat;
  setFrameRate(framesPerSecond: number): void;
  streamOn(): void;
  getControl(id: number): number;
  setControl(id: number, value: number): void;
  /** One `write()`, off the event loop; returns how many bytes the driver took. */
  write(picture: Uint8Array): Promise<number>;
}

/** Opens a video device by its path. */
export type OpenVideoDevice = (path: string) => Promise<VideoDevice>;

type Ioctl = (fd: number, request: number, argument: Buffer) => void;
const numbers = ioctlNumbers();

/**
 * Opens a device node of this machine.
 * @throws Error with the system's `code` when it cannot be opened, AppError V4L2_BINDING_MISSING without koffi.
 */
export const openVideoDevice: OpenVideoDevice = async (path) => {
  const ioctl = await loadIoctl();
  // A FIFO or a file under this name must neither hang nor be written to: O_NONBLOCK, no O_CREAT, and a look at its kind.
  const file = await open(path, constants.O_RDWR | constants.O_NONBLOCK);
  if ((await file.stat()).isCharacterDevice()) return new KernelDevice(file, ioctl);
  await file.close();
  throw Object.assign(new Error(`${path} is not a device`), { code: 'ENOTTY' });
};

class KernelDevice implements VideoDevice {
  readonly #file: FileHandle;
  readonly #ioctl: Ioctl;

  constructor(file: FileHandle, ioctl: Ioctl) {
    this.#file = file;
    this.#ioctl = ioctl;
  }

  queryCapability(): Capability {
    return decodeCapability(this.#call(numbers.queryCapability, Buffer.alloc(CAPABILITY_BYTES)));
  }

  getFormat(): DeviceFormat {
    return decodeFormat(this.#call(numbers.getFormat, encodeFormat({ width: 0, height: 0, fourcc: '' })));
  }

  setFormat(format: DeviceFormat): DeviceFormat {
    return decodeFormat(this.#call(numbers.setFormat, encodeFormat(format)));
  }

  setFrameRate(framesPerSecond: number): void {
    this.#call(numbers.setStreamParameters, encodeFrameRate(framesPerSecond));
  }

  streamOn(): void {
    const type = Buffer.alloc(4);
    type.writeUInt32LE(VIDEO_OUTPUT);
    this.#call(numbers.streamOn, type);
  }

  getControl(id: number): number {
    return this.#call(numbers.getControl, encodeControl(id, 0)).readInt32LE(4);
  }

  setControl(id: number, value: number): void {
    this.#call(numbers.setControl, encodeControl(id, value));
  }

  async write(picture: Uint8Array): Promise<number> {
    return (await this.#file.write(picture)).bytesWritten;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }

  #call(request: number, argument: Buffer): Buffer {
    this.#ioctl(this.#file.fd, request, argument);
    return argument;
  }
}

let loading: Promise<Ioctl> | undefined;

/** The C library's `ioctl`, loaded when first needed, so that the program runs where koffi has no binary. */
function loadIoctl(): Promise<Ioctl> {
  loading ??= bindIoctl().catch((thrown: unknown) => {
    loading = undefined;
    throw new AppError('V4L2_BINDING_MISSING', `koffi could not be loaded for ${process.platform}-${process.arch}`, {
      fix: 'Run: npm rebuild koffi. Or use the web page in OBS as a browser source.',
      cause: thrown,
    });
  });
  return loading;
}

async function bindIoctl(): Promise<Ioctl> {
  const { default: koffi } = await import('koffi');
  // null: the running program itself, which has glibc or musl in it. Variadic in C, so it must be declared so.
  const call = koffi.load(null).func('int ioctl(int fd, unsigned long request, ...)');
  const nameOf = new Map(Object.entries(koffi.os.errno).map(([name, value]) => [value, name]));
  return (fd, request, argument) => {
    if (call(fd, request, 'void *', argument) !== -1) return;
    const code = nameOf.get(koffi.errno()) ?? `errno ${koffi.errno()}`;
    throw Object.assign(new Error(`the kernel refused call 0x${request.toString(16)}: ${code}`), { code });
  };
}
