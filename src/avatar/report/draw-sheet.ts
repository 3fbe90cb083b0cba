import sharp, { type OverlayOptions } from 'sharp';
import type { QualityReport } from '../../api/avatar.ts';
import type { Rect } from '../../api/media.ts';
import { drawJawMask } from '../jaw-mask.ts';
import { drawHeader } from './sheet-header.ts';
import { drawBox, INK } from './sheet-ink.ts';
import type { SheetSample } from './sheet-samples.ts';
import { drawTile, type Tile, tintMask } from './sheet-tile.ts';

/** What a contact sheet is made of. Frames are counted from 0; boxes in pixels of the frames. */
export interface SheetContent {
  /** Whose sheet it is: the avatar's name or the source's. */
  readonly title: string;
  readonly report: QualityReport;
  /** {@link QualityMeter.samples}. */
  readonly samples: readonly SheetSample[];
  /** One face box for each frame of the clip; where one is missing no box is drawn. */
  readonly boxes: readonly Rect[];
  /** The mask of a frame, Uint8 `[box height, box width]`; left out, it is drawn from the sample's landmarks. */
  readonly masks?: ((frame: number) => Uint8Array | undefined) | undefined;
  /** Final landmarks of a frame, Float32 `[478, 3]` in pixels of the frames; left out, those the meter saw. */
  readonly points?: ((frame: number) => Float32Array) | undefined;
  /** Frames that are shown as they are. Rising. */
  readonly passthrough: readonly number[];
  readonly idle?: { readonly start: number; readonly count: number } | undefined;
  /** First frames of new shots. */
  readonly cuts?: readonly number[] | undefined;
}

/** Measures of the sheet in pixels. */
const WIDTH = 1600;
const MARGIN = 36;
const GAP = 14;
const MAX_TILE_HEIGHT = 760;
/** The file is made smaller until it fits. */
const MAX_BYTES = 400_000;
const QUALITIES = [86, 78, 68, 55, 40] as const;

/**
 * Draws the contact sheet: verdict, key numbers, the clip's timeline, and up to 12 frames with face box, tinted mask and
 * landmarks. A WebP picture, 1600 px wide, at most 400 kB. No font of the machine is used.
 */
export async function drawSheet(content: SheetContent): Promise<Buffer> {
  const { samples } = content;
  const header = drawHeader(
    {
      title: content.title,
      report: content.report,
      passthrough: content.passthrough,
      idle: content.idle,
      cuts: content.cuts ?? [],
      shown: samples.map((sample) => sample.index),
    },
    WIDTH,
    MARGIN,
  );
  const { tiles, height } = placeTiles(content, header.height + 12);
  const layers: OverlayOptions[] = [];
  for (const tile of tiles) layers.push(await pictureLayer(tile), ...maskLayer(tile, content));
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}">` +
    `${header.svg}${tiles.map(drawTile).join('')}</svg>`;
  const ground = sharp({ create: { width: WIDTH, height, channels: 3, background: INK.ground } });
  const { data, info } = await ground
    .composite([...layers, { input: Buffer.from(svg) }])
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return encode(data, { width: info.width, height: info.height });
}

/** Lays the tiles out in rows of equal columns below the header. */
function placeTiles(
  { samples, boxes, passthrough, points }: SheetContent,
  top: number,
): { tiles: Tile[]; height: number } {
  const first = samples[0]?.picture;
  if (!first) return { tiles: [], height: Math.ceil(top + MARGIN) };
  const aspect = first.width / first.height;
  const columns = samples.length === 1 ? 1 : samples.length <= 4 ? 2 : aspect < 1 ? 6 : 4;
  const inner = WIDTH - 2 * MARGIN;
  const width = Math.round(Math.min((inner - GAP * (columns - 1)) / columns, MAX_TILE_HEIGHT * aspect));
  const height = Math.round(width / aspect);
  const left = Math.round((WIDTH - width * columns - GAP * (columns - 1)) / 2);
  const hidden = new Set(passthrough);
  const tiles = samples.map((sample, i): Tile => {
    const x = left + (i % columns) * (width + GAP);
    const y = Math.round(top) + Math.floor(i / columns) * (height + GAP);
    return {
      sample: points ? { ...sample, points: points(sample.index) } : sample,
      rect: { x, y, width, height },
      isPassthrough: hidden.has(sample.index),
      box: boxes[sample.index],
      isAlone: samples.length === 1,
    };
  });
  return { tiles, height: tiles.at(-1)!.rect.y + height + MARGIN };
}

async function pictureLayer({ sample, rect }: Tile): Promise<OverlayOptions> {
  const { width, height, pixels } = sample.picture;
  const corners = `<svg xmlns="http://www.w3.org/2000/svg" width="${rect.width}" height="${rect.height}">${drawBox({ x: 0, y: 0, width: rect.width, height: rect.height }, '#fff', 6)}</svg>`;
  const input = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .resize(rect.width, rect.height, { fit: 'fill' })
    .ensureAlpha()
    .composite([{ input: Buffer.from(corners), blend: 'dest-in' }])
    .png({ compressionLevel: 1 })
    .toBuffer();
  return { input, left: rect.x, top: rect.y };
}

/** The tint over the mask; none where the frame is shown as it is. */
function maskLayer({ sample, rect, box, isPassthrough }: Tile, { masks }: SheetContent): OverlayOptions[] {
  if (!box || isPassthrough) return [];
  const mask = masks ? masks(sample.index) : drawJawMask(sample.points, box);
  if (mask?.length !== box.width * box.height) return [];
  const { data, size } = tintMask(mask, box, rect.width / (sample.picture.width * sample.scale));
  const zoom = rect.width / (sample.picture.width * sample.scale);
  return [
    {
      input: data,
      raw: { ...size, channels: 4 },
      left: rect.x + Math.round(box.x * zoom),
      top: rect.y + Math.round(box.y * zoom),
    },
  ];
}

async function encode(pixels: Buffer, size: { width: number; height: number }): Promise<Buffer> {
  let smallest: Buffer = Buffer.alloc(0);
  for (const quality of QUALITIES) {
    smallest = await sharp(pixels, { raw: { ...size, channels: 3 } })
      .webp({ quality, effort: 4 })
      .toBuffer();
    if (smallest.length <= MAX_BYTES) break;
  }
  return smallest;
}
