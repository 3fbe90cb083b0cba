import { expect, it } from 'vitest';
import { SoundTrack } from '../../../src/plugins/recorder/sound-track.ts';

function readFrom(track: SoundTrack, start: number, length: number): number[] {
  const out = new Float32Array(length).fill(9);
  track.read(start, out);
  return [...out];
}

it('gives back what was put in, across the end of its ring', () => {
  const track = new SoundTrack(8);
  for (let start = 100; start < 130; start += 3) {
    track.put(Float32Array.from([start, start + 1, start + 2]), start);
    expect(readFrom(track, start - 2, 5)).toEqual(
      start === 100 ? [0, 0, 100, 101, 102] : [-2, -1, 0, 1, 2].map((d) => start + d),
    );
  }
  expect(track.end).toBe(130);
});

it('reads silence before the first sound, after the last, and in a gap', () => {
  const track = new SoundTrack(16);
  track.put(Float32Array.of(1, 2), 10);
  track.put(Float32Array.of(3), 14);
  expect(readFrom(track, 8, 9)).toEqual([0, 0, 1, 2, 0, 0, 3, 0, 0]);
});

it('forgets what is older than its capacity, also after a gap longer than that', () => {
  const track = new SoundTrack(4);
  track.put(Float32Array.of(1, 2, 3, 4), 0);
  track.put(Float32Array.of(5, 6), 4);
  expect(readFrom(track, 0, 6)).toEqual([0, 0, 3, 4, 5, 6]);
  track.put(Float32Array.of(7), 1000);
  expect(readFrom(track, 997, 4)).toEqual([0, 0, 0, 7]);
});

it('keeps the end of a piece longer than itself', () => {
  const track = new SoundTrack(3);
  track.put(Float32Array.of(1, 2, 3, 4, 5), 0);
  expect(readFrom(track, 0, 5)).toEqual([0, 0, 3, 4, 5]);
});

it('leaves sound that comes twice as it came first', () => {
  const track = new SoundTrack(8);
  track.put(Float32Array.of(1, 2, 3), 0);
  track.put(Float32Array.of(9, 9, 9, 4), 0);
  expect(readFrom(track, 0, 4)).toEqual([1, 2, 3, 4]);
});
