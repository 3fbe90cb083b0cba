import { join } from 'node:path';
import { checkAvatar } from '../../avatar/check-avatar.ts';
import { AvatarLibrary } from '../../avatar/library.ts';
import { AppError } from '../../base/errors.ts';
import { findPaths } from '../../base/paths.ts';
import { shippedAvatarsFolder } from '../daemon.ts';
import { markOf, paint, printJson, printTable } from './terminal.ts';

/** The avatars of this machine: the shipped ones and the user's. */
export function openLibrary(): AvatarLibrary {
  return new AvatarLibrary({ shipped: shippedAvatarsFolder, user: join(findPaths().data, 'avatars') });
}

/** `musecam avatars list` */
export async function listAvatars(isJson: boolean): Promise<void> {
  const avatars = await openLibrary().list();
  if (isJson) return printJson(avatars);
  printTable(
    avatars.map((avatar) => [
      paint('bold', avatar.id),
      avatar.name,
      `${avatar.width}x${avatar.height}`,
      avatar.isShipped ? 'shipped' : 'yours',
      `shows ${avatar.depicts}`,
    ]),
  );
}

/** `musecam avatars show ID` */
export async function showAvatar(id: string, isJson: boolean): Promise<void> {
  const library = openLibrary();
  const { manifest, folder } = await library.load(id);
  if (isJson) return printJson({ ...manifest, folder, preview: library.previewPath(id) });
  printTable([
    ['name', manifest.name],
    ['size', `${manifest.width}x${manifest.height}, ${manifest.frameCount} frame(s), ${manifest.motion}`],
    ['shows', manifest.consent.depicts],
    ['consent', manifest.consent.statement],
    ['licence', manifest.licence],
    ['engines', Object.keys(manifest.engines).join(', ') || 'none'],
    ['face score', manifest.faceScore.toFixed(3)],
    ['folder', folder],
    ['preview', library.previewPath(id) ?? 'none'],
  ]);
}

/** `musecam avatars check ID`; exit code 1 when there are problems. */
export async function checkOne(id: string, isJson: boolean): Promise<void> {
  const folder = openLibrary().find(id)?.folder;
  if (!folder) throw noSuchAvatar(id);
  const report = await checkAvatar(folder);
  if (isJson) printJson(report);
  else if (report.ok) console.log(`${markOf('ready')} ${id} is in order.`);
  else
    for (const { message, fix } of report.problems)
      console.log(`${markOf('failed')} ${message}${fix ? `\n  → ${fix}` : ''}`);
  if (!report.ok) process.exitCode = 1;
}

/** `musecam avatars remove ID` */
export async function removeAvatar(id: string): Promise<void> {
  await openLibrary().remove(id);
  console.log(`Removed ${id}.`);
}

function noSuchAvatar(id: string): AppError {
  return new AppError('NO_SUCH_AVATAR', `There is no avatar ${id}.`, { fix: 'List them: musecam avatars list' });
}
