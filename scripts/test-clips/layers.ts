import { readFile } from 'node:fs/promises';
import sharp from 'sharp';

/** A person of avatars/, taken apart. */
export interface Person {
  /** RGBA pictures of {@link CANVAS}. */
  readonly room: Layer;
  readonly body: Layer;
  /** Head with ears and hair, looking straight ahead, mouth closed. */
  readonly head: Layer;
  readonly sculpture: Sculpture;
  /** Where the head lies in the canvas, px round the point between the eyes: left, top, right, bottom. */
  readonly bounds: readonly [number, number, number, number];
  /** Colour of the back of the head, RGB. */
  readonly hair: readonly [number, number, number];
}

/** A picture with transparency, RGBA. */
export interface Layer {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

/** What the drawing scripts know about a face, px round the point between the eyes. */
export interface Sculpture {
  /** Depth towards the camera. */
  readonly depthAt: (x: number, y: number) => number;
  readonly chinY: number;
  readonly mouth: { readonly y: number; readonly half: number };
  readonly eyes: Readonly<Record<'x' | 'y' | 'inner' | 'outer' | 'up' | 'low', number>>;
}

/** Size everything is drawn at; the clips are half of it. */
export const CANVAS = { width: 1280, height: 720 } as const;
/** The point between the eyes, in px of the canvas: scripts/avatars/picture.mjs. */
export const ORIGIN = { x: 640, y: 290 } as const;

/** Takes the drawing of a shipped avatar apart: its SVG has a group `room` and a group `person`, drawn from back to front. */
export async function loadPerson(id: 'jonas' | 'mira', shape: Pick<Person, 'bounds' | 'hair'>): Promise<Person> {
  const svg = await readFile(new URL(`../../avatars/${id}/source.svg`, import.meta.url), 'utf8');
  const roomAt = svg.indexOf('<g id="room"');
  const personAt = svg.indexOf('<g id="person"');
  const head = svg.slice(0, roomAt);
  const open = svg.slice(personAt, svg.indexOf('>', personAt) + 1);
  const parts = childrenOf(svg, personAt + open.length);
  const draw = (content: string) => drawLayer(`${head}${content}</svg>`);
  // The ears, where there are any, are drawn right before the head; each is a path and a clipped group.
  const ear = parts.findIndex((part) => part.includes('url(#earRClip)'));
  const split = ear > 0 ? ear - 1 : parts.findIndex((part) => part.includes('url(#headClip)'));
  const [room, body, headLayer] = await Promise.all([
    draw(svg.slice(roomAt, personAt)),
    draw(`${open}${parts.slice(0, split).join('')}</g>`),
    draw(`${open}${parts.slice(split).join('')}</g>`),
  ]);
  return { room, body, head: headLayer, sculpture: await loadSculpture(id), ...shape };
}

/** The elements of a group, as text, from the first character after its tag. */
function childrenOf(svg: string, start: number): string[] {
  const tags = /<(\/?)[a-zA-Z]+[^>]*?(\/?)>/g;
  const parts: string[] = [];
  let depth = 0;
  let from = start;
  tags.lastIndex = start;
  for (let tag = tags.exec(svg); tag; tag = tags.exec(svg)) {
    if (tag[1]) depth--;
    else if (!tag[2]) depth++;
    if (depth < 0) return parts;
    if (depth > 0) continue;
    parts.push(svg.slice(from, tags.lastIndex));
    from = tags.lastIndex;
  }
  throw new Error('the person group is not closed');
}

/** Draws SVG text, of the canvas's shape, as a layer. */
export async function drawLayer(svg: string, size: { width: number; height: number } = CANVAS): Promise<Layer> {
  const { data } = await sharp(Buffer.from(svg), { unlimited: true })
    .resize(size.width, size.height)
    .ensureAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { ...size, pixels: new Uint8Array(data) };
}

/** The drawing scripts are plain JavaScript: what is read from them is written down here. */
interface FaceModule {
  readonly face: Pick<Sculpture, 'chinY' | 'mouth'>;
  readonly eyes: Sculpture['eyes'];
}
interface HeadModule {
  readonly headHeight: (face: FaceModule['face']) => Sculpture['depthAt'];
}

async function loadSculpture(id: string): Promise<Sculpture> {
  const load = (name: string): Promise<unknown> => import(new URL(`../avatars/${name}.mjs`, import.meta.url).href);
  const { face, eyes } = (await load(`${id}-face`)) as FaceModule;
  const { headHeight } = (await load('head')) as HeadModule;
  return { depthAt: headHeight(face), chinY: face.chinY, mouth: face.mouth, eyes };
}
