import { spawnSync } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as ort from 'onnxruntime-node';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EngineReport } from '../../../src/api/status.ts';
import { idOf } from '../../../src/app/cli/import-upstream.ts';
import { checkAvatar } from '../../../src/avatar/check-avatar.ts';
import { type LoadedAvatar, loadAvatar } from '../../../src/avatar/load-avatar.ts';
import { silentLog } from '../../../src/base/log.ts';
import { i420ToRgb24, rgb24ToI420 } from '../../../src/media/color.ts';
import { isImported, patchesAround, readImported } from '../../../src/plugins/musetalk/imported-files.ts';
import { ImportedResident } from '../../../src/plugins/musetalk/imported-resident.ts';
import { FRAME_LATENTS, latentsPathOf, readLatents } from '../../../src/plugins/musetalk/latents-file.ts';
import { musetalkFace } from '../../../src/plugins/musetalk/open-musetalk.ts';
import { pasteExact } from '../../../src/plugins/musetalk/paste-exact.ts';
import { readUpstream, readUpstreamInfo } from '../../../src/plugins/musetalk/read-upstream.ts';
import { disposeLatents, type PaintOptions } from '../../../src/plugins/musetalk/resident.ts';
import { makeHome, runCli } from '../../fakes/cli.ts';
import { hasProgram, need } from '../../fakes/need.ts';
import { drawnFaces } from './small-avatar.ts';
import { openReducedHome } from './stand.ts';

/** Enough on a machine that has other things to do. */
const SLOW_MS = 300_000;
const FRAMES = 26;
/** The pictures have 301x261: the last column and row are not shown. */
const SIZE = { width: 300, height: 260 };
const hasFfmpeg = hasProgram('ffmpeg');
const noSignal = new AbortController().signal;
const fixtures = fileURLToPath(new URL('upstream', import.meta.url));
const clip = fileURLToPath(new URL('../../clips/still-speech.mp4', import.meta.url));
const said = ['--depicts=invented', '--consent=drawn for the tests'];

const home = makeHome();
/** As MuseTalk leaves it, and the work place for broken copies of it. */
const folder = join(home.path, 'results/Avator_1');

beforeAll(async () => {
  if (hasFfmpeg) await drawUpstream();
}, SLOW_MS);
beforeEach((context) => need(context, hasFfmpeg, 'ffmpeg'));
afterAll(() => home[Symbol.dispose]());

/** Boxes and squares as scripts/musetalk/make-import-fixtures.py made them. */
function boxOf(frame: number) {
  const x = 84 + Math.round(3 * Math.sin(frame / 4));
  return {
    x,
    y: 71 + (frame % 3),
    width: 131 + (frame % 2),
    height: 249 + (Math.floor(frame / 5) % 3) - 71 - (frame % 3),
  };
}

function cropOf(frame: number) {
  const { x, y, width, height } = boxOf(frame);
  const half = Math.floor(Math.floor(Math.max(width, height) / 2) * 1.5);
  const [middleX, middleY] = [Math.floor((2 * x + width) / 2), Math.floor((2 * y + height) / 2)];
  return { x: middleX - half, y: middleY - half, side: half * 2 };
}

/** A soft mask over the lower half, wider than the box, of its own for each frame. */
function maskOf(frame: number): Uint8Array {
  const { side } = cropOf(frame);
  const mask = new Uint8Array(side * side);
  for (let y = side / 2 - 10; y < side - 30; y++)
    for (let x = 20; x < side - 20; x++) {
      const inner = Math.min(y - side / 2 + 10, side - 30 - y, x - 20, side - 20 - x);
      mask[y * side + x] = (x + y + frame) % 37 === 0 ? 0 : Math.min(255, inner * 9);
    }
  return mask;
}

async function drawUpstream(): Promise<void> {
  await mkdir(join(folder, 'full_imgs'), { recursive: true });
  await mkdir(join(folder, 'mask'));
  await cp(fixtures, folder, { recursive: true });
  const drawn = spawnSync('ffmpeg', [
    ...['-v', 'error', '-i', clip, '-vf', 'crop=301:261:170:10:exact=1', '-frames:v', String(FRAMES)],
    ...['-start_number', '0', join(folder, 'full_imgs/%08d.png')],
  ]);
  expect(String(drawn.stderr)).toBe('');
  for (let frame = 0; frame < FRAMES; frame++) {
    const { side } = cropOf(frame);
    const raw = { width: side, height: side, channels: 1 as const };
    await sharp(maskOf(frame), { raw }).toColourspace('b-w').png().toFile(pngAt('mask', frame));
    for (const kind of ['full_imgs', 'mask']) await cp(pngAt(kind, frame), pngAt(kind, FRAMES * 2 - 1 - frame));
  }
}

function pngAt(kind: string, frame: number, root = folder): string {
  return join(root, kind, `${String(frame).padStart(8, '0')}.png`);
}

/** The shown frames of an avatar, I420. */
async function bodyOf(avatar: LoadedAvatar, index: number): Promise<Uint8Array> {
  const body = new Uint8Array((SIZE.width * SIZE.height * 3) / 2);
  await avatar.pose(index).readBody(body);
  return body;
}

async function withPatch(avatar: LoadedAvatar, resident: ImportedResident, options: PaintOptions): Promise<Uint8Array> {
  const whole = await bodyOf(avatar, options.index);
  const { rect, data } = await resident.paint(options);
  let from = 0;
  const put = (planeAt: number, stride: number, shift: number) => {
    for (let row = 0; row < rect.height >> shift; row++, from += rect.width >> shift) {
      const to = planeAt + ((rect.y >> shift) + row) * stride + (rect.x >> shift);
      whole.set(data.subarray(from, from + (rect.width >> shift)), to);
    }
  };
  const pixels = SIZE.width * SIZE.height;
  put(0, SIZE.width, 0);
  put(pixels, SIZE.width / 2, 1);
  put((pixels * 5) / 4, SIZE.width / 2, 1);
  expect(from).toBe(data.length);
  return whole;
}

describe('importing what MuseTalk prepared', () => {
  it('reads boxes, masks and latents of the first half of mirrored lists', async () => {
    expect(await readUpstreamInfo(folder)).toMatchObject({ name: 'Avator_1', version: 'v15' });
    const avatar = await readUpstream(folder, noSignal);
    expect(avatar).toMatchObject({ frameCount: FRAMES, motion: 'ping-pong', size: SIZE });
    expect([...avatar.files.keys()]).toEqual(['musetalk/latents.f16', 'musetalk/boxes.json', 'musetalk/masks.bin.gz']);
    const boxes = JSON.parse(Buffer.from(avatar.files.get('musetalk/boxes.json')!).toString()) as number[][];
    expect(boxes).toEqual(
      Array.from({ length: FRAMES }, (_, frame) => {
        const { x, y, width, height } = boxOf(frame);
        return [x, y, width, height];
      }),
    );
  });

  it(
    'makes an avatar that passes every check, and that paints as MuseTalk does',
    async () => {
      const { code, stdout, stderr } = await runCli(['avatars', 'import', folder, ...said, '--json'], home.env);
      expect(stderr).not.toContain('✖');
      expect(code).toBe(0);
      const manifest = JSON.parse(stdout);
      expect(manifest).toMatchObject({
        id: 'avator-1',
        name: 'Avator_1',
        frameCount: FRAMES,
        motion: 'ping-pong',
        ...SIZE,
      });
      expect(manifest.passthrough).toEqual([]);
      expect(Object.keys(manifest.engines).sort()).toEqual(['musetalk', 'puppet']);
      const place = join(home.path, 'data/avatars/avator-1');
      expect(await checkAvatar(place, { deep: true })).toMatchObject({ ok: true, problems: [] });
      await using avatar = await loadAvatar(place, { cacheFolder: join(home.path, 'cache') });
      await checkShown(avatar);
      await checkPainted(avatar);
      await checkEngine(avatar);
    },
    SLOW_MS,
  );

  it.each([
    ['Avator_1', 'avator-1'],
    ['  Max Müller (2) ', 'max-m-ller-2'],
    [`${'x'.repeat(63)}_y`, 'x'.repeat(63)],
  ])('makes an id of %j', (name, id) => {
    expect(idOf(name)).toBe(id);
  });

  it('makes none of a name without any letters', () => {
    expect(() => idOf('___')).toThrow(expect.objectContaining({ code: 'BAD_AVATAR_ID' }));
  });
});

/** The frames are those of the folder, pixel by pixel, as far as the body's codec keeps them. */
async function checkShown(avatar: LoadedAvatar): Promise<void> {
  for (const index of [0, 11, FRAMES - 1]) {
    const body = new Uint8Array(SIZE.width * SIZE.height * 3);
    i420ToRgb24(await bodyOf(avatar, index), SIZE, body);
    const source = await sharp(await readFile(pngAt('full_imgs', index)))
      .extract({ left: 0, top: 0, ...SIZE })
      .removeAlpha()
      .raw()
      .toBuffer();
    const mean = source.reduce((sum, value, at) => sum + Math.abs(value - body[at]!), 0) / source.length;
    expect(mean).toBeLessThan(2);
  }
}

async function checkPainted(avatar: LoadedAvatar): Promise<void> {
  const { ref } = avatar;
  expect(isImported(ref)).toBe(true);
  const latents = await readLatents(latentsPathOf(ref), FRAMES);
  const { boxes, masks } = await readImported(ref);
  const patches = patchesAround(boxes, SIZE);
  expect(new Set(patches.map(({ width, height }) => `${width}x${height}`)).size).toBe(1);
  expect(masks).toHaveLength(FRAMES * patches[0]!.width * patches[0]!.height);
  const latentsTensor = (values: Float32Array) =>
    new ort.Tensor('float32', values, [values.length / FRAME_LATENTS, 8, 32, 32]);
  await using resident = await ImportedResident.open(ref, latents, { latentsTensor });
  const picked = await resident.latentsAt([7, 2]);
  // torch.arange(…) % 61 - 30, over 16, from the frame on.
  expect((picked.data as Float32Array).slice(0, 3)).toEqual(Float32Array.of(-23 / 16, -22 / 16, -21 / 16));
  expect((picked.data as Float32Array)[FRAME_LATENTS]).toBe(-28 / 16);
  disposeLatents(picked);
  const faces = drawnFaces(2);
  for (const [index, gain, mix] of [
    [0, 1, 0],
    [9, 1, 0],
    [FRAMES - 1, 0.5, 0],
    [13, 1, 0.25],
  ] as const) {
    const shot = { faces, at: 0 };
    const shown = await withPatch(avatar, resident, { index, shot, other: { faces, at: 1 }, mix, gain });
    const body = await bodyOf(avatar, index);
    const mask = maskOf(index).map((value) => Math.round(value * gain));
    const rgb = new Uint8Array(SIZE.width * SIZE.height * 3);
    i420ToRgb24(body, SIZE, rgb);
    const bytes = faces.bytes!;
    const length = bytes.length / 2;
    const face = bytes.slice(0, length).map((value, at) => Math.round(value + (bytes[length + at]! - value) * mix));
    pasteExact(rgb, SIZE, { face, box: boxOf(index), mask: { crop: cropOf(index), mask } });
    const expected = new Uint8Array(body.length);
    rgb24ToI420(rgb, SIZE, expected);
    compare(shown, expected, body, mask, index);
  }
  const hidden = await withPatch(avatar, resident, { index: 3, shot: { faces, at: 0 }, gain: 0 });
  expect(Buffer.compare(hidden, await bodyOf(avatar, 3))).toBe(0);
}

/** The engine holds it in this process's memory, with its own boxes and masks, and has painted it once when it is loaded. */
async function checkEngine({ ref }: LoadedAvatar): Promise<void> {
  await using reduced = await openReducedHome();
  const before = process.env.MUSECAM_HOME;
  process.env.MUSECAM_HOME = reduced.home;
  try {
    const reports: EngineReport[] = [];
    const settings = { 'musetalk.provider': 'cpu', 'musetalk.precision': 'fp32' };
    const options = { log: silentLog, isLive: false, onReport: (report: EngineReport) => void reports.push(report) };
    await using engine = await musetalkFace.open({ ...options, settings }, noSignal);
    await engine.load(ref);
    const { masks } = await readImported(ref);
    expect(reports.at(-1)?.residents).toEqual([
      { avatarId: 'avator-1', place: 'processor', bytes: FRAMES * FRAME_LATENTS * 4 + masks.length },
    ]);
  } finally {
    if (before === undefined) delete process.env.MUSECAM_HOME;
    else process.env.MUSECAM_HOME = before;
  }
}

/** Equal to MuseTalk's own picture where the mask lets something through, bit for bit the body elsewhere. */
function compare(shown: Uint8Array, expected: Uint8Array, body: Uint8Array, mask: Uint8Array, index: number): void {
  const [box, crop] = [boxOf(index), cropOf(index)];
  const alphaAt = (x: number, y: number) => {
    const isInside = x >= box.x && y >= box.y && x < box.x + box.width && y < box.y + box.height;
    return isInside ? mask[(y - crop.y) * crop.side + x - crop.x]! : 0;
  };
  const pixels = SIZE.width * SIZE.height;
  const wrong: string[] = [];
  let changed = 0;
  const look = (at: number, isPainted: boolean) => {
    if (isPainted) changed++;
    if (shown[at] !== (isPainted ? expected : body)[at]) wrong.push(`${at}: ${shown[at]}`);
  };
  for (let y = 0; y < SIZE.height; y++)
    for (let x = 0; x < SIZE.width; x++) {
      look(y * SIZE.width + x, alphaAt(x, y) > 0);
      if (x % 2 || y % 2) continue;
      const isPainted = [0, 1].some((dx) => [0, 1].some((dy) => alphaAt(x + dx, y + dy) > 0));
      for (const plane of [pixels, (pixels * 5) / 4]) look(plane + ((y / 2) * SIZE.width) / 2 + x / 2, isPainted);
    }
  expect(wrong.slice(0, 5)).toEqual([]);
  expect(changed).toBeGreaterThan(10_000);
}

describe('a folder that is not as MuseTalk writes it', () => {
  let copies = 0;

  /** A copy of the folder with something changed. */
  async function broken(change: (copy: string) => Promise<unknown>): Promise<string> {
    const copy = join(home.path, `broken-${copies++}`);
    await cp(folder, copy, { recursive: true });
    await change(copy);
    return copy;
  }

  async function refusal(copy: string): Promise<{ code: string; message: string; fix: string }> {
    const thrown = await readUpstream(copy, noSignal).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(thrown).toMatchObject({ code: expect.any(String), fix: expect.any(String) });
    return thrown as { code: string; message: string; fix: string };
  }

  /** A pickle of rows of whole numbers, protocol 2. */
  function pickleOf(rows: readonly (readonly number[])[]): Buffer {
    const whole = (value: number) => {
      const bytes = Buffer.from('J\0\0\0\0', 'latin1');
      bytes.writeInt32LE(value, 1);
      return bytes;
    };
    const row = (values: readonly number[]) =>
      Buffer.concat([Buffer.from('](', 'latin1'), ...values.map(whole), Buffer.from('e')]);
    return Buffer.concat([Buffer.from('\x80\x02](', 'latin1'), ...rows.map(row), Buffer.from('e.')]);
  }

  /** The face boxes with something changed, mirrored. */
  function rowsWith(change: (rows: number[][]) => void): Buffer {
    const rows = Array.from({ length: FRAMES }, (_, frame) => {
      const { x, y, width, height } = boxOf(frame);
      return [x, y, x + width, y + height];
    });
    change(rows);
    return pickleOf([...rows, ...rows.toReversed()]);
  }

  async function changeLatents(copy: string, change: (bytes: Buffer) => void): Promise<void> {
    const path = join(copy, 'latents.pt');
    const bytes = await readFile(path);
    change(bytes);
    await writeFile(path, bytes);
  }

  const evil = Buffer.from("cos\nsystem\n(S'touch /tmp/musecam-evil'\ntR.");

  it.each<[string, RegExp, (copy: string) => Promise<unknown>]>([
    [
      'a pickle that wants to run something',
      /coords\.pkl.*os\.system.*never run/,
      (copy) => writeFile(join(copy, 'coords.pkl'), evil),
    ],
    [
      'such a pickle for the masks',
      /mask_coords\.pkl.*os\.system/,
      (copy) => writeFile(join(copy, 'mask_coords.pkl'), evil),
    ],
    ['boxes that are words', /coords\.pkl.*no list/, (copy) => writeFile(join(copy, 'coords.pkl'), 'Vface\n.')],
    [
      'boxes of three numbers',
      /entry 0 is not 4 numbers/,
      (copy) => writeFile(join(copy, 'coords.pkl'), pickleOf([[1, 2, 3]])),
    ],
    [
      'a truncated pickle',
      /truncated/,
      async (copy) => writeFile(join(copy, 'coords.pkl'), (await readFile(join(copy, 'coords.pkl'))).subarray(0, 900)),
    ],
    [
      'a box on the left of the picture',
      /face box 4.*reaches out/,
      (copy) =>
        writeFile(
          join(copy, 'coords.pkl'),
          rowsWith((rows) => {
            rows[4]![0] = -5;
          }),
        ),
    ],
    [
      'a box beyond the picture',
      /face box 4.*reaches out/,
      (copy) =>
        writeFile(
          join(copy, 'coords.pkl'),
          rowsWith((rows) => {
            rows[4] = [400, 20, 500, 120];
          }),
        ),
    ],
    [
      'a box that is upside down',
      /face box 2.*too small/,
      (copy) =>
        writeFile(
          join(copy, 'coords.pkl'),
          rowsWith((rows) => {
            rows[2] = [100, 200, 200, 100];
          }),
        ),
    ],
    [
      'a frame without a face',
      /face box 7.*no face/,
      (copy) =>
        writeFile(
          join(copy, 'coords.pkl'),
          rowsWith((rows) => {
            rows[7] = [0, 0, 0, 0];
          }),
        ),
    ],
    [
      'fewer masks than boxes',
      /mask_coords\.pkl.*has 1 entries/,
      (copy) => writeFile(join(copy, 'mask_coords.pkl'), pickleOf([[1, 2, 3, 4]])),
    ],
    ['a missing frame', /full_imgs.*51 pictures for 52/, (copy) => rm(pngAt('full_imgs', 30, copy))],
    ['a missing mask', /mask.*51 pictures for 52/, (copy) => rm(pngAt('mask', 3, copy))],
    [
      'frames that are not counted through',
      /00000030\.png is missing/,
      async (copy) => {
        await cp(pngAt('full_imgs', 30, copy), pngAt('full_imgs', 99, copy));
        await rm(pngAt('full_imgs', 30, copy));
      },
    ],
    [
      'something else among the frames',
      /notes\.txt does not belong/,
      (copy) => writeFile(join(copy, 'full_imgs/notes.txt'), ''),
    ],
    [
      'a frame of another size',
      /00000005\.png.*64x64 pixels, the first frame 301x261/,
      (copy) =>
        sharp({ create: { width: 64, height: 64, channels: 3, background: 'red' } })
          .png()
          .toFile(pngAt('full_imgs', 5, copy)),
    ],
    [
      'a frame that is no PNG',
      /00000005\.png.*not a PNG/,
      (copy) => writeFile(pngAt('full_imgs', 5, copy), 'GIF89a, or so it says, and more'),
    ],
    [
      'a mask of another size',
      /mask_coords\.pkl says/,
      (copy) =>
        sharp({ create: { width: 64, height: 64, channels: 3, background: 'red' } })
          .png()
          .toFile(pngAt('mask', 5, copy)),
    ],
    [
      'a mask that breaks off',
      /00000005\.png.*cannot be read/,
      async (copy) => writeFile(pngAt('mask', 5, copy), (await readFile(pngAt('mask', 5, copy))).subarray(0, 200)),
    ],
    [
      'latents that are no numbers',
      /latents\.pt.*NaN/,
      (copy) => changeLatents(copy, (bytes) => bytes.fill(0xff, 9000, 9002)),
    ],
    ['latents that are missing', /latents\.pt is missing/, (copy) => rm(join(copy, 'latents.pt'))],
    [
      'latents that are truncated',
      /latents\.pt.*truncated/,
      async (copy) => writeFile(join(copy, 'latents.pt'), (await readFile(join(copy, 'latents.pt'))).subarray(0, 9000)),
    ],
    ['latents that are something else', /latents\.pt/, (copy) => writeFile(join(copy, 'latents.pt'), evil)],
    [
      'a link for the latents',
      /it is a link/,
      async (copy) => {
        await rm(join(copy, 'latents.pt'));
        await symlink(join(folder, 'latents.pt'), join(copy, 'latents.pt'));
      },
    ],
    [
      'a link for the frames',
      /full_imgs.*it is a link/,
      async (copy) => {
        await rm(join(copy, 'full_imgs'), { recursive: true });
        await symlink(join(folder, 'full_imgs'), join(copy, 'full_imgs'));
      },
    ],
    [
      'a link for one frame',
      /00000008\.png.*it is a link/,
      async (copy) => {
        await rm(pngAt('full_imgs', 8, copy));
        await symlink(pngAt('full_imgs', 8), pngAt('full_imgs', 8, copy));
      },
    ],
    [
      'a pipe for the boxes',
      /coords\.pkl.*not a plain file/,
      async (copy) => {
        await rm(join(copy, 'coords.pkl'));
        spawnSync('mkfifo', [join(copy, 'coords.pkl')]);
      },
    ],
  ])('is refused for %s', async (_, words, change) => {
    const { code, message } = await refusal(await broken(change));
    expect(message).toMatch(words);
    expect(code).toBe('MUSETALK_FOLDER_BROKEN');
  });

  it('runs nothing of it', async () => {
    await expect(readFile('/tmp/musecam-evil')).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('is no such folder without avator_info.json, and broken where that says nothing', async () => {
    const none = await broken((copy) => rm(join(copy, 'avator_info.json')));
    await expect(readUpstreamInfo(none)).rejects.toMatchObject({ code: 'MUSETALK_FOLDER_UNKNOWN' });
    const empty = await broken((copy) => writeFile(join(copy, 'avator_info.json'), '{}'));
    await expect(readUpstreamInfo(empty)).rejects.toMatchObject({ code: 'MUSETALK_FOLDER_BROKEN' });
  });

  it('has a box cut at the right and lower edge, as its latents were', async () => {
    const copy = await broken((copy) =>
      writeFile(
        join(copy, 'coords.pkl'),
        rowsWith((rows) => {
          rows[4]![2] = 310;
          rows[4]![3] = 270;
        }),
      ),
    );
    const { files } = await readUpstream(copy, noSignal);
    const boxes = JSON.parse(Buffer.from(files.get('musetalk/boxes.json')!).toString()) as number[][];
    const { x, y } = boxOf(4);
    expect(boxes[4]).toEqual([x, y, SIZE.width - x, SIZE.height - y]);
  });

  it('is taken as a loop where its lists are not mirrored', async () => {
    const rows = Array.from({ length: FRAMES * 2 }, (_, frame) => [80 + (frame % 7), 70, 210, 250]);
    const unlike = await broken((copy) => writeFile(join(copy, 'coords.pkl'), pickleOf(rows)));
    expect(await readUpstream(unlike, noSignal)).toMatchObject({ frameCount: FRAMES * 2, motion: 'loop' });
  });

  it('is refused where it is too short or too long', async () => {
    for (const [count, code] of [
      [24, 'CLIP_TOO_SHORT'],
      [3002, 'CLIP_TOO_LONG'],
    ] as const) {
      const rows = Array.from({ length: count }, () => [80, 70, 210, 250]);
      const copy = await broken((one) => writeFile(join(one, 'coords.pkl'), pickleOf(rows)));
      expect(await refusal(copy)).toMatchObject({ code });
    }
  });

  it(
    'leaves no half avatar behind',
    async () => {
      const damaged = await broken(async (copy) => {
        const path = pngAt('full_imgs', 20, copy);
        await writeFile(path, (await readFile(path)).subarray(0, 5000));
      });
      const { code, stderr } = await runCli(['avatars', 'import', damaged, '--id=half', ...said], home.env);
      expect(code).toBe(1);
      expect(stderr).toContain('[NOT_A_PICTURE]');
      expect(stderr).toContain('00000020.png');
      const left = await readdir(join(home.path, 'data/avatars')).catch(() => []);
      expect(left.filter((name) => name.includes('half'))).toEqual([]);
    },
    SLOW_MS,
  );

  it(
    'is not touched where nobody agreed, or where the id is taken',
    async () => {
      const silent = await runCli(['avatars', 'import', folder, '--id=silent'], home.env);
      expect(silent.stderr).toContain('[CONSENT_MISSING]');
      const taken = await runCli(['avatars', 'import', folder, '--id=mira', ...said], home.env);
      expect(taken.stderr).toContain('[AVATAR_EXISTS]');
      const plain = await runCli(['avatars', 'import', home.path, ...said], home.env);
      expect(plain.stderr).toContain('[MUSETALK_FOLDER_UNKNOWN]');
    },
    SLOW_MS,
  );
});
