import { describe, expect, it } from 'vitest';
import type { FrameFault } from '../../../src/avatar/clip/clip.ts';
import { LOOK_BYTES } from '../../../src/avatar/clip/face-look.ts';
import { longestShot, trackOf } from '../../../src/avatar/clip/face-track.ts';
import { type FollowedFrame, packFollowed, unpackFollowed } from '../../../src/avatar/clip/followed-frame.ts';
import { isSceneCut, THUMBNAIL_BYTES } from '../../../src/avatar/clip/see-cut.ts';
import { drawnLandmarks, place, VALUES } from './made-track.ts';

const SIZE = { width: 640, height: 360 };
const OPTIONS = { source: 'clip.mp4', scale: 1 };
const face = drawnLandmarks();

/** A followed frame: `.` usable, `-` no face, `t` turned, `c` cut off, `|` usable and the first of a shot. */
function frameOf(letter: string, i: number): FollowedFrame {
  const faults: Record<string, FrameFault> = { '-': 'no-face', t: 'turned', c: 'cut-off' };
  const fault = faults[letter];
  return {
    points: fault === 'no-face' ? undefined : place(face, 1, i),
    score: fault === 'no-face' ? 0 : 0.9,
    fault,
    isCut: letter === '|',
    thumbnail: new Uint8Array(THUMBNAIL_BYTES),
    look: fault === 'no-face' ? undefined : new Uint8Array(LOOK_BYTES).fill(120),
  };
}

function track(letters: string) {
  return trackOf([...letters].map(frameOf), SIZE, OPTIONS);
}

/** The faults of a track in the same letters. */
function faultsOf(letters: string): string {
  return track(letters)
    .faults.map((fault) => (fault === undefined ? '.' : fault === 'no-face' ? '-' : fault[0]!))
    .join('');
}

describe('the track', () => {
  it.each([
    ['closes a gap of five frames', '..........-----..........', '.........................'],
    ['leaves a gap of six', '..........------..........', '..........------..........'],
    ['leaves a gap at the beginning and at the end', '---..........---', '---..........---'],
    ['gives a gap beside a fault that fault', '..........ttt--tt..........', '..........ttttttt..........'],
    ['overlooks a fault of two frames', '..........tt..........', '..........tt..........'.replace(/t/g, '.')],
    ['drops four usable frames between faults', '......tttttt....cccccc......', '......ttttttttttcccccc......'],
    ['keeps five', '......tttttt.....cccccc......', '......tttttt.....cccccc......'],
    ['drops usable frames between a fault and the end', '..........tttttt...', '..........ttttttttt'],
    ['does not close a gap across a cut', '..........---|.........', '..........---..........'],
  ])('%s', (_, letters, expected) => {
    expect(faultsOf(letters)).toBe(expected);
  });

  it('puts the face between its neighbours in a gap, and beside the nearest where there is no other side', () => {
    const { points, scores } = track('...---......-------');
    expect([3, 4, 5].map((i) => points[i * VALUES]! - face[0]!).map(Math.round)).toEqual([3, 4, 5]);
    expect([12, 18].map((i) => Math.round(points[i * VALUES]! - face[0]!))).toEqual([11, 11]);
    expect(scores[4]).toBe(0);
  });

  it('fills a shot without any face from the nearest shot', () => {
    const frames = [...'.......---|......'].map(frameOf).map((frame, i) => ({ ...frame, isCut: i === 7 || i === 10 }));
    const { points, cuts, faults } = trackOf(frames, SIZE, OPTIONS);
    expect(cuts).toEqual([7, 10]);
    expect(faults.slice(7, 10)).toEqual(['no-face', 'no-face', 'no-face']);
    expect(points[7 * VALUES]! - face[0]!).toBeCloseTo(6, 3);
    expect(points[9 * VALUES]! - face[0]!).toBeCloseTo(10, 3);
  });

  it('refuses a clip without a face, and one without the face that was asked for', () => {
    const none = [...'----'].map(frameOf);
    expect(() => trackOf(none, SIZE, OPTIONS)).toThrowError(expect.objectContaining({ code: 'NO_FACE' }));
    const seen = { x: 1, y: 1, height: 100, look: new Uint8Array(LOOK_BYTES) };
    const others = none.map((frame) => ({ ...frame, others: [seen] }));
    expect(() => trackOf(others, SIZE, { ...OPTIONS, face: 2 })).toThrowError(
      expect.objectContaining({ code: 'NO_SUCH_FACE', message: 'There is no face 2 in clip.mp4: 1 found.' }),
    );
  });
});

describe('the longest shot', () => {
  it('is the one with most usable frames', () => {
    expect(longestShot(track('..........|tttttttttttttttt|............'))).toEqual({ start: 27, end: 40 });
  });

  it('does not begin or end with an empty picture, but keeps what is in between', () => {
    expect(longestShot(track('---......------.......----'))).toEqual({ start: 3, end: 22 });
  });

  it('is empty where no frame can be used', () => {
    expect(longestShot(track('ttttttttttt'))).toEqual({ start: 0, end: 0 });
  });
});

describe('a packed frame', () => {
  it('comes back the very same', () => {
    const look = Uint8Array.from({ length: LOOK_BYTES }, (_, i) => i % 251);
    const frame: FollowedFrame = {
      ...frameOf('t', 3),
      thumbnail: Uint8Array.from({ length: THUMBNAIL_BYTES }, (_, i) => i % 253),
      look,
      isCut: true,
      score: Math.fround(0.731),
      others: [{ x: Math.fround(10.3), y: 20, height: 99, look }],
    };
    for (const one of [frame, { ...frame, others: [] }, { ...frameOf('-', 0), others: undefined }])
      expect(unpackFollowed(packFollowed(one))).toEqual({
        others: undefined,
        look: undefined,
        points: undefined,
        ...one,
      });
  });

  it('is nothing where the bytes are of something else', () => {
    const bytes = packFollowed(frameOf('.', 0));
    expect(unpackFollowed(bytes.subarray(1))).toBeUndefined();
    for (const at of [0, 2, 3]) {
      const broken = bytes.slice();
      broken[at] = 200;
      expect(unpackFollowed(broken)).toBeUndefined();
    }
  });
});

describe('a scene cut', () => {
  const side = 32;
  const paint = (colourAt: (x: number, y: number) => number) =>
    Uint8Array.from({ length: THUMBNAIL_BYTES }, (_, i) =>
      colourAt(Math.floor(i / 3) % side, Math.floor(i / 3 / side)),
    );
  const room = paint((x, y) => 60 + 90 * Math.sin(x / 4) ** 2 + 60 * Math.cos(y / 5) ** 2);

  it('is seen between two rooms', () => {
    expect(
      isSceneCut(
        room,
        paint((x, y) => (x + y > 30 ? 220 : 30)),
      ),
    ).toBe(true);
  });

  it('is not seen in a flash, in a pan by a cell, or when a third of the picture moves', () => {
    expect(
      isSceneCut(
        room,
        room.map((value) => Math.min(255, value + 40)),
      ),
    ).toBe(false);
    expect(
      isSceneCut(
        room,
        paint((x, y) => 60 + 90 * Math.sin((x + 1) / 4) ** 2 + 60 * Math.cos(y / 5) ** 2),
      ),
    ).toBe(false);
    expect(
      isSceneCut(
        room,
        room.map((value, i) => (Math.floor(i / 3) % side < 10 ? 255 - value : value)),
      ),
    ).toBe(false);
  });
});
