import { lstat, readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { type AvatarManifest, type QualityReport, qualityReportSchema } from '../api/avatar.ts';
import type { AvatarSummary } from '../api/status.ts';
import { messageOf } from '../base/errors.ts';
import { AVATAR_BYTE_LIMITS } from './manifest-rules.ts';
import { ManifestError, readManifest } from './read-manifest.ts';

/** An avatar in a list; one that cannot be used says why. */
export interface AvatarEntry extends AvatarSummary {
  /** The avatar's own folder. */
  readonly folder: string;
  /** Why it cannot be used; undefined = its manifest is sound (files are checked when it is loaded). */
  readonly problem?: string;
  /** What kind of problem: see docs/errors.md, AVATAR_BROKEN. */
  readonly problemCode?: string;
  /** What to do about the problem. */
  readonly problemFix?: string;
  /** Absolute path of its preview picture; undefined for a broken one. */
  readonly previewPath?: string;
}

/** What a list says of an avatar. Never throws for what is wrong with it. @param place what the library knows of it. */
export async function describeAvatar(
  place: Pick<AvatarEntry, 'id' | 'folder' | 'isShipped' | 'isResident'>,
): Promise<AvatarEntry> {
  const { id, folder } = place;
  try {
    const manifest = await readManifest(folder);
    if (manifest.id !== id) throw new Error(`avatar.json says "${manifest.id}", its folder "${id}".`);
    const { name, width, height, consent, frameCount, matte } = manifest;
    const verdict = (await readReport(folder, manifest))?.verdict;
    return {
      ...place,
      ...{ name, width, height, frameCount, depicts: consent.depicts, hasMatte: matte !== undefined },
      ...(verdict ? { verdict } : {}),
      previewPath: await findInside(folder, manifest.preview.path),
    };
  } catch (thrown) {
    const first = thrown instanceof ManifestError ? thrown.problems[0] : undefined;
    return {
      ...place,
      ...{ name: id, width: 0, height: 0, frameCount: 0, hasMatte: false, depicts: '' },
      problem: messageOf(thrown),
      ...(first ? { problemCode: first.code, problemFix: first.fix } : {}),
    };
  }
}

/** An avatar's quality report; undefined where it has none, or one that is broken. */
export async function readReport(folder: string, manifest: AvatarManifest): Promise<QualityReport | undefined> {
  if (!manifest.report) return undefined;
  try {
    const path = await findInside(folder, manifest.report.path);
    const { size } = await lstat(path);
    if (size > AVATAR_BYTE_LIMITS.report) return undefined;
    return qualityReportSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return undefined;
  }
}

/**
 * A plain file of an avatar by its path; what lies behind a link could be anything of this machine's and is refused.
 * @throws Error when it is a link, anything else but a file, or not there.
 */
export async function findInside(folder: string, path: string): Promise<string> {
  const expected = join(await realpath(folder), path);
  if ((await realpath(expected)) !== expected) throw new Error(`${path} is a link; links are not followed.`);
  // A pipe would keep whoever opens it waiting for ever.
  if (!(await lstat(expected)).isFile()) throw new Error(`${path} is not a plain file.`);
  return expected;
}
