import { describe, expect, it } from 'vitest';
import { CrossFade } from '../../src/live/cross-fade.ts';
import { FramePool, type PooledFrame } from '../../src/live/frame-pool.ts';

const SIZE = { width: 64, height: 32 };

function greyFrame(pool: FramePool, grey: number, alpha?: number): PooledFrame {
  const frame = pool.take();
  frame.data.fill(grey);
  if (alpha !== undefined) frame.needAlpha().fill(alpha);
  return frame;
}

/** Shows one picture after another as the show does; says what was seen. */
function play(fade: CrossFade, pool: FramePool, shown: PooledFrame, next: PooledFrame[]): PooledFrame {
  let onAir = shown;
  for (const frame of next) {
    fade.mix(frame);
    onAir[Symbol.dispose]();
    onAir = frame;
  }
  expect(pool.held).toBe(fade.isFading ? 2 : 1);
  return onAir;
}

describe('a cross-fade', () => {
  it('goes from the old picture to the new ones in even steps, the first one at once', () => {
    const pool = new FramePool(SIZE);
    const fade = new CrossFade(5);
    const old = greyFrame(pool, 60);
    fade.begin(old);
    const seen: number[] = [];
    let onAir = old;
    for (let n = 0; n < 7; n++) {
      onAir = play(fade, pool, onAir, [greyFrame(pool, 120)]);
      seen.push(onAir.data[5]!);
    }
    expect(seen).toEqual([70, 80, 90, 100, 110, 120, 120]);
    onAir[Symbol.dispose]();
    expect(pool.held).toBe(0);
  });

  it('of no frames is a cut', () => {
    const pool = new FramePool(SIZE);
    const fade = new CrossFade(0);
    using old = greyFrame(pool, 60);
    fade.begin(old);
    using next = greyFrame(pool, 120);
    fade.mix(next);
    expect(next.data[0]).toBe(120);
    expect(fade.isFading).toBe(false);
  });

  it('begun in the middle of another one starts from what is seen', () => {
    const pool = new FramePool(SIZE);
    const fade = new CrossFade(1);
    const old = greyFrame(pool, 0);
    fade.begin(old);
    const second = greyFrame(pool, 100);
    play(fade, pool, old, [second]);
    expect(second.data[0]).toBe(50);
    fade.begin(second);
    const third = greyFrame(pool, 150);
    play(fade, pool, second, [third])[Symbol.dispose]();
    expect(third.data[0]).toBe(100);
    expect(pool.held).toBe(0);
  });

  it('fades the matte, too; a picture without one is opaque', () => {
    const pool = new FramePool(SIZE);
    const fade = new CrossFade(1);
    for (const [before, after, between] of [
      [0, undefined, 128],
      [undefined, 0, 128],
      [100, 200, 150],
    ] as const) {
      const old = greyFrame(pool, 60, before);
      fade.begin(old);
      old[Symbol.dispose]();
      using next = greyFrame(pool, 120, after);
      fade.mix(next);
      expect(Math.abs(next.alpha![0]! - between)).toBeLessThanOrEqual(1);
    }
    expect(pool.held).toBe(0);
  });
});
