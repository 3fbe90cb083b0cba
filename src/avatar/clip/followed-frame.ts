import { LANDMARK_COUNT } from '../../api/avatar.ts';
import type { FrameFault } from './clip.ts';
import { LOOK_BYTES } from './face-look.ts';
import { THUMBNAIL_BYTES } from './see-cut.ts';

/** What the follower saw in one frame: all it has to know to go on with the next one. */
export interface FollowedFrame {
  /** Float32 `[478, 3]`, pixels of the picture; undefined where the face was not found. */
  readonly points?: Float32Array | undefined;
  /** How sure the mesh is, 0 … 1; 0 without a face. */
  readonly score: number;
  /** Why the face cannot be driven, undefined where it can. 'hidden' is mostly found later, by {@link trackOf}. */
  readonly fault?: FrameFault | undefined;
  /** Whether a new shot begins with this frame. */
  readonly isCut: boolean;
  /** The picture in a few colours, see see-cut.ts. */
  readonly thumbnail: Uint8Array;
  /** Colours of the face, see face-look.ts; undefined without a face. */
  readonly look?: Uint8Array | undefined;
  /** The other faces, where the detector looked at the whole picture; undefined where it did not. At most four. */
  readonly others?: readonly SeenFace[] | undefined;
}

/** A face somewhere in the picture that is not the one followed. */
export interface SeenFace {
  /** Tip of the nose, in pixels. */
  readonly x: number;
  readonly y: number;
  /** Forehead to chin, in pixels. */
  readonly height: number;
  readonly look: Uint8Array;
}

/** The most other faces that are kept. */
export const MAX_OTHERS = 4;
const FAULTS = [undefined, 'no-face', 'turned', 'hidden', 'cut-off', 'too-small'] as const;
const POINT_BYTES = LANDMARK_COUNT * 3 * 4;
const OTHER_BYTES = 12 + LOOK_BYTES;
const NO_OTHERS = 255;
/** Length of a packed {@link FollowedFrame}. */
export const FOLLOWED_BYTES = 8 + POINT_BYTES + THUMBNAIL_BYTES + LOOK_BYTES + MAX_OTHERS * OTHER_BYTES;

/**
 * A followed frame as {@link FOLLOWED_BYTES} bytes, for the work folder; {@link unpackFollowed} gives the very same back.
 * Layout, little endian: version, flags, fault, number of others (one byte each), score, points, thumbnail, look, others.
 */
export function packFollowed(frame: FollowedFrame): Uint8Array {
  const bytes = new Uint8Array(FOLLOWED_BYTES);
  const view = new DataView(bytes.buffer);
  bytes[0] = 1;
  bytes[1] = (frame.points ? 1 : 0) | (frame.isCut ? 2 : 0);
  bytes[2] = FAULTS.indexOf(frame.fault);
  bytes[3] = frame.others?.length ?? NO_OTHERS;
  view.setFloat32(4, frame.score, true);
  let at = 8;
  for (const [i, value] of frame.points?.entries() ?? []) view.setFloat32(at + i * 4, value, true);
  at += POINT_BYTES;
  bytes.set(frame.thumbnail, at);
  at += THUMBNAIL_BYTES;
  if (frame.look) bytes.set(frame.look, at);
  at += LOOK_BYTES;
  for (const other of frame.others ?? []) {
    for (const [i, value] of [other.x, other.y, other.height].entries()) view.setFloat32(at + i * 4, value, true);
    bytes.set(other.look, at + 12);
    at += OTHER_BYTES;
  }
  return bytes;
}

/** The frame that {@link packFollowed} packed; undefined where these bytes are none. */
export function unpackFollowed(bytes: Uint8Array): FollowedFrame | undefined {
  const others = bytes[3]!;
  if (bytes.length !== FOLLOWED_BYTES || bytes[0] !== 1 || bytes[2]! >= FAULTS.length) return undefined;
  if (others > MAX_OTHERS && others !== NO_OTHERS) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const floats = (start: number, count: number) =>
    Float32Array.from({ length: count }, (_, i) => view.getFloat32(start + i * 4, true));
  const hasFace = (bytes[1]! & 1) !== 0;
  const thumbnailAt = 8 + POINT_BYTES;
  const lookAt = thumbnailAt + THUMBNAIL_BYTES;
  const othersAt = lookAt + LOOK_BYTES;
  const other = (i: number): SeenFace => {
    const at = othersAt + i * OTHER_BYTES;
    const [x, y, height] = floats(at, 3) as unknown as [number, number, number];
    return { x, y, height, look: bytes.slice(at + 12, at + OTHER_BYTES) };
  };
  return {
    points: hasFace ? floats(8, LANDMARK_COUNT * 3) : undefined,
    score: view.getFloat32(4, true),
    fault: FAULTS[bytes[2]!],
    isCut: (bytes[1]! & 2) !== 0,
    thumbnail: bytes.slice(thumbnailAt, lookAt),
    look: hasFace ? bytes.slice(lookAt, othersAt) : undefined,
    others: others === NO_OTHERS ? undefined : Array.from({ length: others }, (_, i) => other(i)),
  };
}
