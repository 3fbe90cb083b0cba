import { setTimeout as sleep } from 'node:timers/promises';
import type { Size, VideoFrame } from '../../api/media.ts';
import { frameByteLength } from '../../api/media.ts';
import { AppError, systemCodeOf } from '../../base/errors.ts';
import { i420ToYuyv } from '../../media/color.ts';
import { flattenI420 } from '../../media/flatten.ts';
import type { OpenVideoDevice, VideoDevice } from './device.ts';
import { busy, explainOpen, failed, formatHeld, isLoopback, notLoopback, stuck } from './failures.ts';
import { describeHolders, type Holder } from './holders.ts';
import {
  CAP_VIDEO_CAPTURE,
  CAP_VIDEO_OUTPUT,
  CONTROL_KEEP_FORMAT,
  CONTROL_SUSTAIN_FRAMERATE,
  type DeviceFormat,
  fourccOf,
  pixelFormatOf,
} from './ioctl.ts';

/** What to open and how. */
export interface SessionOptions {
  readonly path: string;
  readonly size: Size;
  readonly pixelFormat: 'yuyv' | 'i420';
  readonly framesPerSecond: number;
  readonly sustainFrames: boolean;
  readonly openDevice: OpenVideoDevice;
  /** Who has the device open, for messages. */
  readonly findHolders: (path: string) => Promise<readonly Holder[]>;
}

/** How often and how long to wait for a driver that says EAGAIN: together one frame, then the picture is let go. */
const AGAIN_TRIES = 8;
const AGAIN_WAIT_MS = 5;

/** One stretch of writing to a device that was found fit for it: from open to close or to its first failure. */
export class Session implements AsyncDisposable {
  readonly #device: VideoDevice;
  /** The device's path. */
  readonly path: string;
  /** What the device takes: as asked for, or the other of our two where a reader holds it to that. */
  readonly pixelFormat: 'yuyv' | 'i420';
  readonly #size: Size;
  readonly #packed: Uint8Array;
  #flat = new Uint8Array(0);

  private constructor(device: VideoDevice, options: SessionOptions, pixelFormat: 'yuyv' | 'i420') {
    this.#device = device;
    this.path = options.path;
    this.#size = options.size;
    this.pixelFormat = pixelFormat;
    this.#packed = new Uint8Array(pixelFormat === 'yuyv' ? frameByteLength('yuyv', options.size) : 0);
  }

  /** @throws AppError V4L2_… saying why the device cannot be written to and what to do. */
  static async open(options: SessionOptions): Promise<Session> {
    const device = await options.openDevice(options.path).catch((thrown: unknown) => {
      throw explainOpen(options.path, thrown);
    });
    try {
      await checkCapability(device, options);
      const pixelFormat = await agreeOnFormat(device, options);
      prepareStream(device, options);
      return new Session(device, options, pixelFormat);
    } catch (thrown) {
      await device[Symbol.asyncDispose]();
      throw thrown instanceof AppError ? thrown : failed(options.path, 'be set up', thrown);
    }
  }

  /**
   * Writes one picture in one call, as the driver counts pictures by calls.
   * @returns false when the driver had no room for it within a frame's time.
   * @throws AppError V4L2_FAILED when the device is gone or takes pictures of another size.
   */
  async write(frame: VideoFrame): Promise<boolean> {
    const picture = this.#pack(frame);
    for (let attempt = 0; attempt < AGAIN_TRIES; attempt++) {
      const written = await this.#writeOnce(picture);
      if (written === picture.length) return true;
      if (written !== undefined) {
        throw failed(this.path, 'take a whole picture', new Error(`${written} of ${picture.length} bytes`));
      }
      await sleep(AGAIN_WAIT_MS);
    }
    return false;
  }

  /** Whether the device says it is a camera and nothing else, now that pictures flow: what Chrome asks of it. */
  looksLikeCamera(): boolean {
    const { caps } = this.#device.queryCapability();
    return (caps & CAP_VIDEO_CAPTURE) !== 0 && (caps & CAP_VIDEO_OUTPUT) === 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#device[Symbol.asyncDispose]();
  }

  #pack(frame: VideoFrame): Uint8Array {
    if (frame.width !== this.#size.width || frame.height !== this.#size.height) {
      throw failed(this.path, 'take the picture', new Error(`it is ${frame.width}x${frame.height}`));
    }
    const picture = frame.alpha ? this.#flatten(frame.data, frame.alpha) : frame.data;
    if (this.pixelFormat === 'i420') return picture;
    i420ToYuyv(picture, this.#size, this.#packed);
    return this.#packed;
  }

  /** What is behind the person was not meant to be seen, and a camera has no matte. */
  #flatten(data: Uint8Array, alpha: Uint8Array): Uint8Array {
    if (this.#flat.length !== data.length) this.#flat = new Uint8Array(data.length);
    flattenI420(data, alpha, this.#size, this.#flat);
    return this.#flat;
  }

  /** Bytes written; undefined when the driver asks to come back later. */
  async #writeOnce(picture: Uint8Array): Promise<number | undefined> {
    try {
      return await this.#device.write(picture);
    } catch (thrown) {
      if (systemCodeOf(thrown) === 'EAGAIN') return undefined;
      throw failed(this.path, 'be written to', thrown);
    }
  }
}

/** Only v4l2loopback, and only while nobody else writes: 0.12 would mix both pictures without an error. */
async function checkCapability(device: VideoDevice, { path, findHolders }: SessionOptions): Promise<void> {
  let capability: ReturnType<VideoDevice['queryCapability']>;
  try {
    capability = device.queryCapability();
  } catch (thrown) {
    throw explainOpen(path, thrown);
  }
  if (!isLoopback(capability)) throw notLoopback(path, `"${capability.card}" is driven by ${capability.driver}`);
  if ((capability.caps & CAP_VIDEO_OUTPUT) !== 0) return;
  if ((capability.caps & CAP_VIDEO_CAPTURE) === 0) throw stuck(path);
  const others = (await findHolders(path)).filter(({ pid }) => pid !== process.pid);
  // With keep_format on, 0.15 shows CAPTURE for good after its first writer, also when that one has left.
  if (others.length === 0 && readsKeepFormat(device)) return;
  throw busy(path, describeHolders(others));
}

/** Whether somebody switched the driver's keep_format on. */
export function readsKeepFormat(device: VideoDevice): boolean {
  try {
    return device.getControl(CONTROL_KEEP_FORMAT) !== 0;
  } catch {
    return false;
  }
}

/**
 * Sets the format and reads back what the driver took. A device that a reader holds keeps its own: 0.13 says EBUSY, 0.12
 * and 0.15 hand it back without an error. If it is the other of our two layouts in the right size, that one is used.
 */
async function agreeOnFormat(device: VideoDevice, options: SessionOptions): Promise<'yuyv' | 'i420'> {
  const wanted: DeviceFormat = { ...options.size, fourcc: fourccOf(options.pixelFormat) };
  const taken = await setFormat(device, wanted, options);
  const given = taken ?? device.getFormat();
  const pixelFormat = usableFormat(given, wanted);
  const isAgreed = taken ?? (pixelFormat && (await setFormat(device, { ...wanted, fourcc: given.fourcc }, options)));
  if (pixelFormat && isAgreed) return pixelFormat;
  throw formatHeld(options.path, wanted, given, await describeOthers(options));
}

/** Which of our layouts a device's format is; undefined when it is neither or another size. */
function usableFormat(given: DeviceFormat, wanted: Size): 'yuyv' | 'i420' | undefined {
  return given.width === wanted.width && given.height === wanted.height ? pixelFormatOf(given.fourcc) : undefined;
}

/** What the driver took; undefined when it says that the format is held (EBUSY). */
async function setFormat(
  device: VideoDevice,
  wanted: DeviceFormat,
  options: SessionOptions,
): Promise<DeviceFormat | undefined> {
  try {
    return device.setFormat(wanted);
  } catch (thrown) {
    const code = systemCodeOf(thrown);
    if (code === 'EBUSY') return undefined;
    if (code === 'EINVAL') throw busy(options.path, await describeOthers(options), thrown);
    throw thrown;
  }
}

async function describeOthers({ path, findHolders }: SessionOptions): Promise<string> {
  return describeHolders((await findHolders(path)).filter(({ pid }) => pid !== process.pid));
}

/** Frame rate and sustain are wishes; STREAMON is what keeps 0.12 usable after this program, and 0.15 answers it EINVAL. */
function prepareStream(device: VideoDevice, { framesPerSecond, sustainFrames }: SessionOptions): void {
  wish(() => device.setFrameRate(framesPerSecond));
  if (sustainFrames) wish(() => device.setControl(CONTROL_SUSTAIN_FRAMERATE, 1));
  try {
    device.streamOn();
  } catch (thrown) {
    if (systemCodeOf(thrown) !== 'EINVAL') throw thrown;
  }
}

function wish(act: () => void): void {
  try {
    act();
  } catch {
    // a driver without it works just as well
  }
}
