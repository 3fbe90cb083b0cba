import { beforeAll, describe, expect, it } from 'vitest';
import { HOOK_LIMIT_MS, type ResultOf, runGuest } from './run-guest.ts';

const MODULE_OPTIONS = 'devices=1 video_nr=10 exclusive_caps=1 card_label=MuseCam max_buffers=32';
const FRAMES = Number(process.env.MUSECAM_V4L2_FRAMES ?? 10_000);
/** Pictures of a second at the show's rate. */
const RATE = 25;

interface Stream {
  readonly complaint?: string;
  readonly received: number;
  readonly torn: readonly number[];
  readonly newest: number;
  readonly steps: Readonly<Record<string, number>>;
  readonly caps: readonly string[];
}
interface Node {
  readonly path: string;
  readonly label: string;
  readonly kind: string;
  readonly can: readonly string[];
  readonly format?: string;
  readonly users: readonly { readonly role: string }[];
}
interface Run {
  readonly text: string;
  readonly code: string;
  readonly message: string;
}

let resultOf: ResultOf;

/** Every picture from the first to number count-1 has come, once, whole, in order; the first one may be repeated. */
function expectAll(stream: Stream, count: number): void {
  const { complaint, torn, steps, newest } = stream;
  expect({ complaint, torn, wrongSteps: Object.keys(steps).filter((step) => step !== '0' && step !== '1') }).toEqual({
    complaint: undefined,
    torn: [],
    wrongSteps: [],
  });
  expect(newest).toBeGreaterThanOrEqual(count - 1);
  expect(steps['1']).toBe(newest);
}

describe('the virtual camera on a real v4l2loopback, for long and in trouble', () => {
  beforeAll(async () => {
    resultOf = await runGuest('guest-endurance.ts', { modopts: MODULE_OPTIONS });
  }, HOOK_LIMIT_MS);

  it('changes between four sizes and two layouts, each picture whole and in order', (context) => {
    const sizes = resultOf<Record<string, Stream>>(context, 'sizes');
    expect(Object.keys(sizes)).toHaveLength(8);
    for (const stream of Object.values(sizes)) {
      expectAll(stream, 8);
      expect(stream.caps).toEqual(['Video Output']);
    }
  });

  it(`delivers ${FRAMES} bar-coded pictures, none torn, none lost, none out of order`, (context) => {
    expectAll(resultOf<Stream>(context, 'frames'), FRAMES);
  });

  it('serves readers that come and go', (context) => {
    const { visits } = resultOf<{ visits: { code: number; torn: number[]; order: number[] }[] }>(context, 'readers');
    expect(visits).toHaveLength(5);
    for (const { code, torn, order } of visits) {
      expect({ code, torn }).toEqual({ code: 0, torn: [] });
      expect(order).toHaveLength(10);
    }
  });

  it('goes on at its own pace while a reader stands still, and that reader goes on afterwards', (context) => {
    const { seconds, during, isBack } = resultOf<{
      seconds: number;
      during: { sent: number; read: number; slowestMs: number };
      isBack: boolean;
    }>(context, 'stall');
    // A write that waited for the reader would take as long as the reader stood still.
    expect(during.slowestMs).toBeLessThan((seconds * 1000) / 2);
    expect(during.sent).toBeGreaterThan((seconds * RATE) / 4);
    expect(isBack).toBe(true);
  });

  it('keeps the module from being unloaded while it writes, and comes back when the device was away', (context) => {
    const { whileOpen, stillWorks, away, code, torn, order } = resultOf<{
      whileOpen: string;
      stillWorks: string;
      away: { state: string; detail: string; fix: string };
      code: number;
      torn: number[];
      order: number[];
    }>(context, 'gone');
    expect(whileOpen).toContain('in use');
    expect(stillWorks).toBe('ready');
    expect(away).toMatchObject({ state: 'failed', fix: expect.stringContaining('musecam camera setup') });
    expect({ code, torn }).toEqual({ code: 0, torn: [] });
    expect(order).toHaveLength(10);
  });

  it('sets the camera up for good, once, shows it, and takes it away again', (context) => {
    const setup = resultOf<{
      before: Node[];
      unasked: Run;
      first: Run;
      files: string[];
      after: Node[];
      again: Run;
      written: Node[];
      whileUsed: Run;
      second: Run;
      both: Node[];
      removed: Run;
      left: { files: string[]; nodes: Node[] };
    }>(context, 'setup');
    expect(setup.before).toMatchObject([{ path: '/dev/video3', kind: 'loopback', can: ['capture', 'output'] }]);
    expect(setup.unasked.code).toBe('V4L2_NOT_CONFIRMED');
    expect(setup.first).toMatchObject({ code: 'none', text: expect.stringContaining('modprobe -r v4l2loopback') });
    expect(setup.files[0]).toContain('options v4l2loopback exclusive_caps=1 card_label="MuseCam" video_nr=10');
    expect(setup.files[1]).toMatch(/^v4l2loopback$/m);
    expect(setup.after).toMatchObject([{ path: '/dev/video10', kind: 'musecam', can: ['output'], users: [] }]);
    expect(setup.again).toMatchObject({ code: 'none', text: expect.stringContaining('Nothing had to be changed') });
    expect(setup.written).toMatchObject([
      { can: ['capture'], format: 'YUYV 640x360 at 25 fps', users: [{ role: 'writer' }] },
    ]);
    expect(setup.whileUsed).toMatchObject({ code: 'V4L2_IN_USE', message: expect.stringContaining('/dev/video10') });
    expect(setup.second.code).toBe('none');
    expect(setup.both.map(({ path, label, can }) => [path, label, can])).toEqual([
      ['/dev/video10', 'OBS Virtual Camera', ['output']],
      ['/dev/video11', 'MuseCam', ['output']],
    ]);
    expect(setup.removed.code).toBe('none');
    expect(setup.left).toEqual({ files: [], nodes: [] });
  });
});
