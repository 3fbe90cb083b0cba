import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { silentLog } from '../../../src/base/log.ts';
import { loadJpegEncoder, loadSharpEncoder, loadTurboEncoder } from '../../../src/media/jpeg-encoder.ts';
import { PreviewFeed, type PreviewViewer, previewSize } from '../../../src/plugins/web-panel/preview-feed.ts';
import { makeFrame, readIndex } from './panel-stand.ts';

/** Keeps what it is shown. */
class FakeViewer implements PreviewViewer {
  isReady = true;
  readonly pictures: Uint8Array[] = [];
  show(jpeg: Uint8Array): void {
    this.pictures.push(jpeg);
  }
}

const open = (overrides: Partial<ConstructorParameters<typeof PreviewFeed>[0]> = {}) =>
  new PreviewFeed({ framesPerSecond: 25, widthPx: 640, log: silentLog, ...overrides });

describe('the preview', () => {
  it('encodes nothing and loads no encoder while nobody watches', async () => {
    let loads = 0;
    const feed = open({
      loadEncoder: (log) => {
        loads++;
        return loadJpegEncoder(log);
      },
    });
    for (let index = 0; index < 5; index++) await feed.send(makeFrame(index));
    expect([feed.encodedCount, loads]).toEqual([0, 0]);
    const leave = feed.watch(new FakeViewer());
    await feed.send(makeFrame(5));
    leave[Symbol.dispose]();
    await feed.send(makeFrame(6));
    expect([feed.encodedCount, loads]).toEqual([1, 1]);
  });

  it('shows every frame to every viewer with one encode for all', async () => {
    const feed = open();
    const viewers = [new FakeViewer(), new FakeViewer(), new FakeViewer()];
    for (const viewer of viewers) feed.watch(viewer);
    for (let index = 0; index < 10; index++) await feed.send(makeFrame(index));
    expect(feed.encodedCount).toBe(10);
    const indices = await Promise.all(viewers[2]!.pictures.map(readIndex));
    expect(indices).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(viewers[0]!.pictures[4]).toBe(viewers[1]!.pictures[4]);
  });

  it('shows a picture again that was replaced between two beats, and one that is only repeated once', async () => {
    const feed = open();
    const viewer = new FakeViewer();
    feed.watch(viewer);
    await feed.send(makeFrame(3));
    await feed.send(makeFrame(3));
    await feed.send({ ...makeFrame(3), isBetween: true });
    await feed.send(makeFrame(4));
    expect(await Promise.all(viewer.pictures.map(readIndex))).toEqual([3, 3, 4]);
  });

  it('passes over viewers that are not ready, and rests when none is', async () => {
    const feed = open();
    const slow = new FakeViewer();
    const fast = new FakeViewer();
    feed.watch(slow);
    const leave = feed.watch(fast);
    slow.isReady = false;
    for (let index = 0; index < 4; index++) await feed.send(makeFrame(index));
    expect([slow.pictures.length, fast.pictures.length]).toEqual([0, 4]);
    leave[Symbol.dispose]();
    await feed.send(makeFrame(4));
    expect(feed.encodedCount).toBe(4);
    slow.isReady = true;
    await feed.send(makeFrame(5));
    expect(await readIndex(slow.pictures[0]!)).toBe(5);
  });

  it('takes even steps through the frames when it is slower than the show', async () => {
    const feed = open({ framesPerSecond: 15 });
    const viewer = new FakeViewer();
    feed.watch(viewer);
    for (let index = 0; index < 50; index++) await feed.send(makeFrame(index));
    // 15 of every 25, never more than two frames apart.
    expect(viewer.pictures).toHaveLength(30);
    const indices = await Promise.all(viewer.pictures.map(readIndex));
    const gaps = indices.slice(1).map((index, at) => index - indices[at]!);
    expect(new Set(gaps)).toEqual(new Set([1, 2]));
  });

  it('skips what comes while a picture is being encoded instead of queueing it', async () => {
    let finish: (jpeg: Uint8Array) => void = () => {};
    let calls = 0;
    const feed = open({
      loadEncoder: async () => () => {
        calls++;
        return new Promise((resolve) => {
          finish = resolve;
        });
      },
    });
    feed.watch(new FakeViewer());
    const first = feed.send(makeFrame(0));
    await Promise.all([feed.send(makeFrame(1)), feed.send(makeFrame(2))]);
    expect(calls).toBe(1);
    finish(new Uint8Array(1));
    await first;
    void feed.send(makeFrame(3));
    await new Promise((resolve) => setImmediate(resolve));
    expect(calls).toBe(2);
    finish(new Uint8Array(1));
  });

  it('shows what is transparent as a checkerboard, and the person as opaque', async () => {
    const feed = open();
    const viewer = new FakeViewer();
    feed.watch(viewer);
    const frame = makeFrame(3);
    const alpha = new Uint8Array(frame.width * frame.height);
    // The left half is person.
    for (let at = 0; at < alpha.length; at++) alpha[at] = at % frame.width < frame.width / 2 ? 255 : 0;
    await feed.send(frame);
    await feed.send({ ...frame, index: 4, alpha });
    const [opaque, transparent] = await Promise.all(
      viewer.pictures.map((jpeg) => sharp(jpeg).raw().toBuffer({ resolveWithObject: true })),
    );
    const pixel = ({ data, info }: typeof opaque & object, x: number, y: number) => data[(y * info.width + x) * 3]!;
    expect(Math.abs(pixel(transparent!, 100, 200) - pixel(opaque!, 100, 200))).toBeLessThan(4);
    // Two squares that lie beside each other, 12 px wide.
    expect(pixel(transparent!, 390, 198)).toBeGreaterThan(196);
    expect(Math.abs(pixel(transparent!, 390, 198) - pixel(transparent!, 402, 198))).toBeGreaterThan(40);
  });

  it('goes on after a picture that could not be encoded', async () => {
    let calls = 0;
    const feed = open({
      loadEncoder: async () => async () => {
        if (calls++ === 0) throw new Error('out of memory');
        return new Uint8Array(1);
      },
    });
    const viewer = new FakeViewer();
    feed.watch(viewer);
    await expect(feed.send(makeFrame(0))).rejects.toThrow('out of memory');
    await feed.send(makeFrame(1));
    expect(viewer.pictures).toHaveLength(1);
  });

  it.each([
    [{ width: 1280, height: 720 }, 640, { width: 640, height: 360 }],
    [{ width: 1920, height: 1080 }, 640, { width: 640, height: 360 }],
    [{ width: 480, height: 270 }, 640, { width: 480, height: 270 }],
    [{ width: 720, height: 1280 }, 333, { width: 332, height: 590 }],
  ])('keeps the shape of %o at %i px, even and never enlarged', (frame, widthPx, expected) => {
    expect(previewSize(frame, widthPx)).toEqual(expected);
  });
});

describe('JPEG encoders', () => {
  it('agree with each other, so that a missing jpeg-turbo costs time and nothing else', async () => {
    const size = { width: 64, height: 48 };
    const rgb = new Uint8Array(64 * 48 * 3);
    for (let at = 0; at < rgb.length; at++) rgb[at] = (at * 5) % 256 < 128 ? 40 : 200 - ((at / 3) % 64);
    const smooth = new Uint8Array(
      await sharp(rgb, { raw: { ...size, channels: 3 } })
        .blur(4)
        .raw()
        .toBuffer(),
    );
    const decoded: Buffer[] = [];
    for (const load of [loadTurboEncoder, loadSharpEncoder]) {
      const jpeg = await (await load())(smooth, size);
      decoded.push(await sharp(jpeg).raw().toBuffer());
    }
    const difference = smooth.reduce((most, _, at) => Math.max(most, Math.abs(decoded[0]![at]! - decoded[1]![at]!)), 0);
    // Both are libjpeg at quality 80; they may differ in chroma siting and rounding, by a few of 255 levels.
    expect(difference).toBeLessThanOrEqual(12);
  });
});
