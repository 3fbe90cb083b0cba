import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Size, VideoFrame } from '../../src/api/media.ts';
import { poseIndexAt } from '../../src/avatar/pose-index.ts';
import { fitInside } from '../../src/media/letterbox.ts';
import { addStillMatte, makeClipAvatar, STAMP_PX, stampOf } from '../avatar/make-clip-avatar.ts';
import { makeFlatAvatar } from '../avatar/make-flat-avatar.ts';
import { makeTemporaryFolder } from '../avatar/temporary-folder.ts';
import { hasProgram } from '../fakes/need.ts';
import { seededRandom } from '../media/picture-samples.ts';
import { countOpenFiles, SwapStand } from './swap-stand.ts';

const SHOW: Size = { width: 320, height: 180 };
/** Avatars of several shapes; those with frames are clips, where there is ffmpeg to make them. */
const CAST: readonly (Size & { readonly frames: number; readonly motion?: 'loop' | 'ping-pong' })[] = [
  { ...SHOW, frames: 1 },
  { ...SHOW, frames: 1 },
  { width: 180, height: 320, frames: 1 },
  { width: 640, height: 360, frames: 1 },
  { width: 256, height: 256, frames: 1 },
  { ...SHOW, frames: 9, motion: 'loop' },
  { width: 640, height: 300, frames: 7, motion: 'ping-pong' },
];
const idOf = (index: number) => `flat-${index}`;
const greyOf = (index: number) => 40 + 25 * index;
const lumaOf = (grey: number) => 16 + (grey * 219) / 255;
/** Room for most of them: about every fourth swap has to read one again. */
const MEMORY_BYTES = 2_150_000;
const ids = CAST.map((_, index) => idOf(index));

let shelf: string;
let cacheFolder: string;
beforeAll(async () => {
  shelf = await makeTemporaryFolder();
  cacheFolder = await makeTemporaryFolder();
  for (const [index, { frames, motion, ...size }] of CAST.entries()) {
    const folder = await makeFlatAvatar(shelf, idOf(index), size, greyOf(index));
    if (frames > 1 && hasProgram('ffmpeg')) await makeClipAvatar(folder, { frameCount: frames, motion: motion! });
  }
});

/** Brightness of a picture where a pixel of the avatar's own picture went. */
function lumaAt(frame: VideoFrame, size: Size, x: number, y: number): number {
  const place = fitInside(size, SHOW);
  const column = place.x + Math.floor(((x + 0.5) * place.width) / size.width);
  const row = place.y + Math.floor(((y + 0.5) * place.height) / size.height);
  return frame.data[row * frame.width + column]!;
}

/** Which avatar's body a picture shows, by its middle; -1 when it is none. */
function bodyOf(frame: VideoFrame): number {
  const middle = frame.data[(SHOW.height / 2) * SHOW.width + SHOW.width / 2]!;
  return CAST.findIndex((_, index) => Math.abs(lumaOf(greyOf(index)) - middle) <= 3);
}

/** What is wrong with a picture that shows one avatar and nothing else; undefined when nothing is. */
function faultOf(frame: VideoFrame): string | undefined {
  const index = bodyOf(frame);
  if (index < 0) return 'no avatar';
  const { frames, motion, ...size } = CAST[index]!;
  const face = lumaAt(frame, size, 16, 16);
  const isClip = frames > 1 && hasProgram('ffmpeg');
  // The stamp of a clip is 16 px wide, the face lies over its last quarter.
  const stamp = lumaAt(frame, size, STAMP_PX / 4, STAMP_PX / 4);
  if (Math.abs(face - (130 + 10 * index)) > 3) return `body ${index} with a face of brightness ${face}`;
  const expected = isClip ? stampOf(poseIndexAt(frame.index, motion!, frames)) : lumaOf(greyOf(index));
  return Math.abs(stamp - expected) > 6 ? `avatar ${index}: frame ${stamp} instead of ${expected}` : undefined;
}

const collectGarbage = () => {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
};

/** Everything shown and measured while avatars are swapped at random. */
class SwapRun {
  readonly shown: number[] = [];
  readonly faults: string[] = [];
  readonly heapsMb: number[] = [];
  readonly buffersMb: number[] = [];
  loads = 0;
  isChecking = false;
  readonly #isCut: boolean;

  /** @param isCut no fading: every picture shows one avatar. */
  constructor(isCut: boolean) {
    this.#isCut = isCut;
  }

  readonly onShown = (frame: VideoFrame) => {
    if (!this.isChecking) return;
    this.shown.push(frame.index);
    const fault = this.#isCut ? faultOf(frame) : undefined;
    if (fault) this.faults.push(`${frame.index}: ${fault}`);
  };

  /** One swap, with the show going on; returns when nothing but the new avatar can be shown any more. */
  async swap(stand: SwapStand, id: string): Promise<void> {
    if (!stand.cast.summaries.find((summary) => summary.id === id)?.isResident) this.loads++;
    let isOn = false;
    const using = stand.cast.use(id).finally(() => {
      isOn = true;
    });
    do await stand.beat();
    while (!isOn);
    await using;
    // Frames in work when the swap came may still show the one before.
    for (let beats = 0; beats < 3; beats++) await stand.beat();
  }

  measure(): void {
    collectGarbage();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    this.heapsMb.push(heapUsed / 1e6);
    this.buffersMb.push(arrayBuffers / 1e6);
  }
}

describe('1,000 random swaps while speaking', () => {
  it.each([0, 5])(
    'lose no frame, mix no faces and leak nothing, fading over %i frames',
    { timeout: 400_000 },
    async (fadeFrames) => {
      const swaps = 500;
      const random = seededRandom(fadeFrames + 1);
      const run = new SwapRun(fadeFrames === 0);
      const filesBefore = countOpenFiles();
      const { onShown, shown } = run;
      const options = { shelf, cacheFolder, firstId: ids[0]!, memoryBytes: MEMORY_BYTES, fadeFrames, onShown };
      await using stand = await SwapStand.open(options);
      for (let warmUp = 0; warmUp < 40; warmUp++) await stand.beat();
      run.isChecking = true;
      const freshBefore = stand.stage.meter.frames.fresh;
      for (let swap = 0; swap < swaps; swap++) {
        const id = ids[Math.floor(random() * ids.length)]!;
        await run.swap(stand, id);
        expect(stand.stage.last.avatarId.split('#')[0]).toBe(id);
        expect(stand.cast.residentBytes).toBeLessThan(MEMORY_BYTES);
        if (swap % 100 === 99) run.measure();
      }
      run.isChecking = false;
      const { fresh, repeated, dropped, lagged } = stand.stage.meter.frames;
      expect(stand.failures).toEqual([]);
      expect(run.faults).toEqual([]);
      // Every frame once and in order; the only repeated ones are from before the first.
      expect(shown.length).toBeGreaterThan(swaps * 4);
      expect(shown).toEqual(shown.map((_, at) => shown[0]! + at));
      expect(fresh - freshBefore).toBe(shown.length);
      expect({ lagged, dropped, isRepeating: repeated > 40 }).toEqual({ lagged: 0, dropped: 0, isRepeating: false });
      expect(run.loads).toBeGreaterThan(swaps / 10);
      // What is kept is bounded: nothing grows with the number of swaps.
      expect(run.heapsMb.at(-1)! - run.heapsMb[0]!).toBeLessThan(3);
      expect(Math.max(...run.buffersMb)).toBeLessThan(40);
      expect(stand.pool.made).toBeLessThanOrEqual(8);
      await stand[Symbol.asyncDispose]();
      expect(stand.pool.held).toBe(0);
      expect(countOpenFiles()).toBe(filesBefore);
    },
  );
});

describe('avatars that change on disk while they are on air', () => {
  it('stay until they are used again, and then are the new ones', async () => {
    const own = await makeTemporaryFolder();
    for (const id of ids.slice(0, 2)) await cp(join(shelf, id), join(own, id), { recursive: true });
    let last = -1;
    const onShown = (frame: VideoFrame) => {
      last = frame.data[90 * 320 + 160]!;
    };
    const options = { shelf: own, cacheFolder, firstId: ids[0]!, memoryBytes: 1e8, onShown };
    await using stand = await SwapStand.open(options);
    const beats = async () => {
      for (let n = 0; n < 5; n++) await stand.beat();
      return last;
    };
    const isLuma = (grey: number) => expect.closeTo(lumaOf(grey), -0.5);
    expect(await beats()).toEqual(isLuma(greyOf(0)));

    // Replaced: what is on air stays; using it again shows the new one.
    await rm(join(own, ids[0]!), { recursive: true });
    await makeFlatAvatar(own, ids[0]!, SHOW, 200);
    await stand.cast.refresh();
    expect(await beats()).toEqual(isLuma(greyOf(0)));
    await stand.cast.use(ids[0]!);
    expect(await beats()).toEqual(isLuma(200));

    // Prepared while the show runs: can be used at once, without a refresh.
    await makeFlatAvatar(own, 'flat-9', SHOW, 90);
    await stand.cast.use('flat-9');
    expect(await beats()).toEqual(isLuma(90));

    // Removed while it is on: it stays, is listed no more, and the next one comes.
    await rm(join(own, 'flat-9'), { recursive: true });
    await stand.cast.refresh();
    expect(stand.cast.summaries.map(({ id }) => id)).toEqual(ids.slice(0, 2));
    expect(await beats()).toEqual(isLuma(90));
    await expect(stand.cast.use('flat-9')).rejects.toMatchObject({ code: 'NO_SUCH_AVATAR' });
    await stand.cast.step(1);
    expect(await beats()).toEqual(isLuma(200));
    expect(stand.failures).toEqual([]);
  });
});

describe('a background', () => {
  it('is changed while the show goes on, and the picture carries its matte where it is transparent', async () => {
    const own = await makeTemporaryFolder();
    for (const id of ids.slice(0, 2)) await cp(join(shelf, id), join(own, id), { recursive: true });
    await addStillMatte(join(own, ids[0]!));
    const shown: VideoFrame[] = [];
    const onShown = ({ index, data, alpha }: VideoFrame) => {
      shown.push({ index, data: data.slice(), alpha: alpha?.slice() } as unknown as VideoFrame);
    };
    const options = { shelf: own, cacheFolder, firstId: ids[0]!, memoryBytes: 1e8, onShown };
    await using stand = await SwapStand.open(options);
    const while_ = async (work: Promise<unknown>) => {
      let isDone = false;
      void work.finally(() => (isDone = true)).catch(() => {});
      while (!isDone) await stand.beat();
      for (let n = 0; n < 3; n++) await stand.beat();
    };
    const right = () => shown.at(-1)!.data[90 * 320 + 300]!;
    await while_(stand.face.ready);
    expect(shown.at(-1)!.alpha).toBeUndefined();

    await while_(stand.cast.setBackground('#ffffff'));
    expect([stand.cast.background, right(), shown.at(-1)!.alpha]).toEqual(['#ffffff', 235, undefined]);

    await while_(stand.cast.setBackground('transparent'));
    const { alpha } = shown.at(-1)!;
    expect([alpha![90 * 320 + 20], alpha![90 * 320 + 300]]).toEqual([255, 0]);

    // Without a matte nothing can be put behind: what is on stays, and so does the background.
    await expect(stand.cast.use(ids[1]!)).rejects.toMatchObject({ code: 'AVATAR_WITHOUT_MATTE' });
    expect([stand.cast.currentId, stand.cast.background]).toEqual([ids[0], 'transparent']);
    await expect(stand.cast.setBackground('blurry')).rejects.toMatchObject({ code: 'BAD_BACKGROUND' });
    expect(stand.cast.background).toBe('transparent');

    await while_(stand.cast.setBackground('keep'));
    await while_(stand.cast.use(ids[1]!));
    await expect(stand.cast.setBackground('#112233')).rejects.toMatchObject({ code: 'AVATAR_WITHOUT_MATTE' });
    expect(stand.cast.background).toBe('keep');

    const indexes = shown.map(({ index }) => index);
    const first = indexes.lastIndexOf(0);
    expect(indexes.slice(first)).toEqual(indexes.slice(first).map((_, at) => at));
    expect(stand.failures).toEqual([]);
  });
});
