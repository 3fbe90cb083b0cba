import { z } from 'zod';
import type { Rect } from './media.ts';

/** The newest schema version of avatar.json this program reads and the one it writes. */
export const AVATAR_SCHEMA_VERSION = 2;
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
  /**
   * Body frames: one picture file each, in order; or one `.mp4` that holds all of them (H.264, yuv420p, BT.601 limited
   * range, 25 fps, no sound; since version 2).
   */
  body: z.array(fileSchema).min(1),
  /** One box size per avatar, one position per frame: where the face patch goes and what the mask covers. */
  faceBoxes: z.array(boxSchema).min(1),
  /** Uint8 `[frameCount, box height, box width]`, 255 = face; jaw mode, feathered. Gzipped where the path ends in `.gz`. */
  masks: fileSchema,
  /** Float32 little endian `[frameCount, 478, 3]`: x, y in body pixels, z in the same scale, smaller = nearer. */
  landmarks: fileSchema,
  preview: fileSchema,
  /** Frames whose face cannot be driven (turned away, hidden, out of the picture): they are shown as they are. Rising. */
  passthrough: z.array(z.number().int().min(0)).default([]),
  /** The calmest stretch with a shut mouth, in frames: what `--use idle` keeps. */
  idle: z.object({ start: z.number().int().min(0), count: z.number().int().min(1) }).optional(),
  /**
   * Who is person and who is background, 255 = person: one 8-bit grey picture, or for several frames one `.mp4` (H.264,
   * luma 16 … 235 = 0 … 255).
   */
  matte: fileSchema.optional(),
  /** The quality report: JSON of {@link qualityReportSchema}, and its contact sheet, a picture. */
  report: fileSchema.optional(),
  sheet: fileSchema.optional(),
  /** Confidence of the detector that this is a face, 0 … 1, lowest over all frames. */
  faceScore: z.number().min(0).max(1),
  /** What each face engine worked out beforehand, by engine id; what is in the files is the engine's own (docs/avatars.md). */
  engines: z.record(z.string().max(60), z.object({ version: z.number().int().min(1), files: z.array(fileSchema) })),
  /** Version of this program that prepared it. */
  preparedBy: z.string().max(60),
});

/** How good one measured property of a source is. */
export const ratingSchema = z.enum(['good', 'fair', 'poor']);

/** What preparation found out about a photo or clip: report.json of an avatar. */
export const qualityReportSchema = z.object({
  /** The worst of the measures that decide about the result. */
  verdict: ratingSchema,
  frames: z.object({
    total: z.number().int(),
    /** Frames with a face that can be driven. */
    usable: z.number().int(),
  }),
  measures: z
    .array(
      z.object({
        /** `face-height`, `sharpness`, `light`, `yaw`, `pitch`, `mouth-closed`, `motion`, `occlusion`, `missing-face`, `jitter` … */
        id: z.string().max(40),
        label: z.string().max(80),
        value: z.number(),
        /** `px`, `%`, `°` or empty. */
        unit: z.string().max(10),
        rating: ratingSchema,
        /** What to do about it, where it is not good. */
        advice: z.string().max(400).optional(),
      }),
    )
    .max(40),
});

/** Good, fair or poor. */
export type Rating = z.infer<typeof ratingSchema>;
/** A checked report.json. */
export type QualityReport = z.infer<typeof qualityReportSchema>;

/** A checked avatar.json. */
export type AvatarManifest = z.infer<typeof avatarManifestSchema>;
/** A file of a prepared avatar with its size and hash. */
export type AvatarFile = z.infer<typeof fileSchema>;

/** What a face engine is told of an avatar it shall hold resident. */
export interface AvatarRef {
  /** Names this resident copy; the avatar's own id (`manifest.id`) and, where its background was changed, what it is now. */
  readonly id: string;
  /** Absolute path of the avatar's folder, already checked. */
  readonly folder: string;
  readonly manifest: AvatarManifest;
  /**
   * Absolute path of its body frames unpacked: I420, `frameCount` pictures of `frameByteLength('i420', manifest)` bytes
   * without padding. What is shown behind the patch comes from the same file.
   */
  readonly bodyPath: string;
  /** The same of its matte where the show is transparent: Uint8 `[frameCount, height, width]`, 255 = person. */
  readonly alphaPath?: string;
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
  /** Frames that are shown as they are and never drawn for: their landmarks are those of the nearest good frame. */
  readonly passthrough: readonly number[];
}

/** One prepared picture of an avatar: where the face goes and what is behind it. */
export interface Pose {
  /** Index of the body frame. */
  readonly index: number;
  /** Shown as it is: no face is drawn for it. */
  readonly isPassthrough: boolean;
  /** Writes the whole picture, I420, into `target` (`frameByteLength('i420', avatar)` bytes). */
  readBody(target: Uint8Array): void | Promise<void>;
  /** Writes the matte into `target`, Uint8 `[height, width]`; missing where the avatar is opaque. */
  readAlpha?(target: Uint8Array): void | Promise<void>;
  /** Where the face patch goes, in body pixels; even. */
  readonly faceBox: Rect;
  /** Uint8 `[faceBox.height, faceBox.width]`, 255 = face. Valid until the mask of another pose is asked for. */
  readonly mask: Uint8Array;
}
