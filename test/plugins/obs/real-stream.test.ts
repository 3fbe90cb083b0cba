import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { OBSWebSocket } from 'obs-websocket-js/json';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readTimeCode, TIME_CODE_CELLS, TIME_CODE_MIDDLE } from '../../../src/media/time-code.ts';
import { streamSettings } from '../../../src/plugins/obs/picture-source.ts';
import { need } from '../../fakes/need.ts';
import { findOnsets, offsetsOf } from './beeps-and-flashes.ts';
import { CodedFrames } from './coded-frames.ts';
import { pointInObs } from './look-at-obs.ts';
import { CANVAS, hasRealObs, RealObs } from './real-obs.ts';
import { SpeakingShow } from './speaking-show.ts';
import { Beat, makePicture, openStream, RED } from './stream-stand.ts';

const SOURCE = 'Avatar';
const GROUND = 'Ground';
/** Blue, as OBS writes colours: alpha, blue, green, red. */
const BLUE = 0xff_ff_00_00;
const run = promisify(execFile);

/** Left third transparent, a seam of half-transparent pixels, the rest opaque. */
const matte = (x: number) => (x < 200 ? 0 : x < 320 ? 128 : 255);

let obs: RealObs | undefined;
beforeAll(async () => {
  if (!hasRealObs) return;
  obs = await RealObs.open();
  await using hand = await obs.hand();
  const inputSettings = { color: BLUE, ...CANVAS };
  await hand.call('CreateInput', {
    sceneName: 'Scene',
    inputName: GROUND,
    inputKind: 'color_source_v3',
    inputSettings,
  });
});
afterAll(() => obs?.[Symbol.asyncDispose]());

/** Lets OBS read that address, above the coloured ground. One source for all tests: OBS 29 does not like it otherwise. */
async function read(hand: OBSWebSocket, address: string): Promise<void> {
  const inputSettings = { ...streamSettings(address) };
  const { inputs } = await hand.call('GetInputList');
  if (inputs.some(({ inputName }) => inputName === SOURCE))
    await hand.call('SetInputSettings', { inputName: SOURCE, inputSettings });
  else {
    const made = { sceneName: 'Scene', inputName: SOURCE, inputKind: 'ffmpeg_source', inputSettings };
    await hand.call('CreateInput', made);
  }
}

/** Records for some seconds. @returns the finished file. */
async function record(hand: OBSWebSocket, folder: string, seconds: number): Promise<string> {
  const parameter = { parameterCategory: 'SimpleOutput', parameterName: 'FilePath', parameterValue: folder };
  await hand.call('SetProfileParameter', parameter);
  await hand.call('StartRecord');
  await sleep(seconds * 1_000);
  const stopped = new Promise<string>((resolve) => {
    hand.on('RecordStateChanged', ({ outputState, outputPath }) => {
      if (outputState === 'OBS_WEBSOCKET_OUTPUT_STOPPED') resolve(outputPath);
    });
  });
  await hand.call('StopRecord');
  return stopped;
}

describe('the stream in a real OBS', () => {
  for (const format of ['rgba', 'auto'] as const) {
    it(`shows what is behind a transparent avatar in its scene (${format})`, async (context) => {
      need(context, obs !== undefined, 'obs and Xvfb');
      await using hand = await obs!.hand();
      await using stream = await openStream(CANVAS, { format });
      await using _beat = new Beat(stream, () => makePicture(CANVAS, RED, matte));
      await read(hand, stream.address);
      const isRed = async () => (await pointInObs(hand, 'Scene', 500, 180))[0]! > 200;
      await expect.poll(isRed, { timeout: 15_000 }).toBe(true);
      const [away, seam, there] = await Promise.all([100, 260, 500].map((x) => pointInObs(hand, 'Scene', x, 180)));
      for (const [i, wanted] of [0, 0, 255].entries()) expect(Math.abs(away![i]! - wanted)).toBeLessThan(6);
      for (const [i, wanted] of [255, 0, 0].entries()) expect(Math.abs(there![i]! - wanted)).toBeLessThan(12);
      // Half and half of the light: neither darker nor brighter than the two it is made of.
      for (const [i, wanted] of [188, 0, 188].entries()) expect(Math.abs(seam![i]! - wanted)).toBeLessThan(12);
    });
  }

  it('on "auto" changes over to alpha and back by itself when the background does', async (context) => {
    need(context, obs !== undefined, 'obs and Xvfb');
    await using hand = await obs!.hand();
    const mediaAction = 'OBS_WEBSOCKET_MEDIA_INPUT_ACTION_RESTART';
    // As the control does.
    const restart = () => void hand.call('TriggerMediaInputAction', { inputName: SOURCE, mediaAction });
    const onChangeover = () => void setTimeout(restart, 100);
    await using stream = await openStream(CANVAS, { onChangeover });
    let isTransparent = false;
    await using _beat = new Beat(stream, () => makePicture(CANVAS, RED, isTransparent ? matte : undefined));
    await read(hand, stream.address);
    const colour = async (x: number) => {
      const [red = 0, , blue = 0] = await pointInObs(hand, 'Scene', x, 180);
      return red > 200 ? 'red' : blue > 200 ? 'blue' : 'another';
    };
    const both = async () => [await colour(100), await colour(500)];
    await expect.poll(both, { timeout: 15_000 }).toEqual(['red', 'red']);
    for (const wanted of ['blue', 'red']) {
      isTransparent = wanted === 'blue';
      const startMs = performance.now();
      await expect.poll(both, { timeout: 15_000, interval: 30 }).toEqual([wanted, 'red']);
      process.stderr.write(`background changed: in OBS after ${(performance.now() - startMs).toFixed(0)} ms\n`);
    }
  });

  it('keeps every picture in its order in a recording', async (context) => {
    need(context, obs !== undefined, 'obs and Xvfb');
    await using hand = await obs!.hand();
    await using stream = await openStream(CANVAS);
    await using frames = new CodedFrames(stream, CANVAS, { code: 'count' });
    await read(hand, stream.address);
    await sleep(2_000);
    const before = frames.count;
    const file = await record(hand, obs!.home, 10);
    const sent = frames.count - before;
    const width = TIME_CODE_CELLS * 4;
    const filter = `format=gray,crop=iw:1:0:floor(ih*${TIME_CODE_MIDDLE.toFixed(5)}),scale=${width}:1:flags=area`;
    const args = ['-v', 'error', '-i', file, '-an', '-vf', filter, '-fps_mode', 'passthrough', '-f', 'rawvideo', '-'];
    const { stdout } = await run('ffmpeg', args, { encoding: 'buffer', maxBuffer: 1e8 });
    const codes = Array.from({ length: stdout.length / width }, (_, i) =>
      readTimeCode(stdout.subarray(i * width, (i + 1) * width)),
    );
    const readable = codes.filter((code) => code !== undefined);
    const distinct = new Set(readable);
    process.stderr.write(
      `recorded ${codes.length} frames, ${readable.length} with a code; ${distinct.size} of ${sent} pictures\n`,
    );
    for (const [i, code] of readable.entries()) expect(code).toBeGreaterThanOrEqual(readable[i - 1] ?? 0);
    expect(readable.length).toBeGreaterThan(0.95 * codes.length);
    expect(distinct.size).toBeGreaterThanOrEqual(180);
  }, 60_000);

  it('carries the voice in step with the picture into a recording, and into the mixer', async (context) => {
    need(context, obs !== undefined, 'obs and Xvfb');
    await using hand = await obs!.hand();
    await using stream = await openStream(CANVAS, { sound: true });
    await using _show = new SpeakingShow(stream, CANVAS);
    await read(hand, stream.address);
    await sleep(2_000);
    let loudest = 0;
    await hand.reidentify({ eventSubscriptions: 0xffff_ffff });
    hand.on('InputVolumeMeters', ({ inputs }) => {
      const meter = inputs.find(({ inputName }) => inputName === SOURCE) as { inputLevelsMul?: number[][] } | undefined;
      loudest = Math.max(loudest, ...(meter?.inputLevelsMul ?? []).map((levels) => levels[1] ?? 0));
    });
    const onsets = await findOnsets(await record(hand, obs!.home, 12));
    const offsets = offsetsOf(onsets);
    process.stderr.write(`in OBS's recording, beep after flash, ms: ${offsets.map((ms) => ms.toFixed(1)).join(' ')}\n`);
    // A sine of amplitude 0.5.
    expect(loudest).toBeGreaterThan(0.3);
    expect(offsets.length).toBeGreaterThanOrEqual(6);
    const middle = offsets.toSorted((a, b) => a - b)[Math.floor(offsets.length / 2)]!;
    // OBS puts pictures into a grid of 33 ms, and on a busy machine it moves them by some of those. How far is told above.
    expect(Math.abs(middle)).toBeLessThan(150);
  }, 60_000);
});
