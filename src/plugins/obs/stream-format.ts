import type { VideoFrame } from '../../api/media.ts';

/** How pictures can be laid out in the stream. `i420` and `mjpeg` are opaque, `rgba` carries the matte. */
export const STREAM_FORMATS = ['i420', 'rgba', 'mjpeg'] as const;

/** One of {@link STREAM_FORMATS}. */
export type StreamFormat = (typeof STREAM_FORMATS)[number];

/** What a reader may ask for: a format, or `auto`, the one that fits the picture. */
export type WantedFormat = StreamFormat | 'auto';

/** How a picture is laid out for somebody who wants this: on `auto` raw, with alpha where the show is transparent. */
export function formatFor(wanted: WantedFormat, { alpha }: Pick<VideoFrame, 'alpha'>): StreamFormat {
  if (wanted !== 'auto') return wanted;
  return alpha ? 'rgba' : 'i420';
}

/** Reads what stands in an address or in the settings; undefined when it is no format. */
export function parseFormat(text: string): WantedFormat | undefined {
  return text === 'auto' ? text : STREAM_FORMATS.find((format) => format === text);
}
