import type { OBSWebSocket } from 'obs-websocket-js/json';

/** A small picture: blue, green and red of each pixel, from the bottom row up. */
const SIZE = { imageWidth: 16, imageHeight: 8 } as const;

/** A source as OBS has it at this moment. */
export async function lookAt(hand: OBSWebSocket, sourceName: string): Promise<Buffer> {
  const { imageData } = await hand.call('GetSourceScreenshot', { sourceName, imageFormat: 'bmp', ...SIZE });
  const bmp = Buffer.from(imageData.slice(imageData.indexOf(',') + 1), 'base64');
  const bytesPerPixel = bmp.readUInt16LE(28) / 8;
  const from = bmp.readUInt32LE(10);
  const pixels = Array.from({ length: SIZE.imageWidth * SIZE.imageHeight }, (_, i) => {
    const at = from + i * bytesPerPixel;
    return bmp.subarray(at, at + 3);
  });
  return Buffer.concat(pixels);
}

/** Whether the middle of a picture is red. */
export function isRed(picture: Buffer): boolean {
  const at = (4 * SIZE.imageWidth + 8) * 3;
  const [blue = 0, green = 0, red = 0] = picture.subarray(at, at + 3);
  return red > 200 && green < 60 && blue < 60;
}

/** Mean difference of two pictures, 0 … 255. */
export function differenceOf(a: Buffer, b: Buffer): number {
  let sum = 0;
  for (const [i, value] of a.entries()) sum += Math.abs(value - b[i]!);
  return sum / a.length;
}

/** Red, green and blue of one point of a scene or source, 640x360. */
export async function pointInObs(hand: OBSWebSocket, sourceName: string, x: number, y: number): Promise<number[]> {
  const size = { imageWidth: 640, imageHeight: 360 };
  const { imageData } = await hand.call('GetSourceScreenshot', { sourceName, imageFormat: 'bmp', ...size });
  const bmp = Buffer.from(imageData.slice(imageData.indexOf(',') + 1), 'base64');
  const bytesPerPixel = bmp.readUInt16LE(28) / 8;
  const stride = (size.imageWidth * bytesPerPixel + 3) & ~3;
  const at = bmp.readUInt32LE(10) + (size.imageHeight - 1 - y) * stride + x * bytesPerPixel;
  return [...bmp.subarray(at, at + 3)].reverse();
}
