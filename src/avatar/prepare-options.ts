import { join } from 'node:path';
import { AVATAR_LIMITS, avatarIdSchema, avatarManifestSchema } from '../api/avatar.ts';
import type { FaceEngine } from '../api/contributions.ts';
import type { Size } from '../api/media.ts';
import { AppError } from '../base/errors.ts';
import { avatarExists, exists } from './avatar-folder.ts';
import type { AvatarDetails } from './write-avatar.ts';

/** Steps of a preparation, in order; a photo has no `follow` and no `film`. */
export type PrepareStep = 'read' | 'find-face' | 'follow' | 'frame' | 'film' | 'mask' | 'engine' | 'report' | 'write';

/** How far a preparation is. */
export interface PrepareProgress {
  readonly step: PrepareStep;
  /** How much of the whole is done, 0 … 1; never falls. */
  readonly fraction: number;
  /** About how long the rest takes, in seconds; undefined while nothing is known. */
  readonly secondsLeft?: number | undefined;
}

/** What a photo or a clip has in common on its way to an avatar. */
export interface PrepareOptions extends AvatarDetails {
  /** Path of the photo, clip or folder of pictures. */
  readonly source: string;
  /** Ids that may not be taken: those of the shipped avatars. */
  readonly reservedIds?: ReadonlySet<string> | undefined;
  /** Size of the body frames in pixels, even. Default 1280x720. */
  readonly size?: Size | undefined;
  /** `webcam`: frame the face like a webcam's. `whole`: keep the whole picture, at its own size unless `size` says another. */
  readonly framing?: 'webcam' | 'whole' | undefined;
  /** Which face to take where there are several, counted from the left, beginning with 1. */
  readonly face?: number | undefined;
  /** Engines that work something out beforehand, by contribution id. */
  readonly engines: ReadonlyMap<string, FaceEngine>;
  /** Those of them that were asked for by name: they may take long, and what they lack is an error. */
  readonly wantedEngines?: readonly string[] | undefined;
  /** Told before each step, while it goes on, and at the end. */
  readonly onProgress?: ((progress: PrepareProgress) => void) | undefined;
  /** Told what the person should know, though it goes on: one sentence each. */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** Aborting it ends the preparation with the signal's reason and leaves no half avatar behind. */
  readonly signal?: AbortSignal | undefined;
}

/** Size of the body frames where none is asked for. */
export const DEFAULT_SIZE: Size = { width: 1280, height: 720 };

/**
 * Looks at everything that can be refused before the source is opened.
 * @throws AppError BAD_AVATAR_ID, CONSENT_MISSING, BAD_AVATAR_DETAILS, AVATAR_EXISTS.
 */
export async function checkOptions(options: PrepareOptions): Promise<void> {
  checkDetails(options);
  const { id, folder, reservedIds, replace } = options;
  if (reservedIds?.has(id))
    throw new AppError('AVATAR_EXISTS', `"${id}" is the id of an avatar that comes with MuseCam.`, {
      fix: `Choose another id, for example: --id my-${id}`,
    });
  if (!replace && (await exists(join(folder, id)))) throw avatarExists(join(folder, id));
}

function checkDetails(options: PrepareOptions): void {
  if (!avatarIdSchema.safeParse(options.id).success)
    throw new AppError('BAD_AVATAR_ID', `"${options.id}" cannot be an avatar's id.`, {
      fix: 'Use lower-case letters, digits and hyphens, at most 64, for example: --id anna-office',
    });
  const { depicts, statement } = options.consent;
  if (depicts.trim() === '' || statement.trim() === '')
    throw new AppError('CONSENT_MISSING', 'Who is shown, and who agreed to this use, is not said.', {
      fix: 'Say it: --depicts "Anna Example" --consent "Anna agreed in writing on 1 May" (or --depicts invented)',
    });
  const details = avatarManifestSchema.pick({
    name: true,
    description: true,
    licence: true,
    width: true,
    height: true,
  });
  const checked = details.safeParse({ ...options, ...(options.size ?? DEFAULT_SIZE) });
  const issue = checked.error?.issues[0];
  if (issue)
    throw new AppError('BAD_AVATAR_DETAILS', `The avatar's ${issue.path.join('.')} does not fit: ${issue.message}`, {
      fix: `Names have 1 to 100 characters; sizes are even, ${AVATAR_LIMITS.minWidth}x${AVATAR_LIMITS.minHeight} to ${AVATAR_LIMITS.maxWidth}x${AVATAR_LIMITS.maxHeight}`,
    });
}
