import { avatarIdSchema, type PreparedFace } from '../../api/avatar.ts';
import { FRAMES_PER_SECOND } from '../../api/media.ts';
import { AppError } from '../../base/errors.ts';
import { ENGINE_KEY, FILES_VERSION } from '../../plugins/musetalk/latents-file.ts';
import {
  readUpstream,
  readUpstreamInfo,
  type UpstreamAvatar,
  type UpstreamInfo,
} from '../../plugins/musetalk/read-upstream.ts';
import { folderBroken } from '../../plugins/musetalk/upstream-files.ts';
import type { ImportFlags } from './avatars.ts';
import { type GivenParts, prepareForPerson } from './prepare.ts';

/**
 * `musecam avatars import FOLDER`: makes an avatar of one that MuseTalk's realtime script prepared. Its frames are kept as
 * they are, its latents, boxes and masks become MuseTalk's files; everything else is worked out as for a clip.
 * @throws AppError MUSETALK_FOLDER_UNKNOWN, MUSETALK_FOLDER_BROKEN, and what preparing a clip throws.
 */
export async function importUpstream(folder: string, flags: ImportFlags, signal: AbortSignal): Promise<void> {
  const info = await readUpstreamInfo(folder);
  const id = flags.id ?? idOf(info.name);
  const name = flags.name ?? (info.name.slice(0, 100) || id);
  const readGiven = async () => givenParts(folder, info, await readUpstream(folder, signal));
  await prepareForPerson(info.framesFolder, { ...flags, id, name }, signal, readGiven);
}

/** What preparing shall take over instead of working it out. */
function givenParts(folder: string, { version }: UpstreamInfo, avatar: UpstreamAvatar): GivenParts {
  const { frameCount, size, motion, files, mark } = avatar;
  const prepare = async (face: PreparedFace) => {
    if (face.frameCount !== frameCount || face.width !== size.width || face.height !== size.height)
      throw folderBroken(folder, `${face.frameCount} frames could be read, not ${frameCount}`);
    return { version: FILES_VERSION, files };
  };
  return {
    options: {
      description: `Prepared by MuseTalk (${version}) itself.`,
      ...{ framing: 'whole', keepsFrames: true, motion, mark },
      seconds: frameCount / FRAMES_PER_SECOND,
    },
    prepare: new Map([[ENGINE_KEY, prepare]]),
  };
}

/** A name as an id. @throws AppError BAD_AVATAR_ID where nothing of it can be one. */
export function idOf(name: string): string {
  const id = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 64)
    .replace(/^-+|-+$/g, '');
  if (avatarIdSchema.safeParse(id).success) return id;
  throw new AppError('BAD_AVATAR_ID', `MuseTalk calls this avatar "${name}", which cannot be an id.`, {
    fix: 'Choose one: --id anna-office',
  });
}
