import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { AvatarRef } from '../../api/avatar.ts';
import type { FacePatch, FrameIndex } from '../../api/media.ts';
import { AppError } from '../../base/errors.ts';
import { MeshWarp } from '../../media/mesh-warp.ts';
import { CONTROLS, type Control } from './controls.ts';
import { smoothstep } from './curves.ts';
import { LEFT_EYE, LOWER_INNER, POINT, RIGHT_EYE, UPPER_INNER } from './face-points.ts';
import {
  decodeFields,
  FRAME_NUMBERS,
  FrameNumber,
  longestFieldsFile,
  type PuppetFields,
  SHUT_STEP,
} from './fields-file.ts';
import { LidMargin } from './lid-margin.ts';
import { MemoryRegion } from './memory-region.ts';
import { EYEBALLS_AT, VERTEX_COUNT } from './mesh.ts';
import { type Canvas, MouthInterior, type MouthPlace } from './mouth-interior.ts';
import { MovingMesh } from './moving-mesh.ts';
import { FIELDS_PATH } from './prepare.ts';
import { RegionReader, type RegionSource } from './region-reader.ts';
import { ShutLine } from './shut-line.ts';

/** Place of the tongue among the weights of {@link PuppetAvatar.draw}, after those of {@link CONTROLS}. */
export const TONGUE = CONTROLS.length;
/** Place of the shut teeth. */
export const TEETH_SHUT = CONTROLS.length + 1;
/** How many weights a drawing takes. */
export const WEIGHT_COUNT = CONTROLS.length + 2;

/** Where a control's weight stands. */
export function weightIndex(control: Control): number {
  return CONTROLS.indexOf(control);
}

const OPEN = weightIndex('open');
const ROUND = weightIndex('round');
/** Below this an offset does not show and the body's own pixels stay. */
const STILL_PX = 1 / 64;
/** Lower lip travel at weight 1, see fields.ts; the jaw's teeth go with it. */
const JAW_TRAVEL = 0.5;
/** The skull turns about the neck; these move the teeth along with the head. */
const HEAD_CONTROLS: readonly Control[] = ['headX', 'headY', 'roll', 'yaw', 'pitch', 'breath'];
const HEAD_INDEXES = HEAD_CONTROLS.map(weightIndex);
const ROLL = weightIndex('roll');

/** An avatar ready to be drawn: mesh, moves, the inside of its mouth, and the region of one frame at a time. */
export class PuppetAvatar implements AsyncDisposable {
  readonly id: string;
  /** Whether its body is one still picture, to which idle life has to be added. */
  readonly isStill: boolean;
  readonly #fields: PuppetFields;
  readonly #source: RegionSource;
  readonly #mesh: MovingMesh;
  readonly #warp: MeshWarp;
  readonly #interior: MouthInterior;
  readonly #lids: readonly LidMargin[];
  readonly #shutLine: ShutLine;
  /** For every vertex the box around its triangles in the source, region pixels: Float32 `[VERTEX_COUNT, 4]`. */
  readonly #around = new Float32Array(VERTEX_COUNT * 4);
  /** Where every vertex is when nobody speaks: the source's place with its mouth shut; region pixels. */
  readonly #rest = new Float32Array(VERTEX_COUNT * 2);
  readonly #upperEdge = new Float32Array(UPPER_INNER.length * 2);
  readonly #lowerEdge = new Float32Array(UPPER_INNER.length * 2);
  readonly #place: MouthPlace;
  readonly #canvas: Canvas;
  readonly #box = new Float32Array(4);
  #pose = -1;
  #poseBefore = 0;
  /** Widest distance of the lips at rest in pixels. */
  #restGapPx = 0;

  private constructor(id: string, seed: number, fields: PuppetFields, mesh: MovingMesh, source: RegionSource) {
    this.id = id;
    this.isStill = fields.frameCount === 1;
    this.#fields = fields;
    this.#mesh = mesh;
    this.#source = source;
    source.read(0, mesh.xAt(0), mesh.yAt(0));
    this.#warp = new MeshWarp(mesh.region, VERTEX_COUNT, new Uint16Array(mesh.order.count * 3), {
      isSharp: true,
      hasAlpha: source.alpha !== undefined,
    });
    const halfWidthPx = Math.hypot(fields.frames[FrameNumber.acrossX]!, fields.frames[FrameNumber.acrossY]!);
    this.#interior = new MouthInterior(fields.looks, halfWidthPx, seed);
    // A body that moves by itself blinks by itself.
    this.#lids = this.isStill
      ? [new LidMargin(RIGHT_EYE, EYEBALLS_AT.right), new LidMargin(LEFT_EYE, EYEBALLS_AT.left)]
      : [];
    this.#shutLine = new ShutLine(fields.looks);
    this.#place = {
      ...{ x: 0, y: 0, acrossX: 1, acrossY: 0, downX: 0, downY: 1 },
      ...{ lineV: 0, jaw: 0, tongue: 0, teethShut: 0, round: 0, cover: 0 },
    };
    const { width, height } = mesh.region;
    const pixels = width * height;
    this.#canvas = { bytes: this.#warp.output, y: 0, u: pixels, v: pixels + (pixels >> 2), width, height };
    this.#setPose(0);
  }

  /**
   * Reads an avatar's fields and opens its frames.
   * @param seed makes its teeth its own.
   * @throws AppError PUPPET_FIELDS_BROKEN or PUPPET_BODY_BROKEN.
   */
  static async open(avatar: AvatarRef, seed: number): Promise<PuppetAvatar> {
    const { manifest } = avatar;
    const fields = await decodeFields(await readFields(avatar), manifest);
    const mesh = new MovingMesh(fields);
    const source = await RegionReader.open(avatar, manifest, manifest.frameCount, mesh.region);
    try {
      const puppet = new PuppetAvatar(avatar.id, seed, fields, mesh, source);
      // Its one picture has been read; no file stays open for it.
      if (puppet.isStill) await source[Symbol.asyncDispose]();
      return puppet;
    } catch (thrown) {
      await source[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  /**
   * For tests and previews: an avatar straight from fields and I420 bodies of the whole picture.
   * @param alphas the bodies' mattes, Uint8 `[height, width]`.
   */
  static fromPictures(
    id: string,
    seed: number,
    fields: PuppetFields,
    bodies: readonly Uint8Array[],
    alphas?: readonly Uint8Array[],
  ): PuppetAvatar {
    const mesh = new MovingMesh(fields);
    return new PuppetAvatar(id, seed, fields, mesh, new MemoryRegion(fields, mesh.region, bodies, alphas));
  }

  /** Resolves when the frames being fetched have arrived: drawing then need not wait for a disk. */
  arrived(): Promise<void> {
    return this.#source.settled();
  }

  /** Begins to read the frame that will follow the one last drawn, going on in the same direction. */
  fetchNext(): void {
    const { frameCount } = this.#fields;
    if (this.isStill) return;
    const step = this.#pose - this.#poseBefore;
    const next = this.#pose + (Math.abs(step) === 1 ? step : 1);
    const frame = next < 0 ? 1 : next >= frameCount ? (step === 1 ? frameCount - 2 : 0) : next;
    this.#source.fetch(frame, this.#mesh.yAt(frame));
  }

  /**
   * Draws the face. @param weights one per {@link CONTROLS}, then tongue and teethShut; all 0 gives the body bit for bit
   * where its mouth is shut, and with its mouth shut where it is not. Of a clip only the mouth is moved, and `close` has
   * no meaning. @param pose index of the body frame. The patch is valid until the next call.
   * @throws AppError PUPPET_BODY_BROKEN when the frame cannot be read any more.
   */
  draw(weights: Float32Array, pose: number, frame: FrameIndex): FacePatch {
    this.#setPose(Math.min(this.#fields.frameCount - 1, Math.max(0, pose)));
    this.#moveVertices(weights);
    this.#warp.draw();
    const box = this.#box;
    for (const lid of this.#lids) lid.paint(this.#canvas, this.#warp.to, box);
    this.#paintMouth(weights);
    const { region } = this.#mesh;
    const x = Math.max(0, Math.floor(box[0]! / 2 - 1) * 2);
    const y = Math.max(0, Math.floor(box[1]! / 2 - 1) * 2);
    const width = Math.min(region.width, Math.ceil(box[2]! / 2 + 2) * 2) - x;
    const height = Math.min(region.height, Math.ceil(box[3]! / 2 + 2) * 2) - y;
    const rect = { x: this.#mesh.xAt(this.#pose) + x, y: this.#mesh.yAt(this.#pose) + y, width, height };
    const alpha = this.#warp.cutAlpha(x, y, width, height);
    const data = this.#warp.cut(x, y, width, height);
    return { frame, avatarId: this.id, rect, format: 'i420', size: rect, data, ...(alpha ? { alpha } : undefined) };
  }

  /** Distance of the lips in the frame last drawn, in pixels: what tests and meters look at. */
  get lipGapPx(): number {
    return gapOf(this.#upperEdge, this.#lowerEdge);
  }

  /** Closes its files. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#source[Symbol.asyncDispose]();
  }

  #setPose(pose: number): void {
    if (pose === this.#pose) return;
    const source = this.#source;
    source.read(pose, this.#mesh.xAt(pose), this.#mesh.yAt(pose));
    this.#poseBefore = this.#pose;
    this.#pose = pose;
    this.#warp.setSource(source.picture, source.alpha);
    const { from, triangles } = this.#warp;
    this.#mesh.placeVertices(pose, from);
    this.#mesh.order.write(from, triangles);
    this.#measureNeighbours();
    for (const lid of this.#lids) lid.setSource(source.picture, this.#mesh.region, from);
    this.#placeRest();
    this.#copyEdges(this.#rest);
    this.#restGapPx = gapOf(this.#upperEdge, this.#lowerEdge);
  }

  #numberOf(which: keyof typeof FrameNumber): number {
    return this.#fields.frames[this.#pose * FRAME_NUMBERS + FrameNumber[which]]!;
  }

  /** The source's vertices with its mouth brought to the clip's shut one. */
  #placeRest(): void {
    const { from } = this.#warp;
    const rest = this.#rest;
    const { shut } = this.#fields;
    rest.set(from);
    if (shut.length === 0 || this.#numberOf('shut') === 0) return;
    const at = this.#pose * VERTEX_COUNT * 2;
    const [acrossX, acrossY] = [this.#numberOf('acrossX') * SHUT_STEP, this.#numberOf('acrossY') * SHUT_STEP];
    const [downX, downY] = [this.#numberOf('downX') * SHUT_STEP, this.#numberOf('downY') * SHUT_STEP];
    for (const vertex of this.#mesh.vertices) {
      const u = shut[at + vertex * 2]!;
      const v = shut[at + vertex * 2 + 1]!;
      rest[vertex * 2] = from[vertex * 2]! + u * acrossX + v * downX;
      rest[vertex * 2 + 1] = from[vertex * 2 + 1]! + u * acrossY + v * downY;
    }
  }

  #measureNeighbours(): void {
    const around = this.#around;
    const { from, triangles } = this.#warp;
    for (let at = 0; at < around.length; at += 4) {
      around[at] = around[at + 1] = Number.POSITIVE_INFINITY;
      around[at + 2] = around[at + 3] = Number.NEGATIVE_INFINITY;
    }
    for (let at = 0; at < triangles.length; at += 3) {
      const [a, b, c] = [triangles[at]! * 2, triangles[at + 1]! * 2, triangles[at + 2]! * 2];
      const left = Math.min(from[a]!, from[b]!, from[c]!);
      const top = Math.min(from[a + 1]!, from[b + 1]!, from[c + 1]!);
      const right = Math.max(from[a]!, from[b]!, from[c]!);
      const bottom = Math.max(from[a + 1]!, from[b + 1]!, from[c + 1]!);
      for (let corner = at; corner < at + 3; corner++) {
        const vertex = triangles[corner]! * 4;
        around[vertex] = Math.min(around[vertex]!, left);
        around[vertex + 1] = Math.min(around[vertex + 1]!, top);
        around[vertex + 2] = Math.max(around[vertex + 2]!, right);
        around[vertex + 3] = Math.max(around[vertex + 3]!, bottom);
      }
    }
  }

  /** Adds the weighted fields up and finds the box of all that moved. */
  #moveVertices(weights: Float32Array): void {
    const { to, from } = this.#warp;
    const rest = this.#rest;
    const { vertices, controls } = this.#mesh;
    const { fields } = this.#fields;
    const drive = this.#numberOf('drive');
    to.fill(0);
    for (const control of controls) {
      const weight = weights[control]! * drive;
      if (weight === 0) continue;
      const at = control * VERTEX_COUNT * 2;
      for (const vertex of vertices) {
        const index = vertex * 2;
        to[index] = to[index]! + fields[at + index]! * weight;
        to[index + 1] = to[index + 1]! + fields[at + index + 1]! * weight;
      }
    }
    const [acrossX, acrossY] = [this.#numberOf('acrossX'), this.#numberOf('acrossY')];
    const [downX, downY] = [this.#numberOf('downX'), this.#numberOf('downY')];
    const box = this.#box;
    // At rest the patch is the mouth's corner: small, and equal to the body.
    box[0] = box[2] = from[POINT.upperLipMiddle * 2]!;
    box[1] = box[3] = from[POINT.upperLipMiddle * 2 + 1]!;
    const around = this.#around;
    let next = 0;
    for (let vertex = 0; vertex < VERTEX_COUNT; vertex++) {
      const index = vertex * 2;
      if (vertices[next] !== vertex) {
        to[index] = from[index]!;
        to[index + 1] = from[index + 1]!;
        continue;
      }
      next++;
      const u = to[index]!;
      const v = to[index + 1]!;
      const x = rest[index]! + u * acrossX + v * downX;
      const y = rest[index + 1]! + u * acrossY + v * downY;
      to[index] = x;
      to[index + 1] = y;
      if (Math.abs(x - from[index]!) < STILL_PX && Math.abs(y - from[index + 1]!) < STILL_PX) continue;
      box[0] = Math.min(box[0]!, around[vertex * 4]!, x);
      box[1] = Math.min(box[1]!, around[vertex * 4 + 1]!, y);
      box[2] = Math.max(box[2]!, around[vertex * 4 + 2]!, x);
      box[3] = Math.max(box[3]!, around[vertex * 4 + 3]!, y);
    }
  }

  #paintMouth(weights: Float32Array): void {
    this.#copyEdges(this.#warp.to);
    const gap = gapOf(this.#upperEdge, this.#lowerEdge);
    const place = this.#place;
    const unitPx = Math.hypot(this.#numberOf('acrossX'), this.#numberOf('acrossY'));
    this.#shutLine.paint(this.#canvas, this.#upperEdge, this.#lowerEdge, this.#numberOf('shut'), unitPx);
    place.cover = this.isStill
      ? // An open source shows its own teeth until the mouth has left its rest.
        this.#restGapPx < 1.5
        ? 1
        : smoothstep(0.6, 3, Math.abs(gap - this.#restGapPx))
      : // A clip's mouth is shut at rest, but for what is left beside a frame shown as it is: that stays the source's own.
        smoothstep(this.#restGapPx + 0.3, this.#restGapPx + 1.5, gap);
    if (place.cover <= 0) return;
    this.#placeSkull(weights);
    place.jaw = Math.max(0, weights[OPEN]!) * JAW_TRAVEL * this.#numberOf('drive');
    place.tongue = weights[TONGUE]!;
    place.teethShut = weights[TEETH_SHUT]!;
    place.round = weights[ROUND]!;
    this.#interior.paint(this.#canvas, place, this.#upperEdge, this.#lowerEdge);
  }

  /** Mouth coordinates of the skull in this frame: those at rest, moved by the head but not by lips and jaw. */
  #placeSkull(weights: Float32Array): void {
    const { fields } = this.#fields;
    let [u, v] = [0, 0];
    for (const control of this.isStill ? HEAD_INDEXES : []) {
      const at = (control * VERTEX_COUNT + POINT.underNose) * 2;
      u += fields[at]! * weights[control]!;
      v += fields[at + 1]! * weights[control]!;
    }
    const place = this.#place;
    const [acrossX, acrossY] = [this.#numberOf('acrossX'), this.#numberOf('acrossY')];
    const [downX, downY] = [this.#numberOf('downX'), this.#numberOf('downY')];
    const originX = this.#numberOf('x') - this.#mesh.xAt(this.#pose);
    const originY = this.#numberOf('y') - this.#mesh.yAt(this.#pose);
    place.x = originX + u * acrossX + v * downX;
    place.y = originY + u * acrossY + v * downY;
    const roll = this.isStill ? weights[ROLL]! : 0;
    place.acrossX = acrossX - roll * acrossY;
    place.acrossY = acrossY + roll * acrossX;
    place.downX = downX - roll * downY;
    place.downY = downY + roll * downX;
    const rest = this.#rest;
    const middle = (UPPER_INNER.length - 1) / 2;
    const [upper, lower] = [UPPER_INNER[middle]! * 2, LOWER_INNER[middle]! * 2];
    const lineX = (rest[upper]! + rest[lower]!) / 2 - originX;
    const lineY = (rest[upper + 1]! + rest[lower + 1]!) / 2 - originY;
    place.lineV = (acrossX * lineY - acrossY * lineX) / (acrossX * downY - acrossY * downX);
  }

  #copyEdges(vertices: Float32Array): void {
    for (let place = 0; place < UPPER_INNER.length; place++) {
      this.#upperEdge[place * 2] = vertices[UPPER_INNER[place]! * 2]!;
      this.#upperEdge[place * 2 + 1] = vertices[UPPER_INNER[place]! * 2 + 1]!;
      this.#lowerEdge[place * 2] = vertices[LOWER_INNER[place]! * 2]!;
      this.#lowerEdge[place * 2 + 1] = vertices[LOWER_INNER[place]! * 2 + 1]!;
    }
  }
}

function gapOf(upper: Float32Array, lower: Float32Array): number {
  let widest = 0;
  for (let at = 0; at < upper.length; at += 2) {
    const isOpen = lower[at + 1]! > upper[at + 1]!;
    if (isOpen) widest = Math.max(widest, Math.hypot(lower[at]! - upper[at]!, lower[at + 1]! - upper[at + 1]!));
  }
  return widest;
}

/** Reads the fields file, unless it is longer than that of any avatar with so many frames. */
async function readFields({ id, folder, manifest }: AvatarRef): Promise<Uint8Array> {
  const missing = (cause: unknown) =>
    new AppError('PUPPET_FIELDS_BROKEN', `The avatar "${id}" has no readable ${FIELDS_PATH}.`, {
      fix: `musecam prepare PHOTO --id ${manifest.id}`,
      cause,
    });
  const handle = await open(join(folder, FIELDS_PATH)).catch((cause: unknown) => {
    throw missing(cause);
  });
  try {
    const { size } = await handle.stat();
    const most = longestFieldsFile(manifest);
    if (size > most) throw new Error(`it has ${size} bytes, ${most} are the most it can need`);
    return await handle.readFile();
  } catch (cause) {
    throw missing(cause);
  } finally {
    await handle.close();
  }
}
