import type { Rect, Size } from '../../api/media.ts';
import { FRAMES_PER_SECOND } from '../../api/media.ts';
import type { FrameFault } from '../clip/clip.ts';
import { landmarkAt } from '../face-box.ts';
import { faceTopology } from '../face-topology.ts';
import { drawBox, drawText, INK, widthOf } from './sheet-ink.ts';
import type { SheetSample } from './sheet-samples.ts';

/** One frame on the sheet and where it goes. */
export interface Tile {
  readonly sample: SheetSample;
  /** In pixels of the sheet. */
  readonly rect: Rect;
  /** Whether the frame is shown as it is, without speech. */
  readonly isPassthrough: boolean;
  /** The face box in pixels of the frame. */
  readonly box: Rect | undefined;
  /** Only one frame is on the sheet: no number, larger strokes. */
  readonly isAlone: boolean;
}

/** Why a frame cannot speak, in words. */
const FAULT_WORDS: Readonly<Record<FrameFault, string>> = {
  'no-face': 'no face',
  turned: 'turned away',
  hidden: 'face covered',
  'cut-off': 'cut off',
  'too-small': 'too small',
};
/** The mask is tinted with the brand's colour, up to this much. */
const TINT = { r: 255, g: 125, b: 92, alpha: 0.34 };

/** The overlay of a tile: face box, landmarks, frame number, and what is special about it. */
export function drawTile(tile: Tile): string {
  const { sample, rect, isPassthrough } = tile;
  const zoom = rect.width / (sample.picture.width * sample.scale);
  const label = isPassthrough
    ? `as it is${sample.fault ? `: ${FAULT_WORDS[sample.fault]}` : ''}`
    : sample.why && !(sample.why in FAULT_WORDS)
      ? sample.why
      : undefined;
  return [
    isPassthrough ? '' : drawFace(tile, zoom),
    // A frame round the picture: red where it cannot speak.
    drawBox(
      rect,
      'none',
      6,
      `stroke="${isPassthrough ? INK.poor : INK.line}" stroke-width="${isPassthrough ? 4 : 1.5}"`,
    ),
    tile.isAlone
      ? ''
      : drawBadge(timeWords(sample.index), rect.x + 8, rect.y + rect.height - 30, 'rgba(10,12,16,0.78)', INK.ink),
    label === undefined
      ? ''
      : drawBadge(
          label,
          rect.x + 8,
          rect.y + 8,
          isPassthrough ? INK.poor : 'rgba(10,12,16,0.78)',
          isPassthrough ? INK.ground : INK.fair,
        ),
  ].join('');
}

function timeWords(index: number): string {
  return `${(index / FRAMES_PER_SECOND).toFixed(2)} s   #${index}`;
}

function drawBadge(text: string, x: number, y: number, fill: string, colour: string): string {
  const cap = 10.5;
  const width = widthOf(text, cap) + 18;
  return drawBox({ x, y, width, height: 22 }, fill, 6) + drawText(text, x + 9, y + 16, { cap, colour, weight: 0.13 });
}

function drawFace({ sample, rect, box, isAlone }: Tile, zoom: number): string {
  const { points } = sample;
  const place = (landmark: number) => {
    const { x, y } = landmarkAt(points, landmark);
    return `${(rect.x + x * zoom).toFixed(1)} ${(rect.y + y * zoom).toFixed(1)}`;
  };
  const ring = (landmarks: readonly number[]) => `M${landmarks.map(place).join('L')}Z`;
  const thin = isAlone ? 1.8 : 1.1;
  let dots = '';
  for (let landmark = 0; landmark < 468; landmark++) dots += `M${place(landmark)}h0.01`;
  const outlines = [
    faceTopology.faceOval,
    faceTopology.outerLips,
    faceTopology.innerLips,
    faceTopology.rightEye,
    faceTopology.leftEye,
    faceTopology.rightIris.slice(1),
    faceTopology.leftIris.slice(1),
  ];
  const round = 'fill="none" stroke-linecap="round" stroke-linejoin="round"';
  return (
    `<path d="${dots}" ${round} stroke="${INK.ink}" stroke-opacity="0.55" stroke-width="${thin * 1.15}"/>` +
    `<path d="${outlines.map(ring).join('')}" ${round} stroke="${INK.landmarks}" stroke-opacity="0.9" stroke-width="${thin}"/>` +
    (box ? drawFaceBox(box, rect, zoom, thin) : '')
  );
}

function drawFaceBox(box: Rect, rect: Rect, zoom: number, thin: number): string {
  const placed = {
    x: rect.x + box.x * zoom,
    y: rect.y + box.y * zoom,
    width: box.width * zoom,
    height: box.height * zoom,
  };
  const line = (colour: string, width: number) =>
    drawBox(placed, 'none', 3, `stroke="${colour}" stroke-width="${width}"`);
  // A dark line under the bright one: it is seen on every ground.
  return line('rgba(10,12,16,0.6)', thin * 3) + line(INK.fair, thin * 1.5);
}

/** The mask as a tint in a tile's pixels: RGBA. */
export function tintMask(mask: Uint8Array, box: Rect, zoom: number): { readonly data: Buffer; readonly size: Size } {
  const size = { width: Math.max(1, Math.round(box.width * zoom)), height: Math.max(1, Math.round(box.height * zoom)) };
  const data = Buffer.alloc(size.width * size.height * 4);
  for (let y = 0, at = 0; y < size.height; y++) {
    const row = Math.min(box.height - 1, Math.floor((y + 0.5) / zoom)) * box.width;
    for (let x = 0; x < size.width; x++, at += 4) {
      const column = Math.min(box.width - 1, Math.floor((x + 0.5) / zoom));
      data[at] = TINT.r;
      data[at + 1] = TINT.g;
      data[at + 2] = TINT.b;
      data[at + 3] = Math.round(mask[row + column]! * TINT.alpha);
    }
  }
  return { data, size };
}
