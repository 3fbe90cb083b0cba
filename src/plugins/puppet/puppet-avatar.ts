import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AvatarRef } from '../../api/avatar.ts';
import type { FacePatch, FrameIndex, Rect } from '../../api/media.ts';
import { AppError } from '../../base/errors.ts';
import { MeshWarp } from '../../media/mesh-warp.ts';
import { cutI420, readRegion } from './body-picture.ts';
import { CONTROLS, type Control } from './controls.ts';
import { smoothstep } from './curves.ts';
import { LEFT_EYE, LOWER_INNER, POINT, RIGHT_EYE, UPPER_INNER } from './face-points.ts';
import { decodeFields, FRAME_NUMBERS, type PuppetFields } from './fields-file.ts';
import { LidMargin } from './lid-margin.ts';
import { buildTriangles, EYEBALLS_AT, regionOf, VERTEX_COUNT } from './mesh.ts';
import { type Canvas, MouthInterior, type MouthPlace } from './mouth-interior.ts';
import { FIELDS_PATH } from './prepare.ts';

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

/** An avatar resident in memory, ready to be drawn: pictures of its region, mesh, moves and the inside of its mouth. */
export class PuppetAvatar {
  readonly id: string;
  readonly #fields: PuppetFields;
  readonly #bodies: readonly Uint8Array[];
  readonly #region: Rect;
  readonly #warp: MeshWarp;
  readonly #interior: MouthInterior;
  readonly #lids: readonly LidMargin[];
  /** For every vertex the box around its triangles at rest, region pixels: Float32 `[VERTEX_COUNT, 4]`. */
  readonly #around = new Float32Array(VERTEX_COUNT * 4);
  readonly #triangles: Uint16Array;
  readonly #upperEdge = new Float32Array(UPPER_INNER.length * 2);
  readonly #lowerEdge = new Float32Array(UPPER_INNER.length * 2);
  readonly #place: MouthPlace;
  readonly #canvas: Canvas;
  readonly #box = new Float32Array(4);
  #pose = -1;
  /** Widest distance of the lips at rest in pixels. */
  #restGapPx = 0;

  private constructor(id: string, seed: number, fields: PuppetFields, region: Rect, bodies: readonly Uint8Array[]) {
    this.id = id;
    this.#fields = fields;
    this.#region = region;
    this.#bodies = bodies;
    this.#triangles = buildTriangles(fields.positions);
    this.#warp = new MeshWarp(region, VERTEX_COUNT, this.#triangles, bodies.length === 1);
    const halfWidthPx = Math.hypot(fields.frames[2]!, fields.frames[3]!);
    this.#interior = new MouthInterior(fields.looks, halfWidthPx, seed);
    this.#lids = [new LidMargin(RIGHT_EYE, EYEBALLS_AT.right), new LidMargin(LEFT_EYE, EYEBALLS_AT.left)];
    this.#place = {
      ...{ x: 0, y: 0, acrossX: 1, acrossY: 0, downX: 0, downY: 1 },
      ...{ lineV: 0, jaw: 0, tongue: 0, teethShut: 0, round: 0, cover: 0 },
    };
    const { width, height } = region;
    const pixels = width * height;
    this.#canvas = { bytes: this.#warp.output, y: 0, u: pixels, v: pixels + (pixels >> 2), width, height };
    this.#setPose(0);
  }

  /**
   * Reads an avatar's fields and body pictures.
   * @param seed makes its teeth its own.
   * @throws AppError PUPPET_FIELDS_BROKEN or PUPPET_BODY_BROKEN.
   */
  static async open(avatar: AvatarRef, seed: number): Promise<PuppetAvatar> {
    const { manifest } = avatar;
    const file = await readFile(join(avatar.folder, FIELDS_PATH)).catch((cause: unknown) => {
      throw new AppError('PUPPET_FIELDS_BROKEN', `The avatar "${avatar.id}" has no readable ${FIELDS_PATH}.`, {
        fix: `musecam prepare PHOTO --id ${avatar.id}`,
        cause,
      });
    });
    const fields = decodeFields(file, manifest);
    const region = regionOf(fields.positions, manifest);
    const bodies: Uint8Array[] = [];
    for (const body of manifest.body) bodies.push(await readRegion(join(avatar.folder, body.path), manifest, region));
    return new PuppetAvatar(avatar.id, seed, fields, region, bodies);
  }

  /** For tests and previews: an avatar straight from fields and I420 bodies of the whole picture. */
  static fromPictures(id: string, seed: number, fields: PuppetFields, i420Bodies: readonly Uint8Array[]): PuppetAvatar {
    const region = regionOf(fields.positions, fields);
    return new PuppetAvatar(
      id,
      seed,
      fields,
      region,
      i420Bodies.map((body) => cutI420(body, fields, region)),
    );
  }

  /** Whether its body is one still picture, to which idle life has to be added. */
  get isStill(): boolean {
    return this.#bodies.length === 1;
  }

  /**
   * Draws the face. @param weights one per {@link CONTROLS}, then tongue and teethShut; all 0 gives the body bit for bit.
   * @param pose index of the body frame. The patch is valid until the next call.
   */
  draw(weights: Float32Array, pose: number, frame: FrameIndex): FacePatch {
    this.#setPose(Math.min(this.#bodies.length - 1, Math.max(0, pose)));
    this.#moveVertices(weights);
    this.#warp.draw();
    const box = this.#box;
    for (const lid of this.#lids) lid.paint(this.#canvas, this.#warp.to, box);
    this.#paintMouth(weights);
    const x = Math.max(0, Math.floor(box[0]! / 2 - 1) * 2);
    const y = Math.max(0, Math.floor(box[1]! / 2 - 1) * 2);
    const width = Math.min(this.#region.width, Math.ceil(box[2]! / 2 + 2) * 2) - x;
    const height = Math.min(this.#region.height, Math.ceil(box[3]! / 2 + 2) * 2) - y;
    const rect = { x: this.#region.x + x, y: this.#region.y + y, width, height };
    return { frame, avatarId: this.id, rect, format: 'i420', size: rect, data: this.#warp.cut(x, y, width, height) };
  }

  /** Distance of the lips in the frame last drawn, in pixels: what tests and meters look at. */
  get lipGapPx(): number {
    return gapOf(this.#upperEdge, this.#lowerEdge);
  }

  #setPose(pose: number): void {
    if (pose === this.#pose) return;
    this.#pose = pose;
    this.#warp.setSource(this.#bodies[pose]!);
    const { from } = this.#warp;
    const { positions } = this.#fields;
    const at = pose * VERTEX_COUNT * 2;
    for (let index = 0; index < VERTEX_COUNT * 2; index += 2) {
      from[index] = positions[at + index]! - this.#region.x;
      from[index + 1] = positions[at + index + 1]! - this.#region.y;
    }
    this.#measureNeighbours();
    for (const lid of this.#lids) lid.setSource(this.#bodies[pose]!, this.#region, from);
    this.#copyEdges(from);
    this.#restGapPx = gapOf(this.#upperEdge, this.#lowerEdge);
  }

  #measureNeighbours(): void {
    const around = this.#around;
    const { from } = this.#warp;
    for (let at = 0; at < around.length; at += 4) {
      around[at] = around[at + 1] = Number.POSITIVE_INFINITY;
      around[at + 2] = around[at + 3] = Number.NEGATIVE_INFINITY;
    }
    for (let at = 0; at < this.#triangles.length; at++) {
      const vertex = this.#triangles[at]! * 4;
      const first = at - (at % 3);
      for (let corner = first; corner < first + 3; corner++) {
        const x = from[this.#triangles[corner]! * 2]!;
        const y = from[this.#triangles[corner]! * 2 + 1]!;
        around[vertex] = Math.min(around[vertex]!, x);
        around[vertex + 1] = Math.min(around[vertex + 1]!, y);
        around[vertex + 2] = Math.max(around[vertex + 2]!, x);
        around[vertex + 3] = Math.max(around[vertex + 3]!, y);
      }
    }
  }

  /** Adds the weighted fields up and finds the box of all that moved. */
  #moveVertices(weights: Float32Array): void {
    const { to, from } = this.#warp;
    to.fill(0);
    for (let control = 0; control < CONTROLS.length; control++) {
      const weight = weights[control]!;
      if (weight === 0) continue;
      const at = control * VERTEX_COUNT * 2;
      const { fields } = this.#fields;
      for (let index = 0; index < VERTEX_COUNT * 2; index++) to[index] = to[index]! + fields[at + index]! * weight;
    }
    const frame = this.#pose * FRAME_NUMBERS;
    const { frames } = this.#fields;
    const acrossX = frames[frame + 2]!;
    const acrossY = frames[frame + 3]!;
    const downX = frames[frame + 4]!;
    const downY = frames[frame + 5]!;
    const box = this.#box;
    // At rest the patch is the mouth's corner: small, and equal to the body.
    box[0] = box[2] = from[POINT.upperLipMiddle * 2]!;
    box[1] = box[3] = from[POINT.upperLipMiddle * 2 + 1]!;
    const around = this.#around;
    for (let vertex = 0; vertex < VERTEX_COUNT; vertex++) {
      const u = to[vertex * 2]!;
      const v = to[vertex * 2 + 1]!;
      const dx = u * acrossX + v * downX;
      const dy = u * acrossY + v * downY;
      const x = from[vertex * 2]! + dx;
      const y = from[vertex * 2 + 1]! + dy;
      to[vertex * 2] = x;
      to[vertex * 2 + 1] = y;
      if (Math.abs(dx) < STILL_PX && Math.abs(dy) < STILL_PX) continue;
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
    // An open source shows its own teeth until the mouth has left its rest.
    place.cover = this.#restGapPx < 1.5 ? 1 : smoothstep(0.6, 3, Math.abs(gap - this.#restGapPx));
    if (place.cover <= 0) return;
    this.#placeSkull(weights);
    place.jaw = Math.max(0, weights[OPEN]!) * JAW_TRAVEL;
    place.tongue = weights[TONGUE]!;
    place.teethShut = weights[TEETH_SHUT]!;
    place.round = weights[ROUND]!;
    this.#interior.paint(this.#canvas, place, this.#upperEdge, this.#lowerEdge);
  }

  /** Mouth coordinates of the skull in this frame: those at rest, moved by the head but not by lips and jaw. */
  #placeSkull(weights: Float32Array): void {
    const frame = this.#pose * FRAME_NUMBERS;
    const { frames, fields } = this.#fields;
    let [u, v] = [0, 0];
    for (const control of HEAD_INDEXES) {
      const at = (control * VERTEX_COUNT + POINT.underNose) * 2;
      u += fields[at]! * weights[control]!;
      v += fields[at + 1]! * weights[control]!;
    }
    const place = this.#place;
    const acrossX = frames[frame + 2]!;
    const acrossY = frames[frame + 3]!;
    const downX = frames[frame + 4]!;
    const downY = frames[frame + 5]!;
    place.x = frames[frame]! - this.#region.x + u * acrossX + v * downX;
    place.y = frames[frame + 1]! - this.#region.y + u * acrossY + v * downY;
    const roll = weights[ROLL]!;
    place.acrossX = acrossX - roll * acrossY;
    place.acrossY = acrossY + roll * acrossX;
    place.downX = downX - roll * downY;
    place.downY = downY + roll * downX;
    const { from } = this.#warp;
    const middle = (UPPER_INNER.length - 1) / 2;
    const lineX =
      (from[UPPER_INNER[middle]! * 2]! + from[LOWER_INNER[middle]! * 2]!) / 2 + this.#region.x - frames[frame]!;
    const lineY =
      (from[UPPER_INNER[middle]! * 2 + 1]! + from[LOWER_INNER[middle]! * 2 + 1]!) / 2 +
      this.#region.y -
      frames[frame + 1]!;
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
