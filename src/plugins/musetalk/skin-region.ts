import { PARSER_SIDE as SIDE } from '../../onnx/build-face-parser.ts';

/**
 * What the skin grows by, as MuseTalk's kernel of 33 rows does: a row of skin reaches from 16 rows above it (an arrow's
 * shaft, 21 wide) to 6 below (its tip). Rows that a pixel looks at, relative to itself, and how far to either side there.
 */
const TIP_ROW = -6;
const SHAFT_FIRST_ROW = 4;
const SHAFT_LAST_ROW = 16;
const SHAFT_REACH = 10;
/** Half the length of the level bar (35 pixels) that must fit into the cheeks for them to stay. */
const BAR_REACH = 17;
const BAR_TIMES = 2;

/** How far the free middle of the face reaches, in pixels of the parser's 512: what lies outside is shrunk as cheek. */
export interface CheekWidths {
  readonly left: number;
  readonly right: number;
}

/**
 * The skin as MuseTalk's `jaw` mode takes it: grown by an arrow that points down, and in both cheeks shrunk again by a flat
 * ellipse, so that the mask keeps away from the jaw's sides but not from the chin.
 * @param skin Uint8 `[512, 512]`, 0 or 1.
 * @returns Uint8 `[512, 512]`, 0 or 1.
 */
export function jawSkin(skin: Uint8Array, cheeks: CheekWidths): Uint8Array {
  const grown = growSkin(skin);
  let shrunk = grown;
  for (let i = 0; i < BAR_TIMES; i++) shrunk = shrinkByBar(shrunk);
  const first = SIDE / 2 - cheeks.left + 1;
  const end = SIDE / 2 + cheeks.right;
  for (let row = 0; row < SIDE * SIDE; row += SIDE) {
    // Both columns at the border belong to the cheeks.
    const from = row + Math.max(0, first);
    const to = row + Math.min(SIDE, end);
    if (to > from) shrunk.set(grown.subarray(from, to), from);
  }
  return shrunk;
}

function growSkin(skin: Uint8Array): Uint8Array {
  const away = distancesAlongRows(skin, 1);
  const grown = new Uint8Array(SIDE * SIDE);
  growShaft(grown, away);
  for (let dy = TIP_ROW; dy < SHAFT_FIRST_ROW; dy++) {
    const reach = dy - TIP_ROW;
    const end = (SIDE - Math.max(0, dy)) * SIDE;
    for (let at = Math.max(0, -dy) * SIDE; at < end; at++) if (away[at + dy * SIDE]! <= reach) grown[at] = 1;
  }
  return grown;
}

/** The arrow's shaft is as wide in all of its rows: it is enough to know the nearest row below that reaches a pixel. */
function growShaft(grown: Uint8Array, away: Uint8Array): void {
  const nearest = new Int32Array(SIDE).fill(2 * SIDE);
  for (let y = SIDE - 1 - SHAFT_FIRST_ROW; y >= 0; y--) {
    const below = y + SHAFT_FIRST_ROW;
    for (let x = 0; x < SIDE; x++) {
      if (away[below * SIDE + x]! <= SHAFT_REACH) nearest[x] = below;
      if (nearest[x]! - y <= SHAFT_LAST_ROW) grown[y * SIDE + x] = 1;
    }
  }
}

/** Keeps a pixel whose bar is all set, and the one above and the one below; beyond the border counts as set. */
function shrinkByBar(region: Uint8Array): Uint8Array {
  const away = distancesAlongRows(region, 0);
  const shrunk = new Uint8Array(SIDE * SIDE);
  for (let at = 0; at < region.length; at++) {
    const above = at < SIDE ? 1 : region[at - SIDE]!;
    const below = at >= region.length - SIDE ? 1 : region[at + SIDE]!;
    if (away[at]! > BAR_REACH && above === 1 && below === 1) shrunk[at] = 1;
  }
  return shrunk;
}

/** How far the nearest pixel of a value is in the same row; 255 stands for that far and for none at all. */
function distancesAlongRows(plane: Uint8Array, value: number): Uint8Array {
  const away = new Uint8Array(SIDE * SIDE);
  for (let start = 0; start < plane.length; start += SIDE) {
    let distance = 255;
    for (let at = start; at < start + SIDE; at++) {
      distance = plane[at] === value ? 0 : Math.min(255, distance + 1);
      away[at] = distance;
    }
    distance = 255;
    for (let at = start + SIDE - 1; at >= start; at--) {
      distance = plane[at] === value ? 0 : Math.min(255, distance + 1);
      if (distance < away[at]!) away[at] = distance;
    }
  }
  return away;
}
