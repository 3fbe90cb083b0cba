import { setTimeout as sleep } from 'node:timers/promises';
import { silentLog } from '../../src/base/log.ts';
import { ageOf, readTimeCode, TIME_CODE_MIDDLE } from '../../src/media/time-code.ts';
import { StreamOutput } from '../../src/plugins/obs/stream-output.ts';
import { findChromium, RealBrowser } from '../fakes/browser.ts';
import { CodedFrames } from '../plugins/obs/coded-frames.ts';
import { type Fact, percentile } from './harness.ts';

const SIZES = [
  { width: 640, height: 360 },
  { width: 1280, height: 720 },
] as const;
const SETTLE_MS = 1_500;
const WATCH_MS = 5_000;

/** Notes each picture that the page draws: when, and the row with its code. Runs in the page, before its own scripts. */
function watchDrawing(middle: number): string {
  return `
    window.drawn = [];
    const note = (row) => window.drawn.push({ atMs: performance.timeOrigin + performance.now(), row });
    const put = CanvasRenderingContext2D.prototype.putImageData;
    CanvasRenderingContext2D.prototype.putImageData = function (image, ...args) {
      put.call(this, image, ...args);
      const from = Math.floor(image.height * ${middle}) * image.width * 4;
      note(Array.from({ length: image.width }, (_, x) => image.data[from + x * 4]));
    };`;
}

/** From the moment a picture is painted until the transparent page has drawn it, in a browser without a GPU. */
export async function facts(): Promise<Fact[]> {
  if (!findChromium()) {
    console.error('obs-page: left out, there is no Chromium');
    return [];
  }
  await using browser = await RealBrowser.open();
  const found: Fact[] = [];
  for (const size of SIZES) found.push(...(await measure(browser, size)));
  return found;
}

async function measure(browser: RealBrowser, size: (typeof SIZES)[number]): Promise<Fact[]> {
  const options = { ...size, framesPerSecond: 25, target: undefined, log: silentLog, onHealth() {} };
  await using stream = await StreamOutput.open(options);
  await using _frames = new CodedFrames(stream, size, { hasAlpha: true });
  const page = await browser.openPage({ viewport: size });
  await page.addInitScript(watchDrawing(TIME_CODE_MIDDLE));
  await page.goto(stream.page.address);
  await sleep(SETTLE_MS);
  await page.evaluate('window.drawn = []');
  await sleep(WATCH_MS);
  const drawn = await page.evaluate<{ atMs: number; row: number[] }[]>('window.drawn');
  await page.context().close();
  const ages = drawn.flatMap(({ atMs, row }) => {
    const code = readTimeCode(Uint8Array.from(row));
    return code === undefined ? [] : [ageOf(code, atMs - performance.timeOrigin)];
  });
  if (ages.length === 0) return [];
  const how = `${size.width}x${size.height}`;
  const group = 'OBS: painted to drawn by the transparent page (software rendering)';
  return [
    { group, name: `${how}, p50`, value: percentile(ages, 0.5), unit: 'ms' },
    { group, name: `${how}, p95`, value: percentile(ages, 0.95), unit: 'ms' },
    { group, name: `${how}, pictures in ${WATCH_MS / 1000} s`, value: drawn.length, unit: 'frames' },
  ];
}
