import { realpath } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import type { AvatarManifest } from '../api/avatar.ts';
import { messageOf } from '../base/errors.ts';
import { AVATAR_RULES, type AvatarUnderCheck } from './avatar-rules.ts';
import { type AvatarProblem, ManifestError, PREPARE_AGAIN, readManifest } from './read-manifest.ts';

/** What a check found. */
export interface AvatarCheck {
  readonly ok: boolean;
  readonly problems: readonly AvatarProblem[];
  /** The checked manifest; undefined where avatar.json itself is wrong. */
  readonly manifest?: AvatarManifest;
}

/** More problems than this help nobody. */
const MAX_PROBLEMS = 50;

/**
 * Checks a prepared avatar on disk without trusting anything in it: manifest, paths, sizes, hashes, counts, ranges, and
 * that its pictures are what they say. Never throws for what is wrong with the avatar; all problems are collected.
 */
export async function checkAvatar(folder: string): Promise<AvatarCheck> {
  const problems: AvatarProblem[] = [];
  try {
    const avatar: AvatarUnderCheck = {
      name: basename(resolve(folder)),
      manifest: await readManifest(folder),
      folder: await realpath(folder),
    };
    const sound = new Set<string>();
    for (const rule of AVATAR_RULES) problems.push(...(await rule(avatar, sound)));
    return { ok: problems.length === 0, problems: problems.slice(0, MAX_PROBLEMS), manifest: avatar.manifest };
  } catch (thrown) {
    if (thrown instanceof ManifestError) return { ok: false, problems: thrown.problems };
    return { ok: false, problems: [{ code: 'unreadable', message: messageOf(thrown), fix: PREPARE_AGAIN }] };
  }
}
