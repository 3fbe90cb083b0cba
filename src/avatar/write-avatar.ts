import { createHash } from 'node:crypto';
import { AVATAR_SCHEMA_VERSION, type AvatarFile, type AvatarManifest, avatarManifestSchema } from '../api/avatar.ts';
import type { Rect } from '../api/media.ts';
import { AppError } from '../base/errors.ts';
import { type AvatarFiles, AvatarFolder } from './avatar-folder.ts';
import { sharpOf } from './decode-photo.ts';
import type { Picture } from './picture.ts';

/** What a person says about a new avatar, and where it goes. */
export interface AvatarDetails {
  readonly id: string;
  readonly name: string;
  readonly description?: string | undefined;
  /** Who is shown and who agreed; an empty statement is refused. Date: ISO, today where left out. */
  readonly consent: { readonly depicts: string; readonly statement: string; readonly date?: string | undefined };
  /** SPDX identifier or a sentence. */
  readonly licence: string;
  /** The folder that holds avatars; the avatar gets a folder of its id in it. */
  readonly folder: string;
  /** Swap an avatar that has this id already. */
  readonly replace?: boolean | undefined;
  /** Version of this program, for the manifest. */
  readonly preparedBy: string;
  /** Tests make writing fail. */
  readonly files?: AvatarFiles | undefined;
}

/** A framed face with everything that is worked out of it. */
export interface StillFace {
  readonly body: Picture;
  /** Float32 `[478, 3]` in pixels of the body. */
  readonly points: Float32Array;
  /** 0 … 1. */
  readonly score: number;
  readonly box: Rect;
  /** Uint8 `[box height, box width]`. */
  readonly mask: Uint8Array;
}

/** What the engines prepared, by contribution id. */
export type EngineFiles = ReadonlyMap<
  string,
  { readonly version: number; readonly files: ReadonlyMap<string, Uint8Array> }
>;

const PREVIEW_WIDTH = 480;

/**
 * Writes a prepared avatar: all of it or nothing.
 * @throws AppError AVATAR_EXISTS, BAD_ENGINE_FILE, DISK_FULL, FOLDER_NOT_WRITABLE; the signal's reason when aborted.
 */
export async function writeAvatar(
  details: AvatarDetails,
  still: StillFace,
  engines: EngineFiles,
  signal: AbortSignal,
): Promise<AvatarManifest> {
  const { width, height } = still.body;
  const body = await sharpOf(still.body).webp({ lossless: true, effort: 2 }).toBuffer();
  const preview = await sharpOf(still.body).resize({ width: PREVIEW_WIDTH }).png().toBuffer();
  signal.throwIfAborted();
  const folder = await AvatarFolder.open(details.folder, details.id, details.files);
  try {
    const add = async (path: string, data: Uint8Array): Promise<AvatarFile> => {
      signal.throwIfAborted();
      await folder.write(path, data);
      return { path, bytes: data.byteLength, sha256: createHash('sha256').update(data).digest('hex') };
    };
    const manifest = avatarManifestSchema.parse({
      schemaVersion: AVATAR_SCHEMA_VERSION,
      id: details.id,
      name: details.name,
      ...(details.description ? { description: details.description } : {}),
      licence: details.licence,
      consent: { ...details.consent, date: details.consent.date ?? new Date().toISOString().slice(0, 10) },
      width,
      height,
      framesPerSecond: 25,
      frameCount: 1,
      motion: 'still',
      body: [await add('body/0000.webp', body)],
      faceBoxes: [still.box],
      masks: await add('masks.bin', still.mask),
      landmarks: await add('landmarks.f32', littleEndian(still.points)),
      preview: await add('preview.png', preview),
      faceScore: still.score,
      engines: await addEngines(engines, add),
      preparedBy: details.preparedBy,
    } satisfies AvatarManifest);
    await add('avatar.json', Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`));
    signal.throwIfAborted();
    await folder.finish(details.replace ?? false);
    return manifest;
  } finally {
    await folder[Symbol.asyncDispose]();
  }
}

async function addEngines(
  engines: EngineFiles,
  add: (path: string, data: Uint8Array) => Promise<AvatarFile>,
): Promise<AvatarManifest['engines']> {
  const added: AvatarManifest['engines'] = {};
  for (const [id, { version, files }] of engines) {
    const entries: AvatarFile[] = [];
    for (const [path, data] of files) {
      checkEnginePath(id, path, entries);
      entries.push(await add(path, data));
    }
    added[id] = { version, files: entries };
  }
  return added;
}

/** A plugin may be anybody's: its paths stay inside the avatar, in a folder of its own. */
function checkEnginePath(id: string, path: string, before: readonly AvatarFile[]): void {
  const isPlain = avatarManifestSchema.shape.masks.shape.path.safeParse(path).success;
  const isOwn = path.includes('/') && !path.startsWith('body/') && !before.some((file) => file.path === path);
  if (isPlain && isOwn) return;
  throw new AppError('BAD_ENGINE_FILE', `The face engine ${id} wants to write "${path}" into the avatar.`, {
    fix: `Tell the makers of ${id}: files belong into a folder of the engine's name, each once`,
  });
}

/** Float32 as bytes, little endian whatever the machine. */
function littleEndian(values: Float32Array): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.length * 4));
  values.forEach((value, i) => {
    view.setFloat32(i * 4, value, true);
  });
  return new Uint8Array(view.buffer);
}
