import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { checkAvatar } from '../../avatar/check-avatar.ts';
import { type AvatarEntry, findInside, readReport } from '../../avatar/describe-avatar.ts';
import { listFiles } from '../../avatar/manifest-rules.ts';
import { exportAvatar } from '../../avatar/pack/export-avatar.ts';
import { importAvatar } from '../../avatar/pack/import-avatar.ts';
import { ManifestError, readManifest } from '../../avatar/read-manifest.ts';
import { AppError } from '../../base/errors.ts';
import { findPaths } from '../../base/paths.ts';
import { openLibrary, userAvatarsFolder } from '../open-library.ts';
import { importUpstream } from './import-upstream.ts';
import { printReport } from './print-report.ts';
import { markOf, openProgress, paint, printJson, printTable } from './terminal.ts';

/** Flags of `musecam avatars rename`. */
export interface RenameFlags {
  readonly id?: string;
  readonly name?: string;
  readonly json?: boolean;
}

/** Flags of `musecam avatars consent`. */
export interface ConsentFlags {
  readonly depicts: string;
  readonly consent: string;
  readonly json?: boolean;
}

/** Flags of `musecam avatars export` and `import`. */
export interface PackFlags {
  readonly id?: string;
  readonly replace?: boolean;
  readonly json?: boolean;
}

/** Flags of `musecam avatars import`; those that {@link PackFlags} lacks are for folders of MuseTalk. */
export interface ImportFlags extends PackFlags {
  readonly name?: string;
  readonly depicts?: string;
  readonly consent?: string;
  readonly licence?: string;
  readonly fresh?: boolean;
}

/** `musecam avatars list` */
export async function listAvatars(isJson: boolean): Promise<void> {
  const avatars = await openLibrary(findPaths()).list();
  if (isJson) return printJson(avatars);
  printTable(
    avatars.map((avatar, i) => [
      String(i + 1).padStart(2),
      paint('bold', avatar.id),
      avatar.name,
      `${avatar.width}x${avatar.height}`,
      avatar.frameCount > 1 ? `${(avatar.frameCount / 25).toFixed(1)} s` : 'still',
      avatar.verdict ?? '',
      avatar.isShipped ? 'shipped' : 'yours',
      avatar.problem ? `${markOf('broken')} ${avatar.problem}` : `shows ${avatar.depicts}`,
    ]),
  );
}

/** `musecam avatars show ID` */
export async function showAvatar(id: string, isJson: boolean): Promise<void> {
  const entry = await openLibrary(findPaths()).find(id);
  const { folder } = entry;
  const manifest = await readSound(entry);
  const report = await readReport(folder, manifest);
  const sheet = manifest.sheet && (await findInside(folder, manifest.sheet.path).catch(() => undefined));
  const bytesOnDisk = listFiles(manifest).reduce((sum, file) => sum + file.bytes, 0);
  if (isJson) {
    const places = { folder, preview: entry.previewPath, sheetPath: sheet };
    return printJson({ ...manifest, ...places, bytesOnDisk, report });
  }
  const { width, height, frameCount, motion, passthrough, matte, consent, idle } = manifest;
  const seconds = `${frameCount} frames, ${(frameCount / manifest.framesPerSecond).toFixed(1)} s`;
  printTable([
    ['name', manifest.name],
    ['size', `${width}x${height}, ${frameCount === 1 ? 'one picture' : seconds}`],
    ['motion', motion + (passthrough.length > 0 ? `, ${passthrough.length} frames shown as they are` : '')],
    ['calmest', idle ? `${idle.count} frames from frame ${idle.start} on` : 'all of it'],
    ['matte', matte ? 'yes: its background can be changed' : 'no: its background stays'],
    ['shows', consent.depicts],
    ['consent', `${consent.statement} (${consent.date})`],
    ['licence', manifest.licence],
    ['engines', Object.keys(manifest.engines).join(', ') || 'none'],
    ['face score', manifest.faceScore.toFixed(3)],
    ['on disk', `${(bytesOnDisk / 1e6).toFixed(1)} MB`],
    ['folder', folder],
    ['preview', entry.previewPath ?? 'none'],
    ['contact sheet', sheet ?? 'none'],
  ]);
  if (!report) return;
  console.log('');
  printReport(report);
}

/** `musecam avatars check ID`; exit code 1 when there are problems. */
export async function checkOne(id: string, isJson: boolean, signal: AbortSignal): Promise<void> {
  const { folder } = await openLibrary(findPaths()).find(id);
  const report = await checkAvatar(folder, { deep: true, signal });
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

/** `musecam avatars rename ID [--id NEW] [--name NAME]` */
export async function renameAvatar(id: string, flags: RenameFlags): Promise<void> {
  if (flags.id === undefined && flags.name === undefined)
    throw new AppError('BAD_ARGUMENTS', 'Neither a new id nor a new name was given.', {
      fix: `musecam avatars rename ${id} --name "New name" --id new-id`,
    });
  const entry = await openLibrary(findPaths()).rename(id, { newId: flags.id, name: flags.name });
  if (flags.json) return printJson(entry);
  console.log(`${id} is now ${entry.id}, "${entry.name}".`);
}

/** `musecam avatars move ID PLACE` */
export async function moveAvatar(id: string, place: number, isJson: boolean): Promise<void> {
  const library = openLibrary(findPaths());
  await library.move(id, place);
  const ids = (await library.list()).map((entry) => entry.id);
  if (isJson) return printJson(ids);
  console.log(ids.map((one, i) => `${i + 1}. ${one === id ? paint('bold', one) : one}`).join('\n'));
}

/** `musecam avatars consent ID --depicts WHO --consent STATEMENT` */
export async function setConsent(id: string, flags: ConsentFlags): Promise<void> {
  const { depicts, consent } = flags;
  const entry = await openLibrary(findPaths()).setConsent(id, { depicts, statement: consent });
  if (flags.json) return printJson(entry);
  console.log(`${id} shows ${entry.depicts}; noted: ${consent.trim()}`);
}

/** `musecam avatars export ID [FILE]` */
export async function exportOne(
  id: string,
  file: string | undefined,
  flags: PackFlags,
  signal: AbortSignal,
): Promise<void> {
  const { folder } = await openLibrary(findPaths()).find(id);
  const pack = await exportAvatar(folder, resolve(file ?? `${id}.musecam`), { replace: flags.replace, signal });
  if (flags.json) return printJson({ id, path: pack.path, bytes: pack.bytes });
  const { depicts, statement } = pack.manifest.consent;
  console.log(`${markOf('ready')} ${pack.path}, ${(pack.bytes / 1e6).toFixed(1)} MB`);
  console.log(`It shows ${depicts}. What was agreed goes with it: ${statement}`);
}

/** `musecam avatars import SOURCE`: a .musecam file, or a folder that MuseTalk prepared. */
export async function importOne(source: string, flags: ImportFlags, signal: AbortSignal): Promise<void> {
  const stats = await stat(source).catch(() => undefined);
  if (stats?.isDirectory()) return importUpstream(resolve(source), flags, signal);
  const own = (['name', 'depicts', 'consent', 'licence', 'fresh'] as const).find((flag) => flags[flag] !== undefined);
  if (own !== undefined)
    throw new AppError(
      'BAD_ARGUMENTS',
      `--${own} is for folders that MuseTalk prepared; a .musecam file says it itself.`,
      {
        fix: 'Leave it out; afterwards: musecam avatars rename, musecam avatars consent',
      },
    );
  await importPack(source, flags, signal);
}

async function importPack(file: string, flags: PackFlags, signal: AbortSignal): Promise<void> {
  const paths = findPaths();
  const shipped = (await openLibrary(paths).list()).filter((avatar) => avatar.isShipped);
  using progress = openProgress('Importing');
  const { manifest, folder, bytes } = await importAvatar(resolve(file), {
    folder: userAvatarsFolder(paths),
    reservedIds: shipped.map((avatar) => avatar.id),
    id: flags.id,
    replace: flags.replace,
    signal,
    onProgress: (done, total) => progress.update(done, total),
  });
  if (flags.json) return printJson({ ...manifest, folder, bytesOnDisk: bytes });
  const { depicts, statement, date } = manifest.consent;
  console.log(
    `${markOf('ready')} ${manifest.id}: ${manifest.name}, ${(bytes / 1e6).toFixed(1)} MB, licence ${manifest.licence}`,
  );
  console.log(`The file says that it shows ${depicts}, and that this was agreed: ${statement} (${date})`);
  console.log(
    `MuseCam cannot know whether that is true; you answer for using it. Show it: musecam avatars use ${manifest.id}`,
  );
}

/** The manifest of an avatar that can be read. @throws AppError CONSENT_MISSING, AVATAR_BROKEN. */
async function readSound({ id, folder, problem, problemCode, problemFix }: AvatarEntry) {
  try {
    const manifest = await readManifest(folder);
    if (problem === undefined) return manifest;
  } catch (thrown) {
    if (!(thrown instanceof ManifestError)) throw thrown;
  }
  const code = problemCode === 'no-consent' ? 'CONSENT_MISSING' : 'AVATAR_BROKEN';
  throw new AppError(code, `${id}: ${problem}`, problemFix ? { fix: problemFix } : {});
}
