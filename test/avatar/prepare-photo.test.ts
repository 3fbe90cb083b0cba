import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import type { FaceEngine } from '../../src/api/contributions.ts';
import { checkAvatar } from '../../src/avatar/check-avatar.ts';
import { loadAvatar } from '../../src/avatar/load-avatar.ts';
import type { PrepareProgress, PrepareStep } from '../../src/avatar/prepare-options.ts';
import { preparePhoto } from '../../src/avatar/prepare-photo.ts';
import { readManifest } from '../../src/avatar/read-manifest.ts';
import { need } from '../fakes/need.ts';
import { type DrawnFace, drawPhoto, FACE_SHARE } from './draw-photo.ts';
import { optionsFor } from './prepare-drawn.ts';
import { makeTemporaryFolder } from './temporary-folder.ts';
import { turnFace } from './turn-face.ts';

let pictures: string;
let shelf: string;
beforeAll(async () => {
  pictures = await makeTemporaryFolder();
  shelf = await makeTemporaryFolder();
});

const ONE_FACE: DrawnFace = { x: 340, y: 0, height: 720 };

async function savePhoto(name: string, width: number, height: number, ...faces: DrawnFace[]): Promise<string> {
  const path = join(pictures, name);
  await (await drawPhoto(width, height, faces)).toFile(path);
  return path;
}

/** What is left in a folder, hidden things too; the test's own check that nothing half is there. */
async function contentsOf(folder: string): Promise<string[]> {
  return (await readdir(folder)).sort();
}

/** A folder of its own for a test that looks at what is left. */
async function makeShelf(): Promise<string> {
  const folder = join(shelf, randomBytes(6).toString('hex'));
  await mkdir(folder);
  return folder;
}

function engineThat(prepare: NonNullable<FaceEngine['prepare']>): ReadonlyMap<string, FaceEngine> {
  return new Map([['puppet.engine', { open: () => Promise.reject(new Error('not in this test')), prepare }]]);
}

describe('preparing a photo', () => {
  it('writes an avatar that passes every check, with what the engines prepared', async () => {
    const folder = await makeShelf();
    const steps: [PrepareStep, number][] = [];
    const engines = engineThat(async (face) => {
      expect([face.width, face.height, face.frameCount]).toEqual([1280, 720, 1]);
      expect(face.landmarks).toHaveLength(478 * 3);
      expect(await face.pixels(0)).toHaveLength(1280 * 720 * 3);
      expect(face.masks).toHaveLength(face.faceBoxes[0]!.width * face.faceBoxes[0]!.height);
      return { version: 3, files: new Map([['puppet/fields.bin', new Uint8Array(50).fill(9)]]) };
    });
    const source = await savePhoto('one.png', 1280, 720, ONE_FACE);
    const onProgress = ({ step, fraction }: PrepareProgress) => void steps.push([step, fraction]);
    const manifest = await preparePhoto(optionsFor(folder, source, { engines, onProgress }));
    expect(manifest).toMatchObject({ id: 'anna', width: 1280, height: 720, frameCount: 1, motion: 'still' });
    expect(manifest.engines['puppet.engine']).toMatchObject({
      version: 3,
      files: [{ path: 'puppet/fields.bin', bytes: 50 }],
    });
    expect(await checkAvatar(join(folder, 'anna'))).toMatchObject({ ok: true, problems: [] });
    expect(await contentsOf(folder)).toEqual(['anna']);
    expect(steps.map(([step]) => step)).toEqual([
      'read',
      'find-face',
      'frame',
      'report',
      'engine',
      'engine',
      'write',
      'write',
    ]);
    const fractions = steps.map(([, fraction]) => fraction);
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    expect(fractions.at(-1)).toBe(1);
    const preview = await sharp(await readFile(join(folder, 'anna', 'preview.png'))).metadata();
    expect([preview.width, preview.height]).toEqual([480, 270]);
  });

  it('gives the same avatar for the same photo', async () => {
    const folder = await makeShelf();
    const source = await savePhoto('same.png', 1280, 720, ONE_FACE);
    const one = await preparePhoto(optionsFor(folder, source, { id: 'one' }));
    const two = await preparePhoto(optionsFor(folder, source, { id: 'two' }));
    expect({ ...two, id: 'one' }).toEqual(one);
  });

  it.each([
    ['a JPEG turned by its EXIF data', 'turned.jpg', () => turnedJpeg()],
    ['a CMYK JPEG', 'cmyk.jpg', async () => (await drawOne()).toColourspace('cmyk').jpeg().toBuffer()],
    ['a 16-bit PNG', 'deep.png', async () => (await drawOne()).toColourspace('rgb16').png().toBuffer()],
    ['a grey JPEG', 'grey.jpg', async () => (await drawOne()).greyscale().jpeg().toBuffer()],
    ['a Display P3 photo', 'wide.jpg', async () => (await drawOne()).withIccProfile('p3').jpeg().toBuffer()],
    [
      'an SVG with a transparent ground',
      'face.svg',
      () => readFile(new URL('../fixtures/faces/face.svg', import.meta.url)),
    ],
    [
      'an 8000x6000 photo',
      'large.jpg',
      async () => (await drawPhoto(8000, 6000, [{ x: 3000, y: 1500, height: 2400 }])).jpeg().toBuffer(),
    ],
    [
      'a narrow portrait',
      'narrow.png',
      async () => (await drawPhoto(520, 900, [{ x: -30, y: 150, height: 700 }])).png().toBuffer(),
    ],
  ])('takes %s', async (_, name, make) => {
    const folder = await makeShelf();
    const source = join(pictures, name);
    await writeFile(source, await make());
    const manifest = await preparePhoto(optionsFor(folder, source));
    expect(manifest.faceScore).toBeGreaterThan(0.95);
    const box = manifest.faceBoxes[0]!;
    // Framed like a webcam: the box is in the middle and takes a third to two thirds of the height.
    expect(Math.abs(box.x + box.width / 2 - 640)).toBeLessThan(200);
    expect(box.height / 720).toBeGreaterThan(0.33);
    expect(box.height / 720).toBeLessThan(0.7);
    await using made = await loadAvatar(join(folder, 'anna'), { cacheFolder: join(shelf, 'cache') });
    expect(made.poseCount).toBe(1);
  });

  it('keeps the colours of a wide-gamut photo: as sRGB they are what they were', async () => {
    const folder = await makeShelf();
    const source = join(pictures, 'p3.png');
    await (await drawOne()).withIccProfile('p3').toFile(source);
    await preparePhoto(optionsFor(folder, source));
    const { data } = await sharp(await readFile(join(folder, 'anna', 'body', '0000.webp')))
      .raw()
      .toBuffer({ resolveWithObject: true });
    // The wall of the drawing is #9aa6ae; the way through P3 in 8 bits may cost two steps.
    for (const [channel, value] of [0x9a, 0xa6, 0xae].entries())
      expect(Math.abs(data[channel]! - value)).toBeLessThanOrEqual(2);
  });

  it('fills the sides of a narrow portrait with the photo, darker, not with black', async () => {
    const folder = await makeShelf();
    const source = await savePhoto('bars.png', 520, 900, { x: -30, y: 150, height: 700 });
    await preparePhoto(optionsFor(folder, source));
    const body = sharp(await readFile(join(folder, 'anna', 'body', '0000.webp')));
    const light = async (left: number) =>
      (await body.clone().extract({ left, top: 20, width: 40, height: 40 }).stats()).channels[0]!.mean;
    expect(await light(0)).toBeGreaterThan(60);
    // The wall is drawn with 154.
    expect(await light(0)).toBeLessThan(154 * 0.9);
  });

  it('keeps the whole photo, at its own size, when it is told to', async () => {
    const source = await savePhoto('whole.png', 901, 721, { x: 20, y: 0, height: 720 });
    const manifest = await preparePhoto(optionsFor(shelf, source, { id: 'whole', framing: 'whole' }));
    expect(manifest).toMatchObject({ width: 900, height: 720 });
    const body = await sharp(await readFile(join(shelf, 'whole', 'body/0000.webp')))
      .raw()
      .toBuffer();
    const whole = await sharp(source)
      .extract({ left: 0, top: 0, width: 900, height: 720 })
      .removeAlpha()
      .raw()
      .toBuffer();
    expect(Buffer.compare(body, whole)).toBe(0);
  });

  it('takes one of several faces when it is told which', async () => {
    const folder = await makeShelf();
    const source = await savePhoto(
      'pair.png',
      1280,
      720,
      { x: 60, y: 200, height: 420 },
      { x: 800, y: 220, height: 420 },
    );
    await preparePhoto(optionsFor(folder, source, { face: 2 }));
    expect(await contentsOf(folder)).toEqual(['anna']);
  });

  it('does not mind a small face in the background', async () => {
    const folder = await makeShelf();
    const source = await savePhoto(
      'behind.png',
      1280,
      720,
      { x: 340, y: 60, height: 660 },
      { x: 1100, y: 300, height: 160 },
    );
    await expect(preparePhoto(optionsFor(folder, source))).resolves.toMatchObject({ id: 'anna' });
  });
});

async function drawOne() {
  return drawPhoto(1280, 720, [ONE_FACE]);
}

/** Stored lying on its side, with the note how to turn it. */
async function turnedJpeg(): Promise<Buffer> {
  const lying = await (await drawOne()).rotate(-90).toBuffer();
  return sharp(lying).withMetadata({ orientation: 6 }).jpeg().toBuffer();
}

describe('a photo that cannot become an avatar', () => {
  const small = (height: number) => ({ x: 300, y: 200, height: Math.round(height / FACE_SHARE) });

  it.each([
    ['NO_FACE', 'an empty wall', () => savePhoto('wall.png', 640, 480), 'No face'],
    [
      'SEVERAL_FACES',
      'two faces',
      () => savePhoto('two.png', 1280, 720, { x: 60, y: 200, height: 420 }, { x: 700, y: 220, height: 420 }),
      '2 faces',
    ],
    [
      'FACE_TOO_SMALL',
      'a face of 20 px',
      () => savePhoto('tiny.png', 1280, 720, small(20)),
      /only (1[5-9]|2[0-5]) pixels/,
    ],
    [
      'FACE_TOO_SMALL',
      'a face of 80 px',
      () => savePhoto('small.png', 1280, 720, small(80)),
      /only (7[5-9]|8[0-5]) pixels/,
    ],
    [
      'FACE_CUT',
      'a face cut off by the edge',
      () => savePhoto('cut.png', 800, 720, { x: 475, y: 0, height: 720 }),
      'cut off',
    ],
    ['FACE_TURNED', 'a head turned away', () => turnedAway(), /turned about \d+ degrees to the side/],
    ['SOURCE_MISSING', 'no file', async () => join(pictures, 'nothing.jpg'), 'nothing.jpg'],
    ['NOT_A_PICTURE', 'a folder', async () => pictures, 'not a file'],
    ['NOT_A_PICTURE', 'an empty file', () => saveBytes('empty.jpg', new Uint8Array(0)), 'empty'],
    [
      'NOT_A_PICTURE',
      'a text named .jpg',
      () => saveBytes('text.jpg', Buffer.from('Dear Anna, '.repeat(50))),
      'text.jpg',
    ],
    ['NOT_A_PICTURE', 'a JPEG that breaks off', () => brokenJpeg(), 'cannot be read'],
    [
      'NOT_A_PICTURE',
      'the head of an MP4',
      () => saveBytes('a.mp4', Buffer.from('\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41', 'latin1')),
      'cannot be read',
    ],
    ['PICTURE_TOO_SMALL', 'a thumbnail', () => savePhoto('thumb.png', 100, 100), '100x100'],
    ['PICTURE_TOO_LARGE', 'a picture of 30000 px', () => blankPng(30_000, 200), '30000x200'],
    ['PICTURE_TOO_LARGE', 'a decompression bomb', () => blankPng(15_000, 15_000), '15000x15000'],
  ] as const)('is refused as %s: %s', async (code, _, make, words) => {
    const folder = await makeShelf();
    const failure = await preparePhoto(optionsFor(folder, await make())).catch((thrown: unknown) => thrown);
    expect(failure).toMatchObject({ name: 'AppError', code, fix: expect.stringMatching(/.{10}/) });
    expect((failure as Error).message).toMatch(words);
    expect(await contentsOf(folder)).toEqual([]);
  });

  it('says how many faces there are when the one asked for is not there', async () => {
    const source = await savePhoto('single.png', 1280, 720, ONE_FACE);
    await expect(preparePhoto(optionsFor(shelf, source, { face: 3 }))).rejects.toMatchObject({
      code: 'NO_SUCH_FACE',
      message: expect.stringContaining('1 found'),
    });
  });

  async function saveBytes(name: string, bytes: Uint8Array): Promise<string> {
    const path = join(pictures, name);
    await writeFile(path, bytes);
    return path;
  }

  async function brokenJpeg(): Promise<string> {
    const whole = await (await drawOne()).jpeg().toBuffer();
    return saveBytes('broken.jpg', whole.subarray(0, whole.length / 2));
  }

  async function blankPng(width: number, height: number): Promise<string> {
    const create = { width, height, channels: 3, background: '#777' } as const;
    const path = join(pictures, `${width}x${height}.png`);
    await sharp({ create, limitInputPixels: false }).png({ compressionLevel: 1 }).toFile(path);
    return path;
  }

  async function turnedAway(): Promise<string> {
    const { FaceFinder } = await import('../../src/avatar/find-face.ts');
    const { renderPixels, sharpOf } = await import('../../src/avatar/decode-photo.ts');
    const picture = await renderPixels(await drawPhoto(800, 720, [{ x: 100, y: 0, height: 720 }]));
    await using finder = await FaceFinder.open();
    const { points } = await finder.landmarks(picture, (await finder.detect(picture))[0]!);
    const path = join(pictures, 'away.png');
    await sharpOf(turnFace(picture, points, (50 * Math.PI) / 180, 0)).toFile(path);
    return path;
  }
});

describe('what is said about an avatar', () => {
  let source: string;
  beforeAll(async () => {
    source = await savePhoto('said.png', 1280, 720, ONE_FACE);
  });

  it.each(['Anna', '../anna', 'a b', '', 'a/b', '-a', 'x'.repeat(65)])('refuses the id %j', async (id) => {
    await expect(preparePhoto(optionsFor(shelf, source, { id }))).rejects.toMatchObject({ code: 'BAD_AVATAR_ID' });
  });

  it('is refused without consent, before anything is looked at', async () => {
    for (const consent of [
      { depicts: 'Anna', statement: ' ' },
      { depicts: '', statement: 'yes' },
    ])
      await expect(preparePhoto(optionsFor(shelf, '/nowhere.jpg', { consent }))).rejects.toMatchObject({
        code: 'CONSENT_MISSING',
      });
  });

  it('is refused with an odd size or an empty name', async () => {
    const code = 'BAD_AVATAR_DETAILS';
    await expect(preparePhoto(optionsFor(shelf, source, { name: '' }))).rejects.toMatchObject({ code });
    await expect(preparePhoto(optionsFor(shelf, source, { size: { width: 641, height: 360 } }))).rejects.toMatchObject({
      code,
    });
  });

  it('refuses the id of a shipped avatar, even to replace it', async () => {
    const change = { id: 'mira', reservedIds: new Set(['mira']), replace: true };
    await expect(preparePhoto(optionsFor(shelf, source, change))).rejects.toMatchObject({ code: 'AVATAR_EXISTS' });
  });

  it('refuses an id that is taken, and swaps the avatar when it is told to', async () => {
    const folder = await makeShelf();
    await preparePhoto(optionsFor(folder, source));
    await expect(preparePhoto(optionsFor(folder, source, { name: 'New' }))).rejects.toMatchObject({
      code: 'AVATAR_EXISTS',
    });
    expect((await readManifest(join(folder, 'anna'))).name).toBe('Anna');
    await preparePhoto(optionsFor(folder, source, { name: 'New', replace: true }));
    expect((await readManifest(join(folder, 'anna'))).name).toBe('New');
    expect(await contentsOf(folder)).toEqual(['anna']);
  });

  it('keeps an engine in its own folder', async () => {
    for (const path of ['../evil', '/etc/evil', 'avatar.json', 'body/0000.webp', 'puppet/../../evil']) {
      const folder = await makeShelf();
      const engines = engineThat(async () => ({ version: 1, files: new Map([[path, new Uint8Array(1)]]) }));
      await expect(preparePhoto(optionsFor(folder, source, { engines }))).rejects.toMatchObject({
        code: 'BAD_ENGINE_FILE',
      });
      expect(await contentsOf(folder)).toEqual([]);
    }
  });
});

describe('a preparation that is cut short', () => {
  let source: string;
  beforeAll(async () => {
    source = await savePhoto('short.png', 1280, 720, ONE_FACE);
  });

  it.each(['read', 'find-face', 'frame', 'engine', 'write'] as const)(
    'leaves nothing when aborted at "%s"',
    async (at) => {
      const folder = await makeShelf();
      const abort = new AbortController();
      const engines = engineThat(async () => undefined);
      const onProgress = ({ step, fraction }: PrepareProgress) => {
        if (step === at && fraction < 1) abort.abort(new Error('pressed Ctrl-C'));
      };
      const options = optionsFor(folder, source, { engines, onProgress, signal: abort.signal });
      await expect(preparePhoto(options)).rejects.toThrow('pressed Ctrl-C');
      expect(await contentsOf(folder)).toEqual([]);
    },
  );

  it('does not wait for an engine that does not listen', async () => {
    const folder = await makeShelf();
    const abort = new AbortController();
    const engines = engineThat(() => {
      abort.abort(new Error('pressed Ctrl-C'));
      return new Promise(() => {});
    });
    await expect(preparePhoto(optionsFor(folder, source, { engines, signal: abort.signal }))).rejects.toThrow('Ctrl-C');
    expect(await contentsOf(folder)).toEqual([]);
  });

  it('keeps the old avatar when replacing it fails', async () => {
    const folder = await makeShelf();
    await preparePhoto(optionsFor(folder, source));
    const engines = engineThat(() => Promise.reject(new Error('engine broke')));
    await expect(preparePhoto(optionsFor(folder, source, { engines, replace: true }))).rejects.toThrow('engine broke');
    expect(await checkAvatar(join(folder, 'anna'))).toMatchObject({ ok: true });
    expect(await contentsOf(folder)).toEqual(['anna']);
  });

  it('says that the disk is full, and leaves nothing', async () => {
    const folder = await makeShelf();
    const files = {
      async writeFile(path: string, data: Uint8Array) {
        if (path.endsWith('masks.bin')) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
        await writeFile(path, data);
      },
    };
    await expect(preparePhoto(optionsFor(folder, source, { files }))).rejects.toMatchObject({ code: 'DISK_FULL' });
    expect(await contentsOf(folder)).toEqual([]);
  });

  it('says that a real disk is full, and leaves nothing', async (context) => {
    const folder = await makeShelf();
    const isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=32k', 'tmpfs', folder]).status === 0;
    need(context, isMounted, 'the right to mount a small tmpfs');
    try {
      await expect(preparePhoto(optionsFor(folder, source))).rejects.toMatchObject({ code: 'DISK_FULL' });
      expect(await contentsOf(folder)).toEqual([]);
    } finally {
      spawnSync('umount', [folder]);
    }
  });

  it('clears away what a killed run has left, and puts back what it was about to replace', async () => {
    const folder = await makeShelf();
    // No process has this number: it is above the largest one Linux gives.
    await mkdir(join(folder, '.preparing-old-4999999-00000000', 'body'), { recursive: true });
    await mkdir(join(folder, '.replaced-berta-4999999-00000000'));
    await mkdir(join(folder, `.preparing-other-${process.pid}-00000000`));
    await preparePhoto(optionsFor(folder, source));
    expect(await contentsOf(folder)).toEqual([`.preparing-other-${process.pid}-00000000`, 'anna', 'berta']);
  });

  it('leaves nothing when the program is interrupted, and nothing that stays when it is killed', async () => {
    for (const kind of ['SIGINT', 'SIGKILL'] as const) {
      const folder = await makeShelf();
      expect(await runAndStop(folder, kind)).toBe(kind === 'SIGINT' ? 130 : null);
      if (kind === 'SIGINT') expect(await contentsOf(folder)).toEqual([]);
      await preparePhoto(optionsFor(folder, source, { id: 'next' }));
      expect(await contentsOf(folder)).toEqual(['next']);
    }
  });

  /** Prepares in a process of its own and signals it while it writes; gives its exit code. */
  async function runAndStop(folder: string, kind: NodeJS.Signals): Promise<number | null> {
    const entry = fileURLToPath(new URL('prepare-slowly.ts', import.meta.url));
    const child = spawn(process.execPath, ['--import', 'tsx', entry, folder, source], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    // It says so when the first file of the avatar is on disk.
    await once(child.stdout, 'data');
    child.kill(kind);
    return (await exited)[0] as number | null;
  }

  it('says where it may not write', async () => {
    const folder = join(await makeShelf(), 'file');
    await writeFile(folder, '');
    await expect(preparePhoto(optionsFor(folder, source))).rejects.toMatchObject({ code: 'FOLDER_NOT_WRITABLE' });
  });

  it('reads a photo behind a link: sources are the person’s own', async () => {
    const link = join(pictures, 'link.png');
    await symlink(source, link);
    await expect(preparePhoto(optionsFor(await makeShelf(), link))).resolves.toMatchObject({ id: 'anna' });
  });
});
