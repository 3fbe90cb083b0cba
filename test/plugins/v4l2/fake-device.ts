import type { OpenVideoDevice, VideoDevice } from '../../../src/plugins/v4l2/device.ts';
import {
  CAP_VIDEO_CAPTURE,
  CAP_VIDEO_OUTPUT,
  CONTROL_KEEP_FORMAT,
  type DeviceFormat,
} from '../../../src/plugins/v4l2/ioctl.ts';

/** An Error as the kernel's refusals arrive. */
export function kernelError(code: string): Error {
  return Object.assign(new Error(`refused: ${code}`), { code });
}

/**
 * A v4l2loopback device in memory that can be told to behave as its versions were seen to; vm.test.ts has the same cases
 * on a real one.
 */
export class FakeLoopback {
  driver = 'v4l2 loopback';
  card = 'MuseCam';
  caps = CAP_VIDEO_OUTPUT;
  /** Off: CAPTURE and OUTPUT at once, whatever happens. */
  hasExclusiveCaps = true;
  keepsFormat = false;
  /** The format a reader holds the device to, and whether S_FMT says so (0.13) or not (0.12, 0.15). */
  held: DeviceFormat | undefined;
  refusesHeldFormat = false;
  /** Code that a call fails with: `open`, `setFormat`, `streamOn`, `write`. */
  readonly refusals = new Map<string, string>();
  /** Codes or lengths that the next writes answer with, before all is well again. */
  readonly nextWrites: (string | number)[] = [];
  readonly written: Uint8Array[] = [];
  readonly calls: string[] = [];
  format: DeviceFormat = { width: 640, height: 480, fourcc: 'YUYV' };
  #isWriting = false;
  openCount = 0;
  closeCount = 0;

  readonly open: OpenVideoDevice = async () => {
    this.#refuse('open');
    this.openCount++;
    return this.#device();
  };

  #device(): VideoDevice {
    return {
      queryCapability: () => ({ driver: this.driver, card: this.card, caps: this.caps }),
      getFormat: () => this.held ?? this.format,
      setFormat: (format) => {
        this.calls.push(`setFormat ${format.width}x${format.height} ${format.fourcc}`);
        this.#refuse('setFormat');
        if (this.held && this.refusesHeldFormat && this.held.fourcc !== format.fourcc) throw kernelError('EBUSY');
        this.format = this.held ?? format;
        return this.format;
      },
      setFrameRate: (rate) => void this.calls.push(`setFrameRate ${rate}`),
      streamOn: () => {
        this.calls.push('streamOn');
        this.#refuse('streamOn');
      },
      getControl: (id) => (id === CONTROL_KEEP_FORMAT && this.keepsFormat ? 1 : 0),
      setControl: (id, value) => void this.calls.push(`setControl 0x${id.toString(16)} ${value}`),
      write: async (picture) => this.#write(picture),
      [Symbol.asyncDispose]: async () => {
        this.closeCount++;
        if (this.hasExclusiveCaps && this.#isWriting) this.caps = CAP_VIDEO_OUTPUT;
        this.#isWriting = false;
      },
    };
  }

  #write(picture: Uint8Array): number {
    const answer = this.nextWrites.shift();
    if (typeof answer === 'string') throw kernelError(answer);
    this.#refuse('write');
    this.#isWriting = true;
    if (this.hasExclusiveCaps) this.caps = CAP_VIDEO_CAPTURE;
    this.written.push(picture.slice());
    return answer ?? picture.length;
  }

  #refuse(call: string): void {
    const code = this.refusals.get(call);
    if (code) throw kernelError(code);
  }
}
