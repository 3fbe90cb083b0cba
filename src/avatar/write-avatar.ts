import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import {
  AVATAR_SCHEMA_VERSION,
  type AvatarFile,
  type AvatarManifest,
  avatarManifestSchema,
  type QualityReport,
} from '../api/avatar.ts';
import type { Rect, Size } from '../api/media.ts';
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

/** Everything about a framed face, still or moving, that is worked out before the engines. */
export interface AvatarContent {
  readonly size: Size;
  readonly frameCount: number;
  readonly motion: AvatarManifest['motion'];
  /** Encoded body: a file's bytes, or where the file lies. */
  readonly body: { readonly path: string; readonly data: Uint8Array | string };
  /** Float32 `[frameCount, 478, 3]` in pixels of the body. */
  readonly points: Float32Array;
  readonly boxes: readonly Rect[];
  /** Uint8 `[frameCount, box height, box width]`. */
  readonly masks: Uint8Array;
  readonly passthrough: readonly number[];
  readonly idle?: { readonly start: number; readonly count: number } | undefined;
  readonly matte?: { readonly path: string; readonly data: Uint8Array | string } | undefined;
  readonly report: QualityReport;
  /** The contact sheet, WebP. */
  readonly sheet: Uint8Array;
  /** The frame that stands for the avatar in lists. */
  readonly preview: Picture;
  /** Lowest over the frames that can be driven, 0 … 1. */
  readonly faceScore: number;
}

/** What the engines prepared, by contribution id. */
export type EngineFiles = ReadonlyMap<
  string,
  { readonly version: number; readonly files: ReadonlyMap<string, Uint8Array> }
>;

const PREVIEW_WIDTH = 480;
/** Masks are smooth: more effort would win some percent and take several times as long. */
const GZIP_LEVEL = 4;

/**
 * Writes a prepared avatar: all of it or nothing.
 * @throws AppError AVATAR_EXISTS, BAD_ENGINE_FILE, DISK_FULL, FOLDER_NOT_WRITABLE; the signal's reason when aborted.
 */
export async function writeAvatar(
  details: AvatarDetails,
  content: AvatarContent,
  engines: EngineFiles,
  signal: AbortSignal,
): Promise<AvatarManifest> {
  const preview = await sharpOf(content.preview).resize({ width: PREVIEW_WIDTH }).png().toBuffer();
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
      width: content.size.width,
      height: content.size.height,
      framesPerSecond: 25,
      frameCount: content.frameCount,
      motion: content.motion,
      ...(await addContent(content, add)),
      preview: await add('preview.png', preview),
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

type Add = (path: string, data: Uint8Array) => Promise<AvatarFile>;

async function addContent(content: AvatarContent, add: Add) {
  const { body, matte, masks, points, idle } = content;
  const isClip = content.frameCount > 1;
  const load = async (data: Uint8Array | string) => (typeof data === 'string' ? readFile(data) : data);
  return {
    body: [await add(body.path, await load(body.data))],
    faceBoxes: [...content.boxes],
    masks: isClip
      ? await add('masks.bin.gz', await promisify(gzip)(masks, { level: GZIP_LEVEL }))
      : await add('masks.bin', masks),
    landmarks: await add('landmarks.f32', littleEndian(points)),
    passthrough: [...content.passthrough],
    ...(idle ? { idle } : {}),
    ...(matte ? { matte: await add(matte.path, await load(matte.data)) } : {}),
    report: await add('report.json', Buffer.from(`${JSON.stringify(content.report, null, 2)}\n`)),
    sheet: await add('sheet.webp', content.sheet),
    faceScore: content.faceScore,
  };
}

async function addEngines(engines: EngineFiles, add: Add): Promise<AvatarManifest['engines']> {
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
