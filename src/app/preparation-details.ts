import { avatarIdSchema, avatarManifestSchema } from '../api/avatar.ts';
import type { PreparationDetails } from '../api/plugin.ts';
import { AppError } from '../base/errors.ts';

/** Longest name of a file that is shown. */
const MAX_FILE_NAME = 120;

/**
 * Checks what somebody says about the file they hand in.
 * @throws AppError CONSENT_MISSING, BAD_AVATAR_ID, BAD_AVATAR_DETAILS, UPLOAD_TOO_LARGE, UPLOAD_INCOMPLETE.
 */
export function checkDetails({ avatarId, name, depicts, consent, bytes }: PreparationDetails, maxBytes: number): void {
  if (depicts.trim() === '' || consent.trim() === '') {
    throw new AppError('CONSENT_MISSING', 'Who is shown, and who agreed to this use, is not said.', {
      fix: 'Say both; for a drawn character who is shown is "invented".',
    });
  }
  if (!avatarIdSchema.safeParse(avatarId).success) {
    throw new AppError('BAD_AVATAR_ID', `"${avatarId.slice(0, 80)}" cannot be an avatar's id.`, {
      fix: 'Use lower-case letters, digits and hyphens, at most 64.',
    });
  }
  const { name: named, consent: said } = avatarManifestSchema.shape;
  const isFitting = named.safeParse(name).success && said.pick({ depicts: true }).safeParse({ depicts }).success;
  if (!isFitting || !said.pick({ statement: true }).safeParse({ statement: consent }).success) {
    throw new AppError('BAD_AVATAR_DETAILS', 'The name, or what is said about who is shown, is too long or empty.', {
      fix: 'Names have 1 to 100 characters, who is shown at most 200, who agreed at most 1000.',
    });
  }
  if (!Number.isSafeInteger(bytes) || bytes < 1) {
    throw new AppError('UPLOAD_INCOMPLETE', 'The file is empty.', { fix: 'Choose another file.' });
  }
  if (bytes > maxBytes) {
    throw new AppError(
      'UPLOAD_TOO_LARGE',
      `The file has ${megabytes(bytes)}; at most ${megabytes(maxBytes)} are taken.`,
      {
        fix: 'Cut the clip shorter (ten seconds are plenty), or prepare it in a terminal: musecam prepare FILE --id ID',
      },
    );
  }
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1e6)} MB`;
}

/** What is said where an id is taken. */
export function idTaken(message: string, avatarId: string): AppError {
  return new AppError('AVATAR_EXISTS', message, { fix: `Choose another name, for example: my-${avatarId}` });
}

/** A name to show: its last part, one line of it. */
export function cleanFileName(name: string): string {
  const last = name.split(/[\\/]/).at(-1) ?? '';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is taken out
  return last.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '').slice(0, MAX_FILE_NAME) || 'file';
}
