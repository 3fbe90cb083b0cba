import { realpath } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import type { AvatarManifest } from '../api/avatar.ts';
import { messageOf } from '../base/errors.ts';
import {
  type AvatarRule,
  type AvatarUnderCheck,
  DEEP_RULES,
  FILE_RULES,
  UNPACKING_RULES,
  VIDEO_RULES,
} from './avatar-rules.ts';
import { MANIFEST_RULES } from './manifest-rules.ts';
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
const TOO_LARGE = new Set(['too-large', 'file-too-large', 'too-many-files']);

/** How a check is run. */
export interface CheckOptions {
  /** What the folder will be called, where it has another name at the moment. Default: its name. */
  readonly name?: string;
  /** Program that looks into videos. Default `ffprobe`. */
  readonly probe?: string;
  /** Also decode every picture and video to its end, as loading does. For what comes from elsewhere. */
  readonly deep?: boolean;
  /** Leaves out what unpacking finds out: to load an avatar beside a running show, where starting programs costs frames. */
  readonly isUnpacking?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Checks a prepared avatar on disk without trusting anything in it: manifest, paths, sizes, hashes, counts, ranges, and
 * that its pictures and videos are what they say. Never throws for what is wrong with the avatar; all problems are
 * collected. Videos are looked at last, and only where nothing else is wrong.
 * @throws the signal's reason when aborted.
 */
export async function checkAvatar(folder: string, options: CheckOptions = {}): Promise<AvatarCheck> {
  const { signal } = options;
  try {
    const avatar: AvatarUnderCheck = {
      name: options.name ?? basename(resolve(folder)),
      manifest: await readManifest(folder),
      folder: await realpath(folder),
      probe: options.probe ?? 'ffprobe',
      signal,
    };
    const problems = MANIFEST_RULES.flatMap((rule) => rule(avatar.manifest));
    const sound = new Set<string>();
    const run = async (rules: readonly AvatarRule[]) => {
      for (const rule of rules) {
        if (options.isUnpacking && UNPACKING_RULES.has(rule)) continue;
        signal?.throwIfAborted();
        problems.push(...(await rule(avatar, sound)));
      }
    };
    // What says that it is too large to be looked at is believed.
    if (!problems.some(({ code }) => TOO_LARGE.has(code))) await run(FILE_RULES);
    if (problems.length === 0) await run(VIDEO_RULES);
    if (problems.length === 0 && options.deep) await run(DEEP_RULES);
    return { ok: problems.length === 0, problems: problems.slice(0, MAX_PROBLEMS), manifest: avatar.manifest };
  } catch (thrown) {
    signal?.throwIfAborted();
    if (thrown instanceof ManifestError) return { ok: false, problems: thrown.problems };
    return { ok: false, problems: [{ code: 'unreadable', message: messageOf(thrown), fix: PREPARE_AGAIN }] };
  }
}
