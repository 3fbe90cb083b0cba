import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MatteRefiner } from '../../../src/avatar/matte/matte-refiner.ts';
import { PersonMatte } from '../../../src/avatar/matte/person-matte.ts';
import type { Picture } from '../../../src/avatar/picture.ts';
import { drawLayers, drawScene, edgeErrorOf, type Layers, overlapOf } from './draw-person.ts';

type Id = 'mira' | 'jonas';

/** The landmarks of a shipped avatar, moved to the right. */
function landmarksOf(id: Id, shiftX = 0): Float32Array {
  const bytes = readFileSync(fileURLToPath(new URL(`../../../avatars/${id}/landmarks.f32`, import.meta.url)));
  const points = new Float32Array(new Uint8Array(bytes).buffer);
  return points.map((value, at) => (at % 3 === 0 ? value + shiftX : value));
}

let layers: Readonly<Record<Id, Layers>>;
let matter: PersonMatte;

beforeAll(async () => {
  layers = { mira: await drawLayers('mira'), jonas: await drawLayers('jonas') };
  matter = await PersonMatte.open();
}, 180_000);
afterAll(() => matter?.[Symbol.asyncDispose]());

async function cut(picture: Picture, points: Float32Array | undefined, isNewShot: boolean): Promise<Uint8Array> {
  const alpha = await matter.cut(picture, points, isNewShot);
  if (!alpha) throw new Error('nobody was found');
  return alpha;
}

/** Mean change from matte to matte in pixels that are an edge in the first one, in steps of 256. */
function changeOf(before: Uint8Array, after: Uint8Array): number {
  let sum = 0;
  let count = 0;
  for (let at = 0; at < before.length; at++) {
    if (before[at] === 0 || before[at] === 255) continue;
    sum += Math.abs(before[at]! - after[at]!);
    count++;
  }
  return sum / count;
}

describe('a matte of a drawn person whose true matte is known', () => {
  // Measured: Mira 0.9968 and 16.0, Jonas (grey hair on a grey wall, blue jumper on a blue wall) 0.9930 and 32.8.
  for (const { id, overlap, edgeError } of [
    { id: 'mira', overlap: 0.995, edgeError: 20 },
    { id: 'jonas', overlap: 0.99, edgeError: 40 },
  ] as const) {
    it(`covers the same pixels, ${id}`, async () => {
      const scene = drawScene(layers[id]);
      const alpha = await cut(scene, landmarksOf(id), true);
      expect(overlapOf(alpha, scene.alpha)).toBeGreaterThan(overlap);
      expect(edgeErrorOf(alpha, scene.alpha)).toBeLessThan(edgeError);
    });
  }

  it('is nearly the same without landmarks', async () => {
    const scene = drawScene(layers.mira);
    expect(overlapOf(await cut(scene, undefined, true), scene.alpha)).toBeGreaterThan(0.99);
  });

  it('has no halo where the wall has a texture finer than the grid', async () => {
    const { room, ...rest } = layers.mira;
    // Lines two pixels wide, 24 steps of 256 darker.
    const lined = room.map((value, at) => Math.max(0, value - (Math.floor(at / 3) % 4 < 2 ? 24 : 0)));
    const scene = drawScene({ ...rest, room: lined });
    const alpha = await cut(scene, landmarksOf('mira'), true);
    expect(overlapOf(alpha, scene.alpha)).toBeGreaterThan(0.985);
  });

  it('keeps the whole face, and the shoulders down to the edge', async () => {
    const scene = drawScene(layers.mira);
    const points = landmarksOf('mira');
    const alpha = await cut(scene, points, true);
    for (const landmark of [10, 152, 234, 454, 1]) {
      // A tenth on the way to the nose: the outline itself may be half hair.
      const x = Math.round(points[landmark * 3]! * 0.9 + points[3]! * 0.1);
      const y = Math.round(points[landmark * 3 + 1]! * 0.9 + points[4]! * 0.1);
      expect(alpha[y * scene.width + x]).toBe(255);
    }
    // Shoulders reach the lower edge.
    expect(alpha[(scene.height - 1) * scene.width + 640]).toBe(255);
  });
});

describe('the mattes of a clip', () => {
  it('stand still where the picture does, in spite of noise', async () => {
    const points = landmarksOf('mira');
    const noisy = (seed: number) => drawScene(layers.mira, 0, 2, seed);
    const changes: number[] = [];
    let before = await cut(noisy(1), points, true);
    for (let seed = 2; seed < 12; seed++) {
      const after = await cut(noisy(seed), points, seed < 4);
      changes.push(changeOf(before, after));
      before = after;
    }
    const alone = changes[1]!;
    const together = changes.at(-1)!;
    // Measured: see scripts/matte/README.md; the pixels of the edge change six times less.
    expect(together).toBeLessThan(1.5);
    expect(together).toBeLessThan(alone / 3);
  }, 120_000);

  it('leave no ghost behind a person who moves', async () => {
    for (const stepPx of [1, 8]) {
      let overlap = 0;
      for (let frame = 0; frame < 8; frame++) {
        const scene = drawScene(layers.jonas, frame * stepPx, 1.5, frame + 1);
        const alpha = await cut(scene, landmarksOf('jonas', frame * stepPx), frame === 0);
        overlap = overlapOf(alpha, scene.alpha);
      }
      // Measured after ten frames: 0.9905 (1 px a frame) and 0.9929 (8 px).
      expect(overlap).toBeGreaterThan(0.985);
    }
  }, 120_000);

  it('begin anew with a new shot', async () => {
    await cut(drawScene(layers.mira), landmarksOf('mira'), true);
    const scene = drawScene(layers.jonas);
    const after = await cut(scene, landmarksOf('jonas'), true);
    const fresh = await PersonMatte.open();
    try {
      expect(after).toEqual(await fresh.cut(scene, landmarksOf('jonas'), true));
    } finally {
      await fresh[Symbol.asyncDispose]();
    }
  });
});

describe('a picture in which the network sees nobody', () => {
  const SIZE = { width: 640, height: 360 };
  /** A face of paper: an oval and shoulders of one colour, without anything a network would know. */
  function drawPaper(person: number, wall: number): Picture & { alpha: Uint8Array } {
    const pixels = new Uint8Array(SIZE.width * SIZE.height * 3);
    const alpha = new Uint8Array(SIZE.width * SIZE.height);
    for (let at = 0; at < alpha.length; at++) {
      const x = (at % SIZE.width) - 320;
      const y = Math.floor(at / SIZE.width);
      const isHead = (x / 62) ** 2 + ((y - 150) / 84) ** 2 < 1;
      const isBody = y > 250 && Math.abs(x) < 40 + (y - 250) * 0.9;
      const isNeck = y > 200 && y <= 250 && Math.abs(x) < 30;
      alpha[at] = isHead || isBody || isNeck ? 255 : 0;
      const grey = alpha[at] ? person : wall;
      pixels.set([grey, grey, Math.max(0, grey - 20)], at * 3);
    }
    return { ...SIZE, pixels, alpha };
  }
  /** Mira's landmarks, made smaller and put onto the paper. */
  const points = () => {
    const mira = landmarksOf('mira');
    return mira.map((value, at) =>
      at % 3 === 0 ? (value - mira[3]!) * 0.5 + 320 : at % 3 === 1 ? (value - mira[4]!) * 0.5 + 160 : value,
    );
  };

  it('is cut by the landmarks and the colours', async () => {
    const paper = drawPaper(40, 215);
    const refiner = new MatteRefiner(SIZE);
    refiner.person.fill(0);
    const alpha = refiner.refine(paper, points(), true);
    expect(alpha && overlapOf(alpha, paper.alpha)).toBeGreaterThan(0.97);
  });

  it('is told to be hopeless where person and wall have the same colours', async () => {
    const refiner = new MatteRefiner(SIZE);
    refiner.person.fill(0);
    expect(refiner.refine(drawPaper(120, 120), points(), true)).toBeUndefined();
  });
});
