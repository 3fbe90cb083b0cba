import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { heightOf, noseOf } from '../../../src/avatar/choose-face.ts';
import type { FaceTrack } from '../../../src/avatar/clip/clip.ts';
import { longestShot, runsOf, trackOf } from '../../../src/avatar/clip/face-track.ts';
import { FaceFollower } from '../../../src/avatar/clip/follow-face.ts';
import { type FollowedFrame, packFollowed, unpackFollowed } from '../../../src/avatar/clip/followed-frame.ts';
import { measureJitter } from '../../../src/avatar/clip/measure-jitter.ts';
import { refineFrame } from '../../../src/avatar/clip/refine-frame.ts';
import { smoothTrack } from '../../../src/avatar/clip/smooth-track.ts';
import { FaceFinder } from '../../../src/avatar/find-face.ts';
import { hasProgram, need } from '../../fakes/need.ts';
import { VALUES } from './made-track.ts';
import { CLIP_SIZE, readClipFrames } from './read-frames.ts';

/** Enough on a machine that has other things to do. */
const SLOW_MS = 300_000;
let finder: FaceFinder;
beforeAll(async () => {
  finder = await FaceFinder.open();
});
afterAll(() => finder[Symbol.asyncDispose]());

interface Followed {
  readonly frames: FollowedFrame[];
  readonly track: FaceTrack;
}

async function followClip(name: string, face?: number): Promise<Followed> {
  const options = { source: `${name}.mp4`, scale: 1, face };
  const follower = new FaceFollower(finder, options);
  const frames: FollowedFrame[] = [];
  for await (const picture of readClipFrames(name)) frames.push(await follower.follow(picture));
  return { frames, track: trackOf(frames, CLIP_SIZE, options) };
}

/** Faults as runs: `['turned', 33, 74]` from the first frame to before the second. */
function faultsOf({ faults, frameCount }: FaceTrack): [string, number, number][] {
  return runsOf(faults, { start: 0, end: frameCount }).flatMap(({ start, end }): [string, number, number][] => {
    const fault = faults[start];
    return fault === undefined ? [] : [[fault, start, end]];
  });
}

function expectBetween(value: number | undefined, least: number, most: number): void {
  expect(value).toBeGreaterThanOrEqual(least);
  expect(value).toBeLessThanOrEqual(most);
}

/** Where the nose is in a frame, px. */
function noseAt({ points }: FaceTrack, frame: number): { x: number; y: number } {
  return noseOf({ points: points.subarray(frame * VALUES, (frame + 1) * VALUES) });
}

const needFfmpeg = (context: Pick<TestContext, 'skip'>) =>
  need(context, hasProgram('ffmpeg'), 'ffmpeg decodes the clips');

describe('following a face', () => {
  it(
    'follows speech, sway and blinks without a fault, and ends with a steady track',
    async (context) => {
      needFfmpeg(context);
      const { track } = await followClip('still-speech');
      expect(faultsOf(track)).toEqual([]);
      expect(track.cuts).toEqual([]);
      expect(track.frameCount).toBe(100);
      const smooth = smoothTrack(track);
      expect(measureJitter(smooth).frameCount).toBeGreaterThan(60);
      expect(measureJitter(smooth).rmsPx).toBeLessThan(0.3);
      expect(measureJitter(smooth).rmsPx).toBeLessThan(measureJitter(track).rmsPx / 2);
      // The blink that is drawn at frames 26 to 29 is still there: the lids are shut for two of them.
      const opening = ({ points }: FaceTrack, i: number) =>
        points[i * VALUES + 145 * 3 + 1]! - points[i * VALUES + 159 * 3 + 1]!;
      expect(opening(smooth, 27)).toBeLessThan(0.6 * opening(smooth, 20));
      expect(Math.abs(opening(smooth, 27) - opening(track, 27))).toBeLessThan(0.5);
    },
    SLOW_MS,
  );

  it(
    'says from when to when a head is turned too far',
    async (context) => {
      needFfmpeg(context);
      const { track } = await followClip('turn');
      const [fault, ...more] = faultsOf(track);
      expect(more).toEqual([]);
      expect(fault?.[0]).toBe('turned');
      // Drawn: 35 degrees on the way there at frame 32, on the way back at 73.
      expectBetween(fault?.[1], 30, 36);
      expectBetween(fault?.[2], 70, 77);
    },
    SLOW_MS,
  );

  it(
    'follows a head that leans over and comes nearer',
    async (context) => {
      needFfmpeg(context);
      const { track } = await followClip('lean');
      expect(faultsOf(track)).toEqual([]);
      const height = (i: number) => heightOf(track.points.subarray(i * VALUES, (i + 1) * VALUES));
      expect(height(72) / height(0)).toBeGreaterThan(1.2);
    },
    SLOW_MS,
  );

  it(
    'says when the face leaves the picture, and finds it again',
    async (context) => {
      needFfmpeg(context);
      const { track, frames } = await followClip('leave');
      const faults = faultsOf(track);
      expect(new Set(faults.map(([fault]) => fault))).toEqual(new Set(['cut-off', 'no-face']));
      // Drawn: the ear reaches the edge at frame 38, half the face is gone at 42; half of it is back at 90, the ear at 94.
      expectBetween(faults[0]?.[1], 36, 44);
      expectBetween(faults.at(-1)?.[2], 88, 98);
      expect(track.faults.slice(46, 86).every((fault) => fault !== undefined)).toBe(true);
      expect(frames.slice(50, 80).every((frame) => frame.points === undefined)).toBe(true);
      expect(longestShot(track)).toEqual({ start: 0, end: 125 });
    },
    SLOW_MS,
  );

  it(
    'finds the hand before the mouth',
    async (context) => {
      needFfmpeg(context);
      const { track } = await followClip('hand');
      const [fault, ...more] = faultsOf(track);
      expect(more).toEqual([]);
      expect(fault?.[0]).toBe('hidden');
      // Drawn: the fingertips reach the chin at frame 33 and leave it at 71.
      expectBetween(fault?.[1], 32, 40);
      expectBetween(fault?.[2], 64, 73);
    },
    SLOW_MS,
  );

  it(
    'sees the cut and nothing else as one, and chooses the longer shot',
    async (context) => {
      needFfmpeg(context);
      const { track } = await followClip('cut');
      expect(track.cuts).toEqual([40]);
      expect(faultsOf(track)).toEqual([]);
      expect(longestShot(track)).toEqual({ start: 40, end: 95 });
    },
    SLOW_MS,
  );
});

describe('following one of two', () => {
  it(
    'is refused when it is not said which',
    async (context) => {
      needFfmpeg(context);
      await expect(followClip('two')).rejects.toMatchObject({
        code: 'SEVERAL_FACES',
        message: expect.stringMatching(/^2 faces were found in two\.mp4 \(1 at \d+,\d+; 2 at \d+,\d+\)\.$/) as string,
        fix: expect.stringContaining('--face 1 … --face 2') as string,
      });
      await expect(followClip('two', 3)).rejects.toMatchObject({ code: 'NO_SUCH_FACE' });
    },
    SLOW_MS,
  );

  it(
    'follows the first one throughout',
    async (context) => {
      needFfmpeg(context);
      const { track } = await followClip('two', 1);
      expect(faultsOf(track)).toEqual([]);
      for (let i = 0; i < track.frameCount; i++) expectBetween(noseAt(track, i).x, 130, 220);
    },
    SLOW_MS,
  );

  it(
    'follows the second one throughout, and takes nobody for her while she is away',
    async (context) => {
      needFfmpeg(context);
      const { track, frames } = await followClip('two', 2);
      frames.forEach((frame, i) => {
        if (frame.points) expect(noseOf({ points: frame.points }).x, `frame ${i}`).toBeGreaterThan(400);
      });
      const faults = faultsOf(track);
      expect(new Set(faults.map(([fault]) => fault))).toEqual(new Set(['cut-off', 'no-face']));
      expectBetween(faults[0]?.[1], 34, 46);
      expectBetween(faults.at(-1)?.[2], 64, 78);
    },
    SLOW_MS,
  );
});

describe('a follower that is resumed', () => {
  it(
    'goes on as if it had never stopped, wherever that was',
    async (context) => {
      needFfmpeg(context);
      const options = { source: 'two.mp4', scale: 1, face: 2 };
      const { frames } = await followClip('two', 2);
      const stored = frames.map((frame) => unpackFollowed(packFollowed(frame))!);
      // While she is followed, while she is lost, right after she was found again.
      const found = frames.findIndex((frame, i) => frame.points && i > 0 && !frames[i - 1]!.points);
      for (const stop of [10, found - 3, found, found + 1]) {
        const follower = FaceFollower.resume(finder, options, stored.slice(0, stop));
        let i = 0;
        for await (const picture of readClipFrames('two')) {
          if (i >= stop && i < stop + 12) expect(await follower.follow(picture), `frame ${i}`).toEqual(frames[i]);
          i++;
        }
      }
    },
    SLOW_MS,
  );
});

describe('a refined frame', () => {
  it('is where the survey saw it, and stays there when the mesh slides away', async (context) => {
    needFfmpeg(context);
    for await (const picture of readClipFrames('still-speech')) {
      const [seen] = await finder.detect(picture);
      const { points } = await finder.landmarks(picture, seen!);
      const off = points.map((value, i) => (i % 3 === 0 ? value + 4 : value));
      const refined = await refineFrame(finder, picture, off);
      expect(Math.abs(noseOf(refined).x - noseOf({ points }).x)).toBeLessThan(1);
      const away = points.map((value, i) => (i % 3 === 0 ? value + 200 : value));
      expect((await refineFrame(finder, picture, away)).points).toEqual(away);
      break;
    }
  });
});
