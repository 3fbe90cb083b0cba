/**
 * Makes the pictures of the README and docs/ from the program itself: `npm run build && npx tsx scripts/make-pictures.ts
 * [speech-strip] [avatars] [control-page] [faults] [in-step] [obs] [call] [panel] [plugins] [palette]`. From the third on they are photographs: of the page in
 * Chromium, of OBS on a display without a screen. They take whatever moment they find, and come out a little different.
 */
import { mkdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import sharp, { type OverlayOptions, type PngOptions, type Sharp } from 'sharp';
import { SAMPLES_PER_FRAME } from '../src/api/media.ts';
import { openPluginsWithoutShow } from '../src/app/builtin-plugins.ts';
import { bundledSpeechPath } from '../src/app/choose-links.ts';
import { engineHostEntry } from '../src/app/daemon.ts';
import { openLibrary } from '../src/app/open-library.ts';
import { silentLog } from '../src/base/log.ts';
import { findPaths } from '../src/base/paths.ts';
import { Scope } from '../src/base/scope.ts';
import { FaceHost } from '../src/live/face-host.ts';
import { FramePool } from '../src/live/frame-pool.ts';
import { Meter } from '../src/live/meter.ts';
import { Painter } from '../src/live/painter.ts';
import { makeFrame } from '../src/live/show.ts';
import { Tape } from '../src/live/tape.ts';
import { i420ToRgb24 } from '../src/media/color.ts';
import { DaemonProcess } from '../test/bench/daemon-process.ts';
import { RealBrowser } from '../test/fakes/browser.ts';
import { readWav } from '../test/fakes/read-wav.ts';
import {
  photographCall,
  photographFaults,
  photographInStep,
  photographObs,
  photographPalette,
  photographPanel,
  photographPlugins,
} from './photographs.ts';

interface ShownFrame {
  readonly rgb: Buffer;
  readonly width: number;
  readonly height: number;
  readonly openness: number;
  /** -1 rounded … 1 spread. */
  readonly mouthWidth: number;
  readonly closure: number;
}

/** "Hello! I am your MuseCam avatar." in the bundled speech, in frames. */
const sentence = { from: 3, to: 63 } as const;
/** What a picture of the strip shall show, one after another: so that the mouth is seen doing different things. */
const moments: readonly ((frame: ShownFrame) => number)[] = [
  (frame) => frame.openness,
  (frame) => frame.closure,
  (frame) => frame.openness + frame.mouthWidth,
  (frame) => frame.openness / 2 - frame.mouthWidth,
];
const pictureCount = 6;
/** Head and shoulders in a 1280x720 frame. */
const head = { left: 390, top: 60, width: 500, height: 500 } as const;
const tile = { size: 256, gap: 12, radius: 20 } as const;

const folder = fileURLToPath(new URL('../docs/pictures/', import.meta.url));
const makers: Readonly<Record<string, { readonly make: () => Promise<Sharp>; readonly png: PngOptions }>> = {
  // Skin, hair and two plain walls: 256 colours do, and whole rooms need all of them.
  'speech-strip': { make: drawSpeechStrip, png: { palette: true, effort: 10, dither: 0.6 } },
  avatars: { make: drawAvatars, png: { compressionLevel: 9, adaptiveFiltering: true } },
  'control-page': { make: photographControlPage, png: { compressionLevel: 9, adaptiveFiltering: true } },
  faults: { make: photographFaults, png: { palette: true, effort: 10 } },
  'in-step': { make: photographInStep, png: { palette: true, effort: 10 } },
  call: { make: photographCall, png: { compressionLevel: 9, adaptiveFiltering: true } },
  panel: { make: photographPanel, png: { palette: true, effort: 10 } },
  plugins: { make: photographPlugins, png: { palette: true, effort: 10 } },
  palette: { make: photographPalette, png: { palette: true, effort: 10 } },
  obs: { make: photographObs, png: { compressionLevel: 9, adaptiveFiltering: true } },
};

mkdirSync(folder, { recursive: true });
for (const name of process.argv.length > 2 ? process.argv.slice(2) : Object.keys(makers)) {
  const maker = makers[name];
  if (!maker) throw new Error(`there is no picture "${name}"; there are ${Object.keys(makers).join(', ')}`);
  const path = `${folder}${name}.png`;
  await (await maker.make()).png(maker.png).toFile(path);
  console.log(`${path}: ${(statSync(path).size / 1000).toFixed(0)} kB`);
}

/** Both avatars saying the same sentence, six pictures each. */
async function drawSpeechStrip(): Promise<Sharp> {
  const rows: Buffer[][] = [];
  for (const id of ['mira', 'jonas']) {
    const frames = await speak(id, sentence.to);
    const chosen = chooseMoments(frames.slice(sentence.from));
    rows.push(await Promise.all(chosen.map((frame) => cutTile(frame, head, tile.size, tile.size))));
  }
  return composeRows(rows, tile.size, tile.size);
}

/** Both avatars, whole pictures, side by side, as they look in a meeting. */
async function drawAvatars(): Promise<Sharp> {
  const size = { width: 600, height: 338 };
  const pictures: Buffer[] = [];
  for (const id of ['mira', 'jonas']) {
    const frames = await speak(id, 60);
    const best = frames.reduce((a, b) => (scoreSmile(b) > scoreSmile(a) ? b : a));
    pictures.push(await cutTile(best, { left: 0, top: 0, width: 1280, height: 720 }, size.width, size.height));
  }
  return composeRows([pictures], size.width, size.height);
}

/** A mouth a little open and spread looks like one that smiles while it speaks. */
function scoreSmile({ openness, mouthWidth }: ShownFrame): number {
  return mouthWidth - Math.abs(openness - 0.4);
}

/** The frames an avatar shows while it says the beginning of the bundled speech: the journey of a frame, off line. */
async function speak(avatarId: string, frameCount: number): Promise<ShownFrame[]> {
  await using scope = new Scope();
  const { signal } = new AbortController();
  const plugins = scope.use(openPluginsWithoutShow(silentLog, {}));
  const { id: engineId, title: engineTitle } = plugins.findScheme('faceEngines', 'puppet');
  const avatar = scope.use(await openLibrary(findPaths()).load(avatarId));
  const face = scope.use(
    new FaceHost({
      ...{ entry: engineHostEntry, engineId, engineTitle, settings: {}, log: silentLog },
      ...{ isLive: false, hungAfterMs: 30_000, openDeadlineMs: 60_000 },
    }),
  );
  await face.ready;
  await face.load(avatar.ref);
  const { width, height } = avatar.manifest;
  const tape = new Tape();
  tape.write(readWav(bundledSpeechPath).subarray(0, (frameCount + 5) * SAMPLES_PER_FRAME), 0);
  tape.finish();
  const painter = new Painter(new FramePool({ width, height }));
  const shown = {
    id: avatarId,
    width,
    height,
    isStill: avatar.poseCount === 1,
    pose: (frame: number) => avatar.pose(frame),
  };
  const stage = { avatar: shown, isResting: false, tape, face, painter, lanes: [], meter: new Meter() };
  const frames: ShownFrame[] = [];
  for (let frame = 0; frame < frameCount; frame++) {
    using made = await makeFrame(stage, frame, signal);
    const { heard } = made.facts;
    if (!heard) throw new Error('the face engine is away');
    const rgb = Buffer.alloc(width * height * 3);
    i420ToRgb24(made.picture.data, { width, height }, rgb);
    const { openness, width: mouthWidth, closure } = heard;
    frames.push({ rgb, width, height, openness, mouthWidth, closure });
  }
  return frames;
}

/** Cuts time into equal parts and takes from each the frame that shows its moment best. */
function chooseMoments(frames: readonly ShownFrame[]): ShownFrame[] {
  return Array.from({ length: pictureCount }, (_, part) => {
    const from = Math.round((part * frames.length) / pictureCount);
    const some = frames.slice(from, Math.round(((part + 1) * frames.length) / pictureCount));
    const score = moments[part % moments.length]!;
    return some.reduce((best, frame) => (score(frame) > score(best) ? frame : best));
  });
}

/** A part of a frame with round corners. */
async function cutTile(
  { rgb, width, height }: ShownFrame,
  part: { readonly left: number; readonly top: number; readonly width: number; readonly height: number },
  widthPx: number,
  heightPx: number,
): Promise<Buffer> {
  const corners = `<svg><rect width="${widthPx}" height="${heightPx}" rx="${tile.radius}"/></svg>`;
  return sharp(rgb, { raw: { width, height, channels: 3 } })
    .extract(part)
    .resize(widthPx, heightPx, { kernel: 'lanczos3' })
    .ensureAlpha()
    .composite([{ input: Buffer.from(corners), blend: 'dest-in' }])
    .png()
    .toBuffer();
}

/** Tiles of one size in rows, on nothing. */
async function composeRows(rows: readonly Buffer[][], widthPx: number, heightPx: number): Promise<Sharp> {
  const columns = Math.max(...rows.map((row) => row.length));
  const overlays: OverlayOptions[] = rows.flatMap((row, y) =>
    row.map((input, x) => ({ input, left: x * (widthPx + tile.gap), top: y * (heightPx + tile.gap) })),
  );
  const canvas = sharp({
    create: {
      width: columns * (widthPx + tile.gap) - tile.gap,
      height: rows.length * (heightPx + tile.gap) - tile.gap,
      channels: 4,
      background: { r: 0, g: 0, b: 0, alpha: 0 },
    },
  });
  return sharp(await canvas.composite(overlays).png().toBuffer());
}

/** The control page of a real daemon that plays the bundled speech, in Chromium, dark, in the middle of a word. */
async function photographControlPage(): Promise<Sharp> {
  await using daemon = await DaemonProcess.open([]);
  await using browser = await RealBrowser.open();
  const page = await browser.openPage({ viewport: { width: 1280, height: 884 }, colorScheme: 'dark' });
  await page.goto(daemon.url);
  await page.waitForTimeout(25_000); // the figures tell of ten seconds, and those of the start are over
  let best = { picture: await photographSpeaking(page), contrast: 0 };
  for (let shot = 0; shot < 6; shot++) {
    const picture = await photographSpeaking(page);
    const contrast = await readEyeContrast(page, picture);
    if (contrast > best.contrast) best = { picture, contrast };
    await page.waitForTimeout(400);
  }
  return sharp(best.picture);
}

/** Contrast where Mira's eyes are: low in a blink. */
async function readEyeContrast(page: Page, picture: Buffer): Promise<number> {
  const stage = (await page.locator('#preview').boundingBox())!;
  const part = {
    left: Math.round(stage.x + stage.width * 0.42),
    top: Math.round(stage.y + stage.height * 0.37),
    width: Math.round(stage.width * 0.16),
    height: Math.round(stage.height * 0.06),
  };
  const eyes = await sharp(picture).extract(part).greyscale().toBuffer();
  return (await sharp(eyes).stats()).channels[0]?.stdev ?? 0;
}

/** Takes photographs until one was taken while the mouth was open; the tag and the meters then show it too. */
async function photographSpeaking(page: Page): Promise<Buffer> {
  for (let attempt = 0; attempt < 60; attempt++) {
    const before = await readMouth(page);
    const picture = await page.screenshot();
    if (before > 0.35 && (await readMouth(page)) > 0.2) return picture;
    await page.waitForTimeout(80);
  }
  throw new Error('the avatar on the page did not speak');
}

/** How far the mouth meter is up, 0 … 1. */
async function readMouth(page: Page): Promise<number> {
  return (await page.locator('#mouth').evaluate((meter) => (meter as unknown as { value: number }).value)) / 100;
}
