import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import type { Picture } from '../../../src/avatar/picture.ts';

/** A person without a background, and a background without a person, of one size. */
export interface Layers {
  readonly width: number;
  readonly height: number;
  /** RGBA, straight. */
  readonly person: Uint8Array;
  /** RGB. */
  readonly room: Uint8Array;
}

/** A picture with its true matte. */
export interface Scene extends Picture {
  /** Uint8 `[height, width]`, 255 = person. */
  readonly alpha: Uint8Array;
}

/** Renders a shipped avatar's drawing in two layers: its groups `room` and `person`. */
export async function drawLayers(id: 'mira' | 'jonas', width = 1280, height = 720): Promise<Layers> {
  const path = fileURLToPath(new URL(`../../../avatars/${id}/source.svg`, import.meta.url));
  const svg = readFileSync(path, 'utf8');
  const [room, person] = [svg.indexOf('<g id="room"'), svg.indexOf('<g id="person"')];
  const grain = svg.lastIndexOf('<rect');
  const render = (text: string) => sharp(Buffer.from(text), { unlimited: true }).resize(width, height);
  return {
    width,
    height,
    person: new Uint8Array(
      await render(`${svg.slice(0, room)}${svg.slice(person, grain)}</svg>`)
        .ensureAlpha()
        .raw()
        .toBuffer(),
    ),
    room: new Uint8Array(
      await render(`${svg.slice(0, person)}</svg>`)
        .removeAlpha()
        .raw()
        .toBuffer(),
    ),
  };
}

/**
 * Puts the person into the room.
 * @param shiftX how far to the right, in pixels. @param noise standard deviation of noise, in steps of 256.
 * @param seed of the noise.
 */
export function drawScene(layers: Layers, shiftX = 0, noise = 0, seed = 1): Scene {
  const { width, height, person, room } = layers;
  const pixels = room.slice();
  const alpha = new Uint8Array(width * height);
  for (let at = 0; at < alpha.length; at++) {
    const x = at % width;
    if (x < shiftX || x >= width + shiftX) continue;
    const from = (at - shiftX) * 4;
    alpha[at] = person[from + 3]!;
    for (let channel = 0; channel < 3; channel++) {
      const back = pixels[at * 3 + channel]!;
      pixels[at * 3 + channel] = Math.round(back + (alpha[at]! / 255) * (person[from + channel]! - back));
    }
  }
  if (noise > 0) addNoise(pixels, noise, seed);
  return { width, height, pixels, alpha };
}

function addNoise(pixels: Uint8Array, deviation: number, seed: number): void {
  const random = gaussian(seed);
  for (let at = 0; at < pixels.length; at++)
    pixels[at] = Math.min(255, Math.max(0, Math.round(pixels[at]! + deviation * random())));
}

/** Soft intersection over union of two mattes, 0 … 1. */
export function overlapOf(matte: Uint8Array, truth: Uint8Array): number {
  let both = 0;
  let either = 0;
  for (let at = 0; at < matte.length; at++) {
    both += Math.min(matte[at]!, truth[at]!);
    either += Math.max(matte[at]!, truth[at]!);
  }
  return both / either;
}

/** Mean difference of two mattes where either is neither 0 nor 255, or they differ, in steps of 256. */
export function edgeErrorOf(matte: Uint8Array, truth: Uint8Array): number {
  let sum = 0;
  let count = 0;
  for (let at = 0; at < matte.length; at++) {
    const isEdge = isSoft(matte[at]!) || isSoft(truth[at]!) || matte[at] !== truth[at];
    if (!isEdge) continue;
    sum += Math.abs(matte[at]! - truth[at]!);
    count++;
  }
  return count === 0 ? 0 : sum / count;
}

function isSoft(value: number): boolean {
  return value > 0 && value < 255;
}

/** Normally distributed numbers (Box and Muller), the same for the same seed. */
function gaussian(seed: number): () => number {
  let state = seed >>> 0;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 1) / 4294967297;
  };
  return () => Math.sqrt(-2 * Math.log(next())) * Math.cos(2 * Math.PI * next());
}
