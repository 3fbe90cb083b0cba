/** Longest start of a file that {@link sniffSound} looks at, in bytes. */
export const SNIFF_BYTES = 16;

const SIGNATURES: readonly { readonly offset: number; readonly text: string; readonly name: string }[] = [
  { offset: 0, text: 'ID3', name: 'an MP3 file' },
  { offset: 0, text: 'OggS', name: 'an Ogg file' },
  { offset: 0, text: 'fLaC', name: 'a FLAC file' },
  { offset: 4, text: 'ftyp', name: 'an MP4 or M4A file' },
  { offset: 0, text: '\x1a\x45\xdf\xa3', name: 'a WebM or Matroska file' },
  { offset: 0, text: 'FORM', name: 'an AIFF file' },
  { offset: 0, text: 'caff', name: 'a CAF file' },
  { offset: 0, text: '.snd', name: 'an AU file' },
  { offset: 0, text: 'wvpk', name: 'a WavPack file' },
  { offset: 0, text: 'MAC ', name: "a Monkey's Audio file" },
  { offset: 0, text: '#!AMR', name: 'an AMR file' },
  { offset: 0, text: '0&\xb2\x75', name: 'a WMA file' },
  { offset: 0, text: 'RIFX', name: 'a big-endian WAV file (RIFX)' },
  { offset: 8, text: 'AVI ', name: 'an AVI film' },
  { offset: 8, text: 'WEBP', name: 'a WebP picture' },
  { offset: 0, text: '\x89PNG', name: 'a PNG picture' },
  { offset: 0, text: '\xff\xd8\xff', name: 'a JPEG picture' },
  { offset: 0, text: 'PK\x03\x04', name: 'a ZIP archive' },
  { offset: 0, text: '<', name: 'a text file (HTML or XML)' },
];

/** What a file that is not a WAV really is, from its first bytes, in words with an article; undefined = no idea. */
export function sniffSound(start: Uint8Array): string | undefined {
  const text = Buffer.from(start.buffer, start.byteOffset, start.length).toString('latin1');
  const match = SIGNATURES.find((signature) => text.startsWith(signature.text, signature.offset));
  if (match) return match.name;
  const [first = 0, second = 0] = start;
  // Sync word of 11 bits, then version and layer: layer 0 is AAC in ADTS, layer 01 is MPEG layer 3.
  if (first === 0xff && (second & 0xf6) === 0xf0) return 'an AAC file';
  if (first === 0xff && (second & 0xe0) === 0xe0) return 'an MP3 file';
  return undefined;
}
