/** How many bytes at the beginning of a file tell what it is. */
export const SNIFF_BYTES = 16;

/** What a file is by its first bytes: something avatars are made of, a near miss that has a name, or nothing known. */
export type MediaKind =
  | 'jpeg'
  | 'png'
  | 'webp'
  | 'gif'
  | 'tiff'
  | 'avif'
  | 'mp4'
  | 'mov'
  | 'matroska'
  | 'avi'
  | 'heic'
  | undefined;

/** How files begin, one character a byte. */
const BEGINNINGS: readonly (readonly [string, MediaKind])[] = [
  ['\xff\xd8\xff', 'jpeg'],
  ['\x89PNG\r\n\x1a\n', 'png'],
  ['GIF87a', 'gif'],
  ['GIF89a', 'gif'],
  ['II*\0', 'tiff'],
  ['MM\0*', 'tiff'],
  ['II+\0', 'tiff'],
  ['MM\0+', 'tiff'],
  ['\x1aE\xdf\xa3', 'matroska'],
];
/** Brands of the ISO base media format (bytes 8 … 11 after `ftyp`) that are pictures and not films. */
const AVIF_BRANDS = new Set(['avif', 'avis']);
const HEIC_BRANDS = new Set(['heic', 'heix', 'heim', 'heis', 'hevc', 'hevx', 'mif1', 'msf1']);
/** First atoms of QuickTime films from before `ftyp` was invented. */
const OLD_QUICKTIME = new Set(['moov', 'mdat', 'wide', 'free', 'skip', 'pnot']);

/**
 * Looks at a file's first {@link SNIFF_BYTES} bytes (fewer where it is shorter). Names and types that a sender claims say
 * nothing. SVG has no such bytes and can point at other files: it is taken on the command line only.
 */
export function sniffMedia(head: Uint8Array): MediaKind {
  const text = (from: number, to: number) => String.fromCharCode(...head.subarray(from, to));
  const sure = BEGINNINGS.find(([bytes]) => text(0, bytes.length) === bytes);
  if (sure) return sure[1];
  if (text(0, 4) === 'RIFF') return text(8, 12) === 'WEBP' ? 'webp' : text(8, 12) === 'AVI ' ? 'avi' : undefined;
  if (text(4, 8) === 'ftyp') return kindOfBrand(text(8, 12));
  return OLD_QUICKTIME.has(text(4, 8)) ? 'mov' : undefined;
}

function kindOfBrand(brand: string): MediaKind {
  if (AVIF_BRANDS.has(brand)) return 'avif';
  if (HEIC_BRANDS.has(brand)) return 'heic';
  return brand === 'qt  ' ? 'mov' : /^[\x20-\x7e]{4}$/.test(brand) ? 'mp4' : undefined;
}
