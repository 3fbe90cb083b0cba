import { checkAvatar } from '../../avatar/check-avatar.ts';
import { findPaths } from '../../base/paths.ts';
import { openLibrary } from '../open-library.ts';
import { markOf, paint, printJson, printTable } from './terminal.ts';

/** `musecam avatars list` */
export async function listAvatars(isJson: boolean): Promise<void> {
  const avatars = await openLibrary(findPaths()).list();
  if (isJson) return printJson(avatars);
  printTable(
    avatars.map((avatar) => [
      paint('bold', avatar.id),
      avatar.name,
      `${avatar.width}x${avatar.height}`,
      avatar.isShipped ? 'shipped' : 'yours',
      avatar.problem ? `${markOf('broken')} ${avatar.problem}` : `shows ${avatar.depicts}`,
    ]),
  );
}

/** `musecam avatars show ID` */
export async function showAvatar(id: string, isJson: boolean): Promise<void> {
  const library = openLibrary(findPaths());
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
  const { folder } = await openLibrary(findPaths()).find(id);
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
  await openLibrary(findPaths()).remove(id);
  console.log(`Removed ${id}.`);
}
