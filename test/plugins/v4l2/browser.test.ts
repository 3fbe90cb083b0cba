import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { needBrowser } from '../../fakes/browser.ts';
import { HOOK_LIMIT_MS, type ResultOf, runGuest } from './run-guest.ts';

interface Seen {
  readonly cameras: readonly string[];
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  /** Green of 64x48 pixels, 0 … 255. */
  readonly first: readonly number[];
  readonly last: readonly number[];
  readonly code: number | null;
}

/** Chromium in an emulated machine: two and a half minutes on a quiet one. */
const LIMIT_S = 600;

let resultOf: ResultOf;

/** An avatar as it is prepared, 64x48, green, with the bars that a 4:3 picture has above and below it. */
async function expectedPicture(avatarId: string): Promise<number[]> {
  const portrait = fileURLToPath(new URL(`../../../avatars/${avatarId}/preview.png`, import.meta.url));
  const bars = { fit: 'contain', background: '#000' } as const;
  const { data, info } = await sharp(portrait).resize(64, 48, bars).raw().toBuffer({ resolveWithObject: true });
  return Array.from({ length: 64 * 48 }, (_, n) => data[n * info.channels + 1]!);
}

/** How alike two pictures are, -1 … 1. */
function likeness(a: readonly number[], b: readonly number[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [ma, mb] = [mean(a), mean(b)];
  let [both, one, other] = [0, 0, 0];
  for (const [n, value] of a.entries()) {
    both += (value - ma) * (b[n]! - mb);
    one += (value - ma) ** 2;
    other += (b[n]! - mb) ** 2;
  }
  return both / Math.sqrt(one * other);
}

describe('the whole program, as a camera in a real browser', () => {
  beforeAll(
    async () => {
      const modopts = 'devices=1 video_nr=10 exclusive_caps=1 card_label=MuseCam';
      resultOf = await runGuest('guest-browser.ts', { modopts, memoryMib: 3000, limitSeconds: LIMIT_S });
    },
    HOOK_LIMIT_MS + LIMIT_S * 1000,
  );

  it('is the camera MuseCam; a page that asks for it sees the avatar, and the next one when it is swapped', async (context) => {
    needBrowser(context);
    const seen = resultOf<Seen>(context, 'browser');
    expect(seen.cameras).toEqual(['MuseCam']);
    expect({ width: seen.width, height: seen.height }).toEqual({ width: 640, height: 480 });
    expect(seen.frames).toBeGreaterThan(5);
    const [mira, jonas] = [await expectedPicture('mira'), await expectedPicture('jonas')];
    expect(likeness(seen.first, mira)).toBeGreaterThan(0.95);
    expect(likeness(seen.last, jonas)).toBeGreaterThan(0.95);
    expect(likeness(mira, jonas)).toBeLessThan(0.9);
    expect(seen.code).toBe(0);
  });
});
