import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Rect } from '../../../src/api/media.ts';
import { faceBoxOf } from '../../../src/avatar/face-box.ts';
import { drawSheet } from '../../../src/avatar/report/draw-sheet.ts';
import { QualityMeter } from '../../../src/avatar/report/quality-meter.ts';
import { INK } from '../../../src/avatar/report/sheet-ink.ts';
import { drawSample, type Sample } from './drawn-samples.ts';

let sample: Sample;
let box: Rect;
beforeAll(async () => {
  sample = await drawSample();
  box = faceBoxOf(sample.points, sample.picture);
});

/** Frames 30 … 44 of 100 have their face covered. */
function meterClip(): QualityMeter {
  const meter = new QualityMeter();
  for (let index = 0; index < 100; index++)
    meter.add({ index, ...sample, fault: index >= 30 && index < 45 ? 'hidden' : undefined });
  return meter;
}

const passthrough = Array.from({ length: 15 }, (_, i) => 30 + i);

async function readSheet(webp: Buffer) {
  const { data, info } = await sharp(webp).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  /** How many pixels of a part have about a colour: WebP is not exact. */
  const count = (colour: string, { x, y, width, height }: Rect) => {
    const wanted = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
    let found = 0;
    for (let row = y; row < y + height; row++)
      for (let column = x; column < x + width; column++) {
        const at = (row * info.width + column) * 3;
        if (wanted.every((value, c) => Math.abs(value - data[at + c]!) < 24)) found++;
      }
    return found;
  };
  return { width: info.width, height: info.height, count };
}

describe('the contact sheet', () => {
  it('shows a clip: a WebP of 1600 px and at most 400 kB, covered frames red in the timeline and round their pictures', async () => {
    const meter = meterClip();
    const boxes = Array.from({ length: 100 }, () => box);
    const report = meter.finish({ boxes });
    const content = { title: 'Drawn', report, samples: meter.samples, boxes };
    const marked = await drawSheet({ ...content, passthrough, idle: { start: 50, count: 30 }, cuts: [90] });
    expect(marked.length).toBeLessThanOrEqual(400_000);
    expect((await sharp(marked).metadata()).format).toBe('webp');
    const sheet = await readSheet(marked);
    expect(sheet.width).toBe(1600);
    // The timeline is the only red above the pictures; 15 % of 1528 px, 22 px high.
    const head = { x: 0, y: 170, width: 1600, height: 150 };
    const red = sheet.count(INK.poor, head);
    expect(red / (0.15 * 1528 * 22)).toBeGreaterThan(0.85);
    expect(red / (0.15 * 1528 * 22)).toBeLessThan(1.15);
    expect(sheet.count(INK.rest, head)).toBeGreaterThan(0.3 * 1528 * 7 * 0.8);
    const tiles = { x: 0, y: 330, width: 1600, height: sheet.height - 330 };
    expect(sheet.count(INK.poor, tiles)).toBeGreaterThan(1500);
    const plain = await readSheet(await drawSheet({ ...content, passthrough: [] }));
    expect(plain.count(INK.poor, head)).toBe(0);
    expect(plain.count(INK.poor, tiles)).toBeLessThan(300);
  });

  it('tints what the mask covers', async () => {
    const meter = new QualityMeter();
    meter.add({ index: 0, ...sample });
    const content = { title: 'Drawn', report: meter.finish({ boxes: [box] }), samples: meter.samples, boxes: [box] };
    const mask = (value: number) => () => new Uint8Array(box.width * box.height).fill(value);
    const redness = async (value: number) => {
      const webp = await drawSheet({ ...content, passthrough: [], masks: mask(value) });
      const { channels } = await sharp(webp).stats();
      return channels[0]!.mean - channels[2]!.mean;
    };
    expect((await redness(255)) - (await redness(0))).toBeGreaterThan(1);
  });

  it('has a title of any length and in any script, and needs neither samples nor boxes', async () => {
    const report = new QualityMeter().finish({ boxes: [] });
    for (const title of ['', '<b>&"\u0000', '漢字', 'x'.repeat(500)]) {
      const webp = await drawSheet({ title, report, samples: [], boxes: [], passthrough: [] });
      expect((await sharp(webp).metadata()).width).toBe(1600);
    }
    const meter = meterClip();
    const webp = await drawSheet({ title: 'no boxes', report, samples: meter.samples, boxes: [], passthrough: [] });
    expect((await sharp(webp).metadata()).width).toBe(1600);
  });

  it('shows tall pictures in more columns', async () => {
    const meter = new QualityMeter();
    const picture = { width: 90, height: 160, pixels: new Uint8Array(90 * 160 * 3).fill(90) };
    for (let index = 0; index < 40; index++) meter.add({ index, picture, points: sample.points, score: 1 });
    const report = meter.finish({ boxes: [] });
    const webp = await drawSheet({ title: 'tall', report, samples: meter.samples, boxes: [], passthrough: [] });
    expect((await sharp(webp).metadata()).height).toBeLessThan(1500);
  });
});
