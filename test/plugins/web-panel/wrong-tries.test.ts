import { describe, expect, it } from 'vitest';
import { WrongTries } from '../../../src/plugins/web-panel/wrong-tries.ts';

describe('wrong tries', () => {
  it('shut the door at the limit and open it when the oldest has left the window', () => {
    let nowMs = 1_000;
    const tries = new WrongTries(3, 60_000, () => nowMs);
    tries.note();
    nowMs += 10_000;
    tries.note();
    expect(tries.waitSeconds).toBe(0);
    tries.note();
    expect(tries.waitSeconds).toBe(50);
    nowMs += 49_999;
    expect(tries.waitSeconds).toBe(1);
    nowMs += 1;
    expect(tries.waitSeconds).toBe(0);
  });

  it('do not lengthen the wait while the door is shut', () => {
    let nowMs = 0;
    const tries = new WrongTries(2, 60_000, () => nowMs);
    tries.note();
    tries.note();
    nowMs = 59_000;
    for (let flood = 0; flood < 1_000; flood++) tries.note();
    nowMs = 60_000;
    expect(tries.waitSeconds).toBe(0);
  });
});
