import { AppError } from '../../base/errors.ts';

/** A pack that cannot be read, or does not hold what it says. */
export function packBroken(path: string, reason: string, cause?: unknown): AppError {
  return new AppError('PACK_BROKEN', `${path} cannot be imported: ${reason}. Nothing was kept of it.`, {
    fix: 'Get the file again; whoever made it can check theirs: musecam avatars check ID',
    cause,
  });
}

/** A pack that is made in a way no export makes it, and that could do harm. */
export function packUnsafe(path: string, reason: string): AppError {
  return new AppError('PACK_UNSAFE', `${path} is refused: ${reason}. Nothing was kept of it.`, {
    fix: 'Do not use this file; ask for one made by: musecam avatars export ID',
  });
}
