import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { FRAMES_PER_SECOND, type Rect, type Size } from '../../api/media.ts';
import { messageOf } from '../../base/errors.ts';
import { notAPicture, renderPixels, sharpOf } from '../decode-photo.ts';
import type { Picture } from '../picture.ts';

/** A picture that is shown for a while: a file of a folder, or a page of an animation. */
export interface ShownPicture {
  readonly path: string;
  /** Page of an animation, from 0; undefined for a file that is one picture. */
  readonly page: number | undefined;
  /** Until when it is shown, in seconds from the beginning. */
  readonly untilSeconds: number;
}

const PICTURE_NAMES = /\.(jpe?g|png|webp|tiff?|avif|gif)$/i;
/** What an animation does not say, or says too short, browsers show for this long; in ms. */
const DEFAULT_PAGE_MS = 100;
const SHORTEST_PAGE_MS = 20;
/** Pages of an animation decoded at once: decoding the n-th one alone begins at the first every time. */
const PAGES_AT_ONCE = 16;

/** The pictures of a folder in natural order (2 before 10), one for each frame. */
export async function listFolder(folder: string): Promise<ShownPicture[]> {
  const names = (await readdir(folder)).filter((name) => PICTURE_NAMES.test(name) && !name.startsWith('.'));
  names.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  return names.map((name, i) => ({
    path: join(folder, name),
    page: undefined,
    untilSeconds: (i + 1) / FRAMES_PER_SECOND,
  }));
}

/** The pages of an animated GIF or WebP with their times. */
export async function listPages(path: string): Promise<ShownPicture[]> {
  const { pages = 1, delay = [] } = await sharp(path, { limitInputPixels: false }).metadata();
  let untilMs = 0;
  return Array.from({ length: pages }, (_, page) => {
    const shownMs = delay[page] ?? DEFAULT_PAGE_MS;
    untilMs += shownMs < SHORTEST_PAGE_MS ? DEFAULT_PAGE_MS : shownMs;
    return { path, page, untilSeconds: untilMs / 1000 };
  });
}

/** Size of a picture as it is shown, upright; of an animation that of one page. In pixels. */
export async function shownSize({ path }: ShownPicture): Promise<Size> {
  const { autoOrient, width, pageHeight } = await sharp(path, { limitInputPixels: false }).metadata();
  return pageHeight ? { width, height: pageHeight } : autoOrient;
}

/**
 * The frames of a row of pictures at 25 a second, each brought to `whole` (cut at the sides where its shape is another),
 * then `part` of it at `size`.
 * @param startSeconds, firstFrame where to begin; `end` the frame not to go beyond.
 * @throws AppError NOT_A_PICTURE for one that is damaged.
 */
export async function* readPictures(
  pictures: readonly ShownPicture[],
  from: { readonly startSeconds: number; readonly firstFrame: number; readonly end: number },
  { whole, part, size }: { readonly whole: Size; readonly part: Rect; readonly size: Size },
): AsyncGenerator<Picture> {
  const album = new Album(whole);
  let at = 0;
  let shown: { readonly at: number; readonly picture: Picture } | undefined;
  for (let frame = from.firstFrame; frame < from.end; frame++) {
    // The middle of the frame's time: no rounding decides between two pictures.
    const seconds = from.startSeconds + (frame + 0.5) / FRAMES_PER_SECOND;
    while (at < pictures.length - 1 && pictures[at]!.untilSeconds <= seconds) at++;
    if (shown?.at !== at) {
      const picture = await album.open(pictures[at]!).catch((thrown: unknown) => {
        throw notAPicture(pictures[at]!.path, `its pixels cannot be read (${messageOf(thrown)})`, thrown);
      });
      shown = { at, picture: await cutPart(picture, part, size) };
    }
    yield shown.picture;
  }
}

async function cutPart(picture: Picture, part: Rect, size: Size): Promise<Picture> {
  if (
    part.width === picture.width &&
    part.height === picture.height &&
    part.width === size.width &&
    part.height === size.height
  )
    return picture;
  const { x: left, y: top, width, height } = part;
  return renderPixels(
    sharpOf(picture)
      .extract({ left, top, width, height })
      .resize({ ...size, fit: 'fill' }),
  );
}

/** Decodes pictures; keeps the pages of an animation that were decoded along with the last one. */
class Album {
  readonly #whole: Size;
  #pages: { readonly path: string; readonly first: number; readonly strip: Picture } | undefined;

  constructor(whole: Size) {
    this.#whole = whole;
  }

  async open({ path, page }: ShownPicture): Promise<Picture> {
    const { width, height } = this.#whole;
    if (page === undefined)
      return renderPixels(
        sharp(await readFile(path))
          .autoOrient()
          .resize({ width, height, fit: 'cover' }),
      );
    const bytesPerPage = width * height * 3;
    let pages = this.#pages;
    const last = pages ? pages.first + pages.strip.pixels.length / bytesPerPage : 0;
    if (pages?.path !== path || page < pages.first || page >= last) {
      const first = page - (page % PAGES_AT_ONCE);
      const { pages: count = 1 } = await sharp(path).metadata();
      const strip = await renderPixels(sharp(path, { page: first, pages: Math.min(PAGES_AT_ONCE, count - first) }));
      pages = { path, first, strip };
      this.#pages = pages;
    }
    const start = (page - pages.first) * bytesPerPage;
    return { width, height, pixels: pages.strip.pixels.subarray(start, start + bytesPerPage) };
  }
}
