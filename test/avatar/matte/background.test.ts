import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { frameByteLength } from '../../../src/api/media.ts';
import { openBackground, parseBackground } from '../../../src/avatar/matte/background.ts';
import { rgb24ToI420 } from '../../../src/media/color.ts';

const SIZE = { width: 320, height: 180 };
const PIXELS = SIZE.width * SIZE.height;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'musecam-background-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A body whose person (a box) and wall have these luma and chroma values. */
function makeBody(person: readonly [number, number, number], wall: readonly [number, number, number]): Uint8Array {
  const body = new Uint8Array(frameByteLength('i420', SIZE));
  for (let at = 0; at < PIXELS; at++)
    body[at] = isPerson(at % SIZE.width, Math.floor(at / SIZE.width)) ? person[0] : wall[0];
  for (let at = 0; at < PIXELS / 4; at++) {
    const isInside = isPerson((at % 160) * 2, Math.floor(at / 160) * 2);
    body[PIXELS + at] = isInside ? person[1] : wall[1];
    body[PIXELS * 1.25 + at] = isInside ? person[2] : wall[2];
  }
  return body;
}

function isPerson(x: number, y: number): boolean {
  return x >= 100 && x < 220 && y >= 60;
}

/** The box's matte; soft: its sides fade over 12 pixels. */
function makeAlpha(isSoft = false): Uint8Array {
  return Uint8Array.from({ length: PIXELS }, (_, at) => {
    const x = at % SIZE.width;
    const y = Math.floor(at / SIZE.width);
    if (!isSoft) return isPerson(x, y) ? 255 : 0;
    if (y < 60) return 0;
    const inside = Math.min(x - 94, 225 - x) / 12;
    return Math.round(255 * Math.min(1, Math.max(0, inside)));
  });
}

async function apply(text: string, body: Uint8Array, alpha: Uint8Array): Promise<Uint8Array> {
  const paint = await openBackground(text, SIZE);
  const painted = body.slice();
  paint!(painted, alpha);
  return painted;
}

function codeOf(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (thrown) {
    return (thrown as { code?: string }).code;
  }
}

describe('the words for a background', () => {
  it('are keep, blur, transparent, a colour, or a path', () => {
    expect(parseBackground(' blur ')).toEqual({ kind: 'blur' });
    expect(parseBackground('keep')).toEqual({ kind: 'keep' });
    expect(parseBackground('transparent')).toEqual({ kind: 'transparent' });
    expect(parseBackground('#3366Ff')).toEqual({ kind: 'colour', rgb: [0x33, 0x66, 0xff] });
    expect(parseBackground('/a/beach.jpg')).toEqual({ kind: 'picture', path: '/a/beach.jpg' });
    expect(parseBackground('~/beach.jpg')).toEqual({ kind: 'picture', path: join(homedir(), 'beach.jpg') });
  });

  it('are nothing else, and the error says what they are', () => {
    for (const text of ['', 'blurr', '#12345', '#gggggg', 'a\0b.png', 'red'])
      expect(codeOf(() => parseBackground(text))).toBe('BAD_BACKGROUND');
  });
});

describe('a background', () => {
  it('changes nothing when it is kept', async () => {
    expect(await openBackground('keep', SIZE)).toBeUndefined();
  });

  it('of one colour is exactly that colour, and the person stays exactly as it was', async () => {
    const body = makeBody([90, 110, 150], [200, 128, 128]);
    const painted = await apply('#00c83c', body, makeAlpha());
    const rgb = Uint8Array.from({ length: PIXELS * 3 }, (_, at) => [0x00, 0xc8, 0x3c][at % 3]!);
    const ground = new Uint8Array(body.length);
    rgb24ToI420(rgb, SIZE, ground);
    expect(painted).toEqual(makeBody([90, 110, 150], [ground[0]!, ground[PIXELS]!, ground[PIXELS * 1.25]!]));
  });

  it('loses no light fringe round the person: what the old wall gave to soft edges is taken out', async () => {
    const alpha = makeAlpha(true);
    // A dark person before a white wall, mixed by the matte as a camera does.
    const body = makeBody([40, 128, 128], [235, 128, 128]);
    for (let at = 0; at < PIXELS; at++) body[at] = Math.round(235 + (alpha[at]! / 255) * (40 - 235));
    const painted = await apply('#000000', body, alpha);
    // Black is 16 in luma: nothing may be brighter than the person.
    for (let at = 0; at < PIXELS; at++) {
      expect(painted[at]).toBeLessThanOrEqual(42);
      expect(painted[at]).toBeGreaterThanOrEqual(16);
    }
    // Where little of the person is in a pixel, its rounding to whole steps counts for more: half a step at a tenth is five.
    const cleaned = await apply('transparent', body, alpha);
    for (let at = 0; at < PIXELS; at++) {
      if (alpha[at]! > 10) expect(cleaned[at]).toBeLessThanOrEqual(52);
      if (alpha[at] === 0) expect(cleaned[at]).toBe(body[at]);
    }
  });

  it('takes a matte that a video codec has bent by a few steps as the hard one it was', async () => {
    const body = makeBody([90, 110, 150], [200, 128, 128]);
    const bent = makeAlpha().map((value) => (value === 255 ? 251 : 4));
    expect(await apply('#336699', body, bent)).toEqual(await apply('#336699', body, makeAlpha()));
  });

  it('that is blurred loses its detail, and the person does not bleed into it', async () => {
    const body = makeBody([16, 60, 200], [180, 128, 128]);
    // Stripes 8 pixels wide in the wall.
    for (let at = 0; at < PIXELS; at++) {
      const x = at % SIZE.width;
      if (!isPerson(x, Math.floor(at / SIZE.width))) body[at] = x % 16 < 8 ? 150 : 210;
    }
    const painted = await apply('blur', body, makeAlpha());
    for (let at = 0; at < PIXELS; at++) {
      const x = at % SIZE.width;
      const y = Math.floor(at / SIZE.width);
      if (isPerson(x, y)) expect(painted[at]).toBe(16);
      // The mean of the stripes, a little more or less where the picture ends; 16 would pull it down by far more.
      else expect(Math.abs(painted[at]! - 180)).toBeLessThan(14);
    }
    for (let at = 0; at < PIXELS / 4; at++)
      if (!isPerson((at % 160) * 2, Math.floor(at / 160) * 2))
        expect(Math.abs(painted[PIXELS + at]! - 128)).toBeLessThanOrEqual(1);
  });

  it('is the same for the same frame, whatever came before', async () => {
    const paint = (await openBackground('blur', SIZE))!;
    const body = makeBody([40, 100, 150], [180, 128, 128]);
    const first = body.slice();
    paint(first, makeAlpha(true));
    paint(makeBody([200, 10, 10], [20, 200, 60]), makeAlpha());
    const again = body.slice();
    paint(again, makeAlpha(true));
    expect(again).toEqual(first);
  });

  it('that is a picture covers the frame, sharp, its middle kept', async () => {
    // A square picture, left half black, right half white: cover keeps the middle 180 of 320 rows.
    const half = Buffer.alloc(64 * 64 * 3);
    for (let at = 0; at < 64 * 64; at++) half.fill(at % 64 < 32 ? 0 : 255, at * 3, at * 3 + 3);
    const path = join(folder, 'half.png');
    writeFileSync(
      path,
      await sharp(half, { raw: { width: 64, height: 64, channels: 3 } })
        .png()
        .toBuffer(),
    );
    const painted = await apply(path, makeBody([90, 110, 150], [200, 128, 128]), makeAlpha());
    expect(painted[10]).toBe(16);
    expect(painted[SIZE.width - 10]).toBe(235);
    expect(painted[100 * SIZE.width + 150]).toBe(90);
  });

  it('says why a picture cannot be used', async () => {
    writeFileSync(join(folder, 'text.png'), 'no picture');
    for (const path of [join(folder, 'none.png'), join(folder, 'text.png'), `${folder}/`]) {
      await expect(openBackground(path, SIZE)).rejects.toMatchObject({ code: 'BAD_BACKGROUND' });
    }
  });
});
