import { describe, expect, it } from 'vitest';
import type { Heard } from '../../../src/api/media.ts';
import { FaceControls, MOUTH_WEIGHTS } from '../../../src/plugins/puppet/face-controls.ts';
import { type MouthShape, VISEMES } from '../../../src/plugins/puppet/mouth-net.ts';

type Said = Partial<Omit<MouthShape, 'visemes' | 'timeSeconds'>> & { viseme?: (typeof VISEMES)[number] };

/** Feeds one shape each 10 ms, as the network does, and asks for a frame as soon as its centre has been described. */
function play(frames: number, said: (seconds: number) => Said): Heard[] {
  const controls = new FaceControls();
  let hop = 0;
  return Array.from({ length: frames }, (_, frame) => {
    for (; hop * 0.01 + 0.0125 <= frame * 0.04 + 0.0226; hop++) {
      const timeSeconds = hop * 0.01 + 0.0125;
      const { viseme = 'sil', ...rest } = said(timeSeconds);
      const visemes = Float32Array.from(VISEMES, (name) => (name === viseme ? 1 : 0));
      controls.add({ timeSeconds, openness: 0, width: 0, closure: 0, speech: 0, ...rest, visemes }, 0);
    }
    return controls.frame(frame);
  });
}

const vowel: Said = { openness: 0.8, speech: 0.95, viseme: 'aa' };
const weight = (heard: Heard, name: (typeof MOUTH_WEIGHTS)[number]) => heard.data[MOUTH_WEIGHTS.indexOf(name)]!;

describe('mouth shapes becoming controls', () => {
  it('is exactly 0 everywhere in silence, also with noise the network half believes in', () => {
    for (const heard of play(50, (seconds) => ({
      openness: 0.3,
      width: 0.2,
      speech: 0.2 + 0.2 * Math.sin(seconds * 30),
      viseme: 'E',
    }))) {
      expect(heard).toMatchObject({ speaking: false, openness: 0, width: 0, closure: 0 });
      expect(heard.data).toEqual(new Float32Array(MOUTH_WEIGHTS.length));
    }
  });

  it('fades in within two frames, beginning with the frame in which speech begins', () => {
    // Speech begins in the middle of frame 10.
    const heard = play(14, (seconds) => (seconds >= 0.41 ? vowel : {}));
    expect(heard[9]!.openness).toBe(0);
    expect(heard[10]!.openness).toBeGreaterThan(0);
    expect(heard[11]!.openness).toBeGreaterThan(0.75);
    expect(heard[12]!.openness).toBeCloseTo(0.8, 5);
  });

  it('fades out over four to five frames and then is exactly 0', () => {
    const heard = play(30, (seconds) => (seconds < 0.4 ? vowel : {}));
    const last = heard.findLastIndex((one) => one.speaking);
    const after = heard.slice(last + 1);
    const open = after.filter((one) => one.openness > 0).length;
    expect(open).toBeGreaterThanOrEqual(3);
    expect(open).toBeLessThanOrEqual(5);
    after.slice(0, open).forEach((one, index) => {
      expect(one.openness).toBeLessThan(index === 0 ? heard[last]!.openness : after[index - 1]!.openness);
    });
    expect(after[open]!.data).toEqual(new Float32Array(MOUTH_WEIGHTS.length));
  });

  it('does not flutter: a dip in the middle of speech keeps the gate open', () => {
    const heard = play(40, (seconds) => ({
      ...vowel,
      speech: seconds > 0.2 && Math.floor(seconds * 50) % 2 ? 0.35 : 0.6,
    }));
    expect(heard.slice(8).every((one) => one.speaking)).toBe(true);
  });

  it('closes the lips for a closure of 60 ms between vowels, and opens them again', () => {
    const heard = play(30, (seconds) =>
      seconds >= 0.5 && seconds < 0.56 ? { speech: 1, closure: 0.9, viseme: 'PP' } : vowel,
    );
    const closed = heard.filter((one) => one.frame > 5 && one.openness < 0.02);
    expect(closed.length).toBeGreaterThanOrEqual(1);
    expect(closed.length).toBeLessThanOrEqual(3);
    expect(Math.max(...closed.map((one) => one.closure))).toBeGreaterThan(0.9);
    expect(heard[17]!.openness).toBeGreaterThan(0.7);
    expect(heard[17]!.closure).toBeLessThan(0.05);
  });

  it('rounds for "oo", spreads for "ee", shuts the teeth for "s", shows the tongue for "th"', () => {
    const held = (viseme: (typeof VISEMES)[number], width: number) =>
      play(20, () => ({ openness: 0.3, speech: 1, viseme, width })).at(-1)!;
    expect(weight(held('U', -0.9), 'round')).toBeGreaterThan(0.8);
    expect(weight(held('U', -0.9), 'wide')).toBeLessThan(0.02);
    expect(weight(held('I', 0.9), 'wide')).toBeGreaterThan(0.7);
    expect(weight(held('SS', 0.3), 'teethShut')).toBeGreaterThan(0.9);
    expect(weight(held('TH', 0), 'tongue')).toBeGreaterThan(0.9);
    expect(weight(held('FF', 0), 'tuck')).toBeGreaterThan(0.9);
  });

  it('lets lips run into each other: from "oo" to "ee" in more than one frame', () => {
    const heard = play(30, (seconds) => ({
      openness: 0.3,
      speech: 1,
      ...(seconds < 0.5 ? { viseme: 'U', width: -1 } : { viseme: 'I', width: 1 }),
    }));
    const wide = heard.slice(11, 17).map((one) => weight(one, 'wide'));
    const between = wide.filter((value) => value > 0.05 && value < 0.8);
    expect(between.length).toBeGreaterThanOrEqual(1);
    expect(wide.at(-1)).toBeGreaterThan(0.8);
  });

  it('tells how wide and how open as the contract wants it', () => {
    for (const one of play(60, (seconds) => ({
      openness: 1.2,
      width: Math.sin(seconds * 9) * 1.3,
      closure: 0.1,
      speech: 1,
      viseme: 'E',
    }))) {
      expect(one.openness).toBeGreaterThanOrEqual(0);
      expect(one.openness).toBeLessThanOrEqual(1);
      expect(Math.abs(one.width)).toBeLessThanOrEqual(1);
    }
  });
});
