import { lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AVATAR_SCHEMA_VERSION, type AvatarManifest, avatarManifestSchema } from '../api/avatar.ts';
import { messageOf, systemCodeOf } from '../base/errors.ts';

/** One thing that is wrong with an avatar. */
export interface AvatarProblem {
  /** What kind of problem: lower-case words with hyphens. */
  readonly code: string;
  readonly message: string;
  readonly fix: string;
}

/** What is wrong with an avatar.json that cannot be used at all. */
export class ManifestError extends Error {
  override readonly name = 'ManifestError';
  readonly problems: readonly AvatarProblem[];

  constructor(problems: readonly AvatarProblem[]) {
    super(problems[0]?.message);
    this.problems = problems;
  }
}

/** A manifest of as many frames as are allowed has about 3.5 MB, one of a photo 1 kB. */
const MAX_MANIFEST_BYTES = 4_000_000;
/** The code of the problem of an avatar that a newer version of this program wrote. */
export const NEWER_VERSION = 'newer-version';
/** What helps with every broken avatar. */
export const PREPARE_AGAIN = 'Prepare the avatar again, or get it again from where it came';

/** The code of the problem of an avatar that is sound but for nobody having said who is shown and who agreed. */
export const NO_CONSENT = 'no-consent';

/** Reads and checks avatar.json alone; nothing else of the avatar is looked at. @throws ManifestError. */
export async function readManifest(folder: string): Promise<AvatarManifest> {
  return checkManifest(await readManifestJson(folder), join(folder, 'avatar.json'));
}

/** Reads avatar.json as it is, unknown keys and all; only that it is JSON of a bearable size. @throws ManifestError. */
export async function readManifestJson(folder: string): Promise<unknown> {
  const path = join(folder, 'avatar.json');
  let text: string;
  try {
    const stat = await lstat(path);
    if (!stat.isFile()) throw manifestError('not-a-file', `${path} is not a plain file.`);
    checkManifestSize(stat.size, path);
    text = await readFile(path, 'utf8');
  } catch (thrown) {
    if (thrown instanceof ManifestError) throw thrown;
    const reason = systemCodeOf(thrown) === 'ENOENT' ? 'there is no avatar.json' : messageOf(thrown);
    throw manifestError('no-manifest', `${folder} is not an avatar: ${reason}.`);
  }
  return parseManifest(text, path);
}

/** Refuses an avatar.json that is larger than any can be. @param where it is, for messages. @throws ManifestError. */
export function checkManifestSize(bytes: number, where: string): void {
  if (bytes <= MAX_MANIFEST_BYTES) return;
  throw manifestError('manifest-too-large', `${where} has ${bytes} bytes; at most ${MAX_MANIFEST_BYTES} are read.`);
}

/** The text of an avatar.json as JSON. @param where it is, for messages. @throws ManifestError. */
export function parseManifest(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw manifestError('bad-json', `${where} is not JSON: ${messageOf(thrown)}`);
  }
}

/**
 * Checks what was read from an avatar.json. One that is sound but for its consent has the single problem
 * {@link NO_CONSENT}.
 * @param where it is, for messages.
 * @throws ManifestError.
 */
export function checkManifest(parsed: unknown, where: string): AvatarManifest {
  const version = (parsed as { schemaVersion?: unknown } | null)?.schemaVersion;
  if (typeof version === 'number' && version > AVATAR_SCHEMA_VERSION)
    throw manifestError(
      NEWER_VERSION,
      `${where} was written by a newer MuseCam (format ${version}); this one reads format ${AVATAR_SCHEMA_VERSION}.`,
      'Update MuseCam',
    );
  const isWithout = lacksConsent(parsed);
  const checked = avatarManifestSchema.safeParse(isWithout ? { ...(parsed as object), consent: ANY_CONSENT } : parsed);
  if (checked.success && !isWithout) return checked.data;
  if (checked.success) throw withoutConsent(checked.data.id, where);
  throw new ManifestError(
    checked.error.issues.slice(0, 10).map((issue) => ({
      code: 'bad-manifest',
      message: `${where}: ${issue.path.join('.') || 'the whole'}: ${issue.message}`,
      fix: PREPARE_AGAIN,
    })),
  );
}

/** Stands in for what is missing, so that everything else can be checked. */
const ANY_CONSENT = { depicts: '?', statement: '?', date: '' };

/** Whether nobody said who is shown or who agreed: no consent at all, or one with an empty line. */
function lacksConsent(parsed: unknown): boolean {
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return false;
  const { consent } = parsed as { consent?: unknown };
  if (consent === undefined || consent === null) return true;
  const { depicts, statement } = consent as { depicts?: unknown; statement?: unknown };
  return [depicts, statement].some((line) => line === undefined || (typeof line === 'string' && line.trim() === ''));
}

function withoutConsent(id: string, where: string): ManifestError {
  const message = `${where} does not say who is shown and who agreed to it.`;
  return manifestError(NO_CONSENT, message, `musecam avatars consent ${id} --depicts "…" --consent "…"`);
}

function manifestError(code: string, message: string, fix = PREPARE_AGAIN): ManifestError {
  return new ManifestError([{ code, message, fix }]);
}
