import { join } from 'node:path';
import type { FaceEngine } from '../../api/contributions.ts';
import { preparePhoto } from '../../avatar/prepare-photo.ts';
import { silentLog } from '../../base/log.ts';
import { findPaths } from '../../base/paths.ts';
import { openPluginsWithoutShow } from '../builtin-plugins.ts';
import { openLibrary, userAvatarsFolder } from '../open-library.ts';
import { readVersion } from '../read-version.ts';
import { readSettings } from './read-settings.ts';
import { openProgress, paint, printJson } from './terminal.ts';

/** Flags of `musecam prepare`. */
export interface PrepareFlags {
  readonly id: string;
  readonly name?: string;
  readonly depicts?: string;
  readonly consent?: string;
  readonly licence?: string;
  readonly face?: number;
  readonly replace?: boolean;
  readonly json?: boolean;
}

/** Turns a photo into a prepared avatar in the user's data folder. */
export async function prepareAvatar(source: string, flags: PrepareFlags, signal: AbortSignal): Promise<void> {
  const paths = findPaths();
  const values = await readSettings(paths, []);
  await using plugins = openPluginsWithoutShow(silentLog, values);
  const engines = new Map<string, FaceEngine>();
  for (const { id, scheme } of plugins.contributions('faceEngines')) {
    engines.set(scheme, await plugins.record('faceEngines', id));
  }
  const shipped = (await openLibrary(paths).list()).filter((avatar) => avatar.isShipped);
  using progress = openProgress('Preparing');
  const manifest = await preparePhoto({
    source,
    id: flags.id,
    name: flags.name ?? flags.id,
    licence: flags.licence ?? 'private',
    consent: { depicts: flags.depicts ?? flags.name ?? flags.id, statement: flags.consent ?? '', date: today() },
    folder: userAvatarsFolder(paths),
    reservedIds: new Set(shipped.map((avatar) => avatar.id)),
    preparedBy: `musecam ${readVersion()}`,
    engines,
    signal,
    onProgress: (step, fraction) => progress.update(Math.round(fraction * 100), 100, step),
    ...(flags.face === undefined ? {} : { face: flags.face }),
    ...(flags.replace ? { replace: true } : {}),
  });
  progress[Symbol.dispose]();
  const preview = join(paths.data, 'avatars', flags.id, manifest.preview.path);
  if (flags.json) return printJson({ ...manifest, previewPath: preview });
  console.log(`\n${paint('green', '✔')} ${flags.id} is ready (face score ${manifest.faceScore.toFixed(2)}).`);
  console.log(`  preview: ${preview}`);
  console.log(`  show it: musecam start --avatar ${flags.id}, or while running: musecam avatars use ${flags.id}`);
}

function today(): string {
  return new Date().toISOString().slice(0, 10);
}
