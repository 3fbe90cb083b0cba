import { z } from 'zod';
import type { Rect } from './media.ts';

/** The newest schema version of avatar.json this program reads and the one it writes. */
export const AVATAR_SCHEMA_VERSION = 1;
/** How many landmarks a face has: 468 of the MediaPipe face mesh, then 5 of the right iris and 5 of the left. */
export const LANDMARK_COUNT = 478;
/** Limits that keep a hostile pack from exhausting memory. Sizes in pixels. */
export const AVATAR_LIMITS = {
  maxWidth: 3840,
  maxHeight: 2160,
  minWidth: 128,
  minHeight: 128,
  maxFrames: 15_000,
} as const;

const even = z.number().int().min(0).multipleOf(2);
const boxSchema = z.object({ x: even, y: even, width: even.min(2), height: even.min(2) });
const fileSchema = z.object({
  /** Path inside the avatar's folder, forward slashes, no `..`, never absolute. */
  path: z
    .string()
    .regex(/^(?!\/)(?!.*(?:^|\/)\.\.?(?:\/|$))[A-Za-z0-9._/-]{1,200}$/, 'a relative path of plain characters'),
  bytes: z.number().int().min(1).max(4_000_000_000),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, '64 hexadecimal digits'),
});

/** The id of an avatar: also its folder's name. */
export const avatarIdSchema = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/, 'lower-case letters, digits and hyphens, at most 64');

/**
 * avatar.json: everything about a prepared avatar that is not pixels. One schema gives the validator, the type and the
 * JSON Schema in docs/schemas. Unknown keys are tolerated, so that a newer minor format still loads.
 */
export const avatarManifestSchema = z.object({
  schemaVersion: z.number().int().min(1),
  id: avatarIdSchema,
  name: z.string().min(1).max(100),
  description: z.string().max(1000).optional(),
  /** SPDX identifier or a sentence. */
  licence: z.string().min(1).max(200),
  consent: z.object({
    /** Who is shown: a person's name, or "invented" for a drawn character. */
    depicts: z.string().min(1).max(200),
    /** Who agreed to this use, and how; for invented characters, who made it. */
    statement: z.string().min(1).max(1000),
    /** When, as ISO date. */
    date: z.string().max(40),
  }),
  /** Size of the body frames in pixels. */
  width: even.min(AVATAR_LIMITS.minWidth).max(AVATAR_LIMITS.maxWidth),
  height: even.min(AVATAR_LIMITS.minHeight).max(AVATAR_LIMITS.maxHeight),
  /** Always 25. */
  framesPerSecond: z.literal(25),
  frameCount: z.number().int().min(1).max(AVATAR_LIMITS.maxFrames),
  /** `still`: one frame, life comes from the engine. `ping-pong` and `loop`: how the frames repeat. */
  motion: z.enum(['still', 'ping-pong', 'loop']),
  /** Body frames: one picture file each, in order. */
  body: z.array(fileSchema).min(1),
  /** One box size per avatar, one position per frame: where the face patch goes and what the mask covers. */
  faceBoxes: z.array(boxSchema).min(1),
  /** Uint8 `[frameCount, box height, box width]`, 255 = face; jaw mode, feathered. */
  masks: fileSchema,
  /** Float32 little endian `[frameCount, 478, 3]`: x, y in body pixels, z in the same scale, smaller = nearer. */
  landmarks: fileSchema,
  preview: fileSchema,
  /** Confidence of the detector that this is a face, 0 … 1, lowest over all frames. */
  faceScore: z.number().min(0).max(1),
  /** What each face engine worked out beforehand, by engine id. */
  engines: z.record(z.string().max(60), z.object({ version: z.number().int().min(1), files: z.array(fileSchema) })),
  /** Version of this program that prepared it. */
  preparedBy: z.string().max(60),
});

/** A checked avatar.json. */
export type AvatarManifest = z.infer<typeof avatarManifestSchema>;
/** A file of a prepared avatar with its size and hash. */
export type AvatarFile = z.infer<typeof fileSchema>;

/** What a face engine is told of an avatar it shall hold resident. */
export interface AvatarRef {
  readonly id: string;
  /** Absolute path of the avatar's folder, already checked. */
  readonly folder: string;
  readonly manifest: AvatarManifest;
}

/** What a face engine may look at while an avatar is being prepared. */
export interface PreparedFace {
  readonly width: number;
  readonly height: number;
  /** RGB24 pixels of one body frame, `width * height * 3` bytes. */
  readonly pixels: (frame: number) => Promise<Uint8Array>;
  readonly frameCount: number;
  /** Float32 `[frameCount, 478, 3]`. */
  readonly landmarks: Float32Array;
  /** Uint8 `[frameCount, box height, box width]`. */
  readonly masks: Uint8Array;
  readonly faceBoxes: readonly { x: number; y: number; width: number; height: number }[];
}

/** One prepared picture of an avatar in memory: where the face goes and what is behind it. */
export interface Pose {
  /** Index of the body frame. */
  readonly index: number;
  /** I420 of the whole picture, planes Y, U, V. */
  readonly body: Uint8Array;
  /** Where the face patch goes, in body pixels; even. */
  readonly faceBox: Rect;
  /** Uint8 `[faceBox.height, faceBox.width]`, 255 = face. */
  readonly mask: Uint8Array;
}
