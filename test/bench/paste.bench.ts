import sharp from 'sharp';
import { type FacePatch, frameByteLength } from '../../src/api/media.ts';
import { i420ToRgb24, i420ToYuyv, rgb24ToI420, scaleI420ToRgb24 } from '../../src/media/color.ts';
import { pastePatch } from '../../src/media/paste.ts';
import { noiseBytes, smoothRgb } from '../media/picture-samples.ts';
import type { BenchGroup } from './harness.ts';

const size = { width: 1280, height: 720 };
const faceSize = { width: 256, height: 256 };
const box = { x: 490, y: 180, width: 300, height: 360 };

/** A feathered ellipse over the whole box: more to do than a jaw mask, whose upper half is empty. */
function ellipseMask(): Uint8Array {
  return Uint8Array.from({ length: box.width * box.height }, (_, at) => {
    const x = ((at % box.width) / box.width) * 2 - 1;
    const y = (Math.floor(at / box.width) / box.height) * 2 - 1;
    return Math.min(255, Math.max(0, (1 - Math.hypot(x, y)) * 255 * 5));
  });
}

/** Converts the face, resizes its planes and blends them, as the kernel does, in plain JavaScript over typed arrays. */
class PlainPaste {
  readonly #face = new Uint8Array(frameByteLength('i420', faceSize));
  readonly #mask: Uint8Array;
  readonly #halfMask: Uint8Array;

  constructor(mask: Uint8Array) {
    this.#mask = mask;
    const [width, height] = [box.width / 2, box.height / 2];
    this.#halfMask = Uint8Array.from({ length: width * height }, (_, at) => {
      const top = Math.floor(at / width) * 2 * box.width + (at % width) * 2;
      return (mask[top]! + mask[top + 1]! + mask[top + box.width]! + mask[top + box.width + 1]! + 2) >> 2;
    });
  }

  paste(frame: Uint8Array, rgb: Uint8Array): void {
    plainRgbToI420(rgb, faceSize.width, faceSize.height, this.#face);
    const pixels = size.width * size.height;
    const facePixels = faceSize.width * faceSize.height;
    this.#blend(frame, 0, 1, 0, this.#mask);
    this.#blend(frame, pixels, 2, facePixels, this.#halfMask);
    this.#blend(frame, pixels * 1.25, 2, facePixels * 1.25, this.#halfMask);
  }

  #blend(frame: Uint8Array, plane: number, scale: number, faceAt: number, mask: Uint8Array): void {
    const [width, height] = [box.width / scale, box.height / scale];
    const [faceWidth, faceHeight] = [faceSize.width / scale, faceSize.height / scale];
    const stride = size.width / scale;
    for (let y = 0; y < height; y++) {
      const sy = Math.min(faceHeight - 1.001, Math.max(0, ((y + 0.5) * faceHeight) / height - 0.5));
      const row = faceAt + Math.floor(sy) * faceWidth;
      const fy = ((sy - Math.floor(sy)) * 256) | 0;
      let to = plane + (box.y / scale + y) * stride + box.x / scale;
      for (let x = 0; x < width; x++, to++) {
        const alpha = mask[y * width + x]!;
        if (alpha === 0) continue;
        const sx = Math.min(faceWidth - 1.001, Math.max(0, ((x + 0.5) * faceWidth) / width - 0.5));
        const at = row + Math.floor(sx);
        const fx = ((sx - Math.floor(sx)) * 256) | 0;
        const face = this.#face;
        const top = face[at]! * (256 - fx) + face[at + 1]! * fx;
        const bottom = face[at + faceWidth]! * (256 - fx) + face[at + faceWidth + 1]! * fx;
        const value = (top * (256 - fy) + bottom * fy) / 65_536;
        frame[to] = frame[to]! + ((value - frame[to]!) * alpha) / 255 + 0.5;
      }
    }
  }
}

/** RGB to I420 in plain JavaScript. */
function plainRgbToI420(rgb: Uint8Array, width: number, height: number, out: Uint8Array): void {
  const uAt = width * height;
  const vAt = uAt * 1.25;
  for (let y = 0; y < height; y += 2) {
    for (let x = 0; x < width; x += 2) {
      let [red, green, blue] = [0, 0, 0];
      for (let corner = 0; corner < 4; corner++) {
        const pixel = (y + (corner >> 1)) * width + x + (corner & 1);
        const r = rgb[pixel * 3]!;
        const g = rgb[pixel * 3 + 1]!;
        const b = rgb[pixel * 3 + 2]!;
        out[pixel] = (66 * r + 129 * g + 25 * b + 4224) >> 8;
        red += r;
        green += g;
        blue += b;
      }
      const chroma = (y >> 1) * (width >> 1) + (x >> 1);
      out[uAt + chroma] = (-38 * red - 74 * green + 112 * blue + 131_584) >> 10;
      out[vAt + chroma] = (112 * red - 94 * green - 18 * blue + 131_584) >> 10;
    }
  }
}

/** What one writes first: copy the RGB picture, blend pixel by pixel, convert the whole picture. */
function naivePaste(body: Uint8Array, frame: Uint8Array, face: Uint8Array, mask: Uint8Array, out: Uint8Array): void {
  frame.set(body);
  for (let y = 0; y < box.height; y++) {
    for (let x = 0; x < box.width; x++) {
      const alpha = mask[y * box.width + x]! / 255;
      const from = (Math.floor((y * 256) / box.height) * 256 + Math.floor((x * 256) / box.width)) * 3;
      const to = ((box.y + y) * size.width + box.x + x) * 3;
      for (let channel = 0; channel < 3; channel++) {
        frame[to + channel] = frame[to + channel]! * (1 - alpha) + face[from + channel]! * alpha;
      }
    }
  }
  plainRgbToI420(frame, size.width, size.height, out);
}

/** The same through sharp: resize, mask, composite on the whole picture; I420 comes on top. */
async function sharpPaste(body: Uint8Array, face: Uint8Array, mask: Uint8Array): Promise<void> {
  const resized = await sharp(face, { raw: { ...faceSize, channels: 3 } })
    .resize(box.width, box.height, { kernel: 'linear', fit: 'fill' })
    .joinChannel(Buffer.from(mask), { raw: { width: box.width, height: box.height, channels: 1 } })
    .raw()
    .toBuffer();
  await sharp(body, { raw: { ...size, channels: 3 } })
    .composite([
      { input: resized, raw: { width: box.width, height: box.height, channels: 4 }, left: box.x, top: box.y },
    ])
    .raw()
    .toBuffer();
}

/** Pasting a MuseTalk face, colour conversion, and pasting an opaque patch, all at 1280x720. */
export async function groups(): Promise<BenchGroup[]> {
  const rgb = smoothRgb(size.width, size.height);
  const body = new Uint8Array(frameByteLength('i420', size));
  rgb24ToI420(rgb, size, body);
  const frame = new Uint8Array(body.length);
  const rgbFrame = new Uint8Array(rgb.length);
  const yuyv = new Uint8Array(frameByteLength('yuyv', size));
  const preview = { width: 640, height: 360 };
  const previewRgb = new Uint8Array(frameByteLength('rgb24', preview));
  const data = noiseBytes(256 * 256 * 3, 1);
  const mask = ellipseMask();
  const patch: FacePatch = { frame: 0, avatarId: 'bench', rect: box, format: 'rgb24', size: faceSize, data };
  const plain = new PlainPaste(mask);
  const opaqueRect = { x: 360, y: 12, width: 560, height: 700 };
  const opaque: FacePatch = {
    ...patch,
    rect: opaqueRect,
    format: 'i420',
    size: opaqueRect,
    data: noiseBytes(560 * 700 * 1.5, 2),
  };
  return [
    {
      title: 'Paste: 720p body copied, 256x256 RGB face resized to 300x360, blended through its mask, out as I420',
      benches: [
        {
          name: 'plain TypedArray JavaScript, same algorithm (baseline)',
          run: () => {
            frame.set(body);
            plain.paste(frame, data);
          },
        },
        {
          name: 'this program: SIMD kernel',
          budgetMs: 0.5,
          run: () => {
            frame.set(body);
            pastePatch(frame, size, patch, mask, box);
          },
        },
        {
          name: 'naive JavaScript: whole RGB frame, then to I420',
          run: () => naivePaste(rgb, rgbFrame, data, mask, frame),
        },
        {
          name: 'sharp: composite, then our RGB to I420',
          run: async () => {
            await sharpPaste(rgb, data, mask);
            rgb24ToI420(rgb, size, frame);
          },
        },
      ],
    },
    {
      title: 'Whole 720p pictures',
      benches: [
        {
          name: 'RGB24 to I420, plain JavaScript (baseline)',
          run: () => plainRgbToI420(rgb, size.width, size.height, frame),
        },
        { name: 'RGB24 to I420', run: () => rgb24ToI420(rgb, size, frame) },
        { name: 'I420 to RGB24', run: () => i420ToRgb24(body, size, rgbFrame) },
        { name: 'I420 to YUYV', run: () => i420ToYuyv(body, size, yuyv) },
        { name: 'I420 to 640x360 RGB24 (preview)', run: () => scaleI420ToRgb24(body, size, preview, previewRgb) },
        {
          name: 'body copied, opaque 560x700 I420 patch pasted (puppet)',
          budgetMs: 0.5,
          run: () => {
            frame.set(body);
            pastePatch(frame, size, opaque);
          },
        },
      ],
    },
  ];
}
