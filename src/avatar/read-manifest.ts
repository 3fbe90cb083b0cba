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
/** What helps with every broken avatar. */
export const PREPARE_AGAIN = 'Prepare the avatar again, or get it again from where it came';

/** Reads and checks avatar.json alone; nothing else of the avatar is looked at. @throws ManifestError. */
export async function readManifest(folder: string): Promise<AvatarManifest> {
  const path = join(folder, 'avatar.json');
  let text: string;
  try {
    const stat = await lstat(path);
    if (!stat.isFile()) throw manifestError('not-a-file', `${path} is not a plain file.`);
    if (stat.size > MAX_MANIFEST_BYTES)
      throw manifestError(
        'manifest-too-large',
        `${path} has ${stat.size} bytes; at most ${MAX_MANIFEST_BYTES} are read.`,
      );
    text = await readFile(path, 'utf8');
  } catch (thrown) {
    if (thrown instanceof ManifestError) throw thrown;
    const reason = systemCodeOf(thrown) === 'ENOENT' ? 'there is no avatar.json' : messageOf(thrown);
    throw manifestError('no-manifest', `${folder} is not an avatar: ${reason}.`);
  }
  return parseManifest(text, path);
}

function parseManifest(text: string, path: string): AvatarManifest {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (thrown) {
    throw manifestError('bad-json', `${path} is not JSON: ${messageOf(thrown)}`);
  }
  const version = (parsed as { schemaVersion?: unknown } | null)?.schemaVersion;
  if (typeof version === 'number' && version > AVATAR_SCHEMA_VERSION)
    throw manifestError(
      'newer-version',
      `${path} was written by a newer MuseCam (format ${version}); this one reads format ${AVATAR_SCHEMA_VERSION}.`,
      'Update MuseCam',
    );
  const checked = avatarManifestSchema.safeParse(parsed);
  if (checked.success) return checked.data;
  throw new ManifestError(
    checked.error.issues.slice(0, 10).map((issue) => ({
      code: 'bad-manifest',
      message: `${path}: ${issue.path.join('.') || 'the whole'}: ${issue.message}`,
      fix: PREPARE_AGAIN,
    })),
  );
}

function manifestError(code: string, message: string, fix = PREPARE_AGAIN): ManifestError {
  return new ManifestError([{ code, message, fix }]);
}
