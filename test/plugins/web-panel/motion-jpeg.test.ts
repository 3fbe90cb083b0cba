import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MotionJpegReader } from './motion-jpeg-reader.ts';
import { PanelStand, readIndex } from './panel-stand.ts';

/** Memory really in use by buffers: twice collected, because buffers are freed after the objects that held them. */
async function usedBytes(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  for (let round = 0; round < 2; round++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return process.memoryUsage().arrayBuffers;
}

describe('/preview.mjpg', () => {
  let stand: PanelStand;
  beforeEach(async () => {
    stand = await PanelStand.open();
  });
  afterEach(() => stand[Symbol.asyncDispose]());

  it('brings a fast reader every frame, in order: 25 a second at the show’s clock', async () => {
    using reader = await MotionJpegReader.open(stand.port);
    expect(reader.contentType).toMatch(/^multipart\/x-mixed-replace; boundary=\S+$/);
    for (let sent = 0; sent < 30; sent++) {
      await stand.sendFrame();
      await vi.waitFor(() => expect(reader.pictures).toHaveLength(sent + 1), { timeout: 5_000, interval: 2 });
    }
    const indices = await Promise.all(reader.pictures.map(readIndex));
    expect(indices).toEqual(Array.from({ length: 30 }, (_, index) => index));
  });

  it('does not let a viewer who stopped reading hold up the others or the show, and keeps nothing for it', async () => {
    using slow = await MotionJpegReader.open(stand.port);
    using fast = await MotionJpegReader.open(stand.port);
    slow.pause();
    const total = 900;
    let baseBytes = 0;
    for (let sent = 0; sent < total; sent++) {
      await stand.sendFrame();
      await vi.waitFor(() => expect(fast.pictures).toHaveLength(sent + 1), { timeout: 5_000, interval: 1 });
      fast.pictures[sent] = Buffer.alloc(0);
      // By now encoder and kernel have their working memory.
      if (sent === 20) baseBytes = await usedBytes();
    }
    // The kernel's socket buffers take some pictures; after that the viewer is passed over. Kept for it, 900 pictures of
    // about 15 kB would be 13 MB; one picture and what the test itself holds stay below 1 MB.
    expect((await usedBytes()) - baseBytes).toBeLessThan(1_000_000);
    slow.resume();
    await vi.waitFor(() => expect(slow.pictures.length).toBeGreaterThan(10));
    expect(slow.pictures.length).toBeLessThan(total);
    // Awake again, it gets the present and not the past.
    await vi.waitFor(async () => {
      // What the kernel still holds of the past comes first; how long that takes depends on the machine.
      const index = await stand.sendFrame();
      await vi.waitFor(async () => expect(await readIndex(slow.pictures.at(-1)!)).toBe(index), 500);
    }, 20_000);
  });

  it('forgets a viewer who has left', async () => {
    const reader = await MotionJpegReader.open(stand.port);
    await stand.sendFrame();
    await vi.waitFor(() => expect(reader.pictures).toHaveLength(1));
    reader[Symbol.dispose]();
    // Sixteen is the limit: if those who left were still counted, the later ones would be refused.
    for (let visit = 0; visit < 40; visit++) {
      const next = await MotionJpegReader.open(stand.port);
      next[Symbol.dispose]();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  });

  it('refuses the seventeenth viewer in words', async () => {
    const readers = [];
    for (let viewer = 0; viewer < 16; viewer++) readers.push(await MotionJpegReader.open(stand.port));
    const answer = await stand.ask('/preview.mjpg');
    expect([answer.status, answer.json().code]).toEqual([503, 'WEB_TOO_MANY_VIEWERS']);
    for (const reader of readers) reader[Symbol.dispose]();
  });

  it('ends for everybody when the page closes', async () => {
    using reader = await MotionJpegReader.open(stand.port);
    await stand[Symbol.asyncDispose]();
    await vi.waitFor(() => expect(reader.isClosed).toBe(true));
  });
});

describe('/snapshot.jpg', () => {
  it('is the next picture of the show, and says so when none comes', async () => {
    await using stand = await PanelStand.open();
    const asked = stand.ask('/snapshot.jpg');
    const playing = stand.play();
    expect((await asked).headers['content-type']).toBe('image/jpeg');
    playing[Symbol.dispose]();
    const answer = await stand.ask('/snapshot.jpg');
    expect([answer.status, answer.json().code]).toEqual([503, 'WEB_NO_PICTURE']);
  });
});

/** What the page's own reader looks like to this test: it is plain JavaScript. */
interface PageParser {
  push(bytes: Uint8Array): void;
}

describe('the page’s reader of the stream', () => {
  it('finds every picture however the bytes are cut', async () => {
    const url = new URL('../../../src/plugins/web-panel/page/motion-jpeg.js', import.meta.url).href;
    const { MotionJpegParser } = (await import(url)) as { MotionJpegParser: new (f: (b: Blob) => void) => PageParser };
    const bodies = ['first\r\n\r\n--x', '', 'Content-Length: 3\r\n\r\n', 'last'];
    const parts = bodies.map(
      (body) => `Content-Type: image/jpeg\r\nContent-Length: ${body.length}\r\n\r\n${body}\r\n--x\r\n`,
    );
    const stream = Buffer.from(`--x\r\n${parts.join('')}`);
    for (const pieceBytes of [1, 2, 3, 7, 64, 10_000]) {
      const found: Blob[] = [];
      const parser = new MotionJpegParser((blob) => found.push(blob));
      for (let at = 0; at < stream.length; at += pieceBytes) parser.push(stream.subarray(at, at + pieceBytes));
      expect(await Promise.all(found.map((blob) => blob.text()))).toEqual(bodies);
    }
  });
});
