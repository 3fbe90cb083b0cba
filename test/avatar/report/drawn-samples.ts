import sharp, { type Sharp } from 'sharp';
import { renderPixels, sharpOf } from '../../../src/avatar/decode-photo.ts';
import { FaceFinder } from '../../../src/avatar/find-face.ts';
import type { Picture } from '../../../src/avatar/picture.ts';
import { drawPhoto } from '../draw-photo.ts';

/** A picture and the landmarks of its face, Float32 `[478, 3]`. */
export interface Sample {
  readonly picture: Picture;
  readonly points: Float32Array;
  readonly score: number;
}

/** The drawn face of the tests in a 1280x720 frame, 360 px high. */
export async function drawSample(): Promise<Sample> {
  const picture = await renderPixels(await drawPhoto(1280, 720, [{ x: 365, y: 30, height: 660 }]));
  const finder = await FaceFinder.open();
  try {
    const [face] = await finder.detect(picture);
    return { picture, ...(await finder.landmarks(picture, face!)) };
  } finally {
    await finder[Symbol.asyncDispose]();
  }
}

/** The same face in a picture that was changed without moving anything. */
export async function change(sample: Sample, how: (picture: Sharp) => Sharp): Promise<Sample> {
  return { ...sample, picture: await renderPixels(how(sharpOf(sample.picture))) };
}

/** The same face in a picture enlarged from one that was `times` smaller. */
export async function enlarge(sample: Sample, times: number): Promise<Sample> {
  const { width, height } = sample.picture;
  const small = await renderPixels(sharpOf(sample.picture).resize(Math.round(width / times)));
  return { ...sample, picture: await renderPixels(sharpOf(small).resize(width, height, { fit: 'fill' })) };
}

/** The whole picture made smaller, landmarks with it. */
export async function shrink(sample: Sample, times: number): Promise<Sample> {
  const picture = await renderPixels(sharpOf(sample.picture).resize(Math.round(sample.picture.width / times)));
  const scale = picture.width / sample.picture.width;
  return { ...sample, picture, points: sample.points.map((value) => value * scale) };
}

/** Grey grain of a standard deviation, the same each time. */
export function addNoise(sample: Sample, sigma: number): Sample {
  const pixels = Uint8Array.from(sample.picture.pixels);
  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  for (let i = 0; i < pixels.length; i += 3) {
    const grain = sigma * Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
    for (let c = i; c < i + 3; c++) pixels[c] = Math.min(255, Math.max(0, Math.round(pixels[c]! + grain)));
  }
  return { ...sample, picture: { ...sample.picture, pixels } };
}

/** A face of which the left half of the picture lies in shadow: `light` of 1 is left, in sRGB values. */
export async function shadeLeft(sample: Sample, light: number): Promise<Sample> {
  const { width, height } = sample.picture;
  const middle = Math.round(sample.points[1 * 3]!);
  const shade = await sharp({
    create: { width: middle, height, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 1 - light } },
  })
    .png()
    .toBuffer();
  const shaded = await sharpOf(sample.picture)
    .composite([{ input: shade, left: 0, top: 0 }])
    .removeAlpha()
    .raw()
    .toBuffer();
  return { ...sample, picture: { width, height, pixels: shaded } };
}
