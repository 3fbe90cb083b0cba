import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AvatarLibrary } from '../avatar/library.ts';
import type { Paths } from '../base/paths.ts';

/** Where the avatars that come with the program are: beside `src` and `dist`. */
const shippedFolder = fileURLToPath(new URL('../../avatars', import.meta.url));

/** The avatar shown when nobody chose one. */
export const defaultAvatarId = 'mira';

/** Where `musecam prepare` puts the user's avatars. */
export function userAvatarsFolder(paths: Paths): string {
  return join(paths.data, 'avatars');
}

/** The avatars of this machine: the shipped ones first, then the user's. */
export function openLibrary(paths: Paths): AvatarLibrary {
  const shelves = [
    { folder: shippedFolder, isShipped: true },
    { folder: userAvatarsFolder(paths), isShipped: false },
  ];
  return new AvatarLibrary(shelves, { cacheFolder: paths.cache, orderFile: join(paths.data, 'library.json') });
}
