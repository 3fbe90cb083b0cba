import { describe, expect, it } from 'vitest';
import { MatteThread } from '../../../src/avatar/clip/matte-thread.ts';
import { renderPixels } from '../../../src/avatar/decode-photo.ts';
import { PersonMatte } from '../../../src/avatar/matte/person-matte.ts';
import { drawPhoto } from '../draw-photo.ts';

/** Enough on a machine that has other things to do. */
const SLOW_MS = 120_000;

describe('mattes from a thread of their own', () => {
  it(
    'are the same as without it, in order, whatever happens to the picture meanwhile',
    async () => {
      const pictures = await Promise.all(
        [60, 100].map(async (x) => renderPixels(await drawPhoto(640, 360, [{ x, y: 0, height: 360 }]))),
      );
      await using matter = await PersonMatte.open();
      const wanted: (Uint8Array | undefined)[] = [];
      for (const [i, picture] of pictures.entries())
        wanted.push((await matter.cut(picture, undefined, i === 0))?.slice());
      await using thread = MatteThread.open();
      const asked = pictures.map((picture, i) => {
        const own = { ...picture, pixels: picture.pixels.slice() };
        const answer = thread.cut(own, undefined, i === 0);
        own.pixels.fill(0);
        return answer;
      });
      expect(wanted[0]?.some((value) => value > 200)).toBe(true);
      expect(await Promise.all(asked)).toEqual(wanted);
    },
    SLOW_MS,
  );

  it(
    'end in the middle of their work without taking anything with them',
    async () => {
      const picture = await renderPixels(await drawPhoto(640, 360, [{ x: 60, y: 0, height: 360 }]));
      for (let i = 0; i < 3; i++) {
        const thread = MatteThread.open();
        const asked = [1, 2, 3, 4].map(() => thread.cut(picture, undefined, true));
        await asked[0];
        await thread[Symbol.asyncDispose]();
        await expect(asked[3]).rejects.toThrow('ended');
        await expect(thread.cut(picture, undefined, true)).rejects.toThrow('ended');
      }
    },
    SLOW_MS,
  );
});
