import { FRAMES_PER_SECOND, frameByteLength, type Size, type VideoFrame } from '../../api/media.ts';
import type { Log } from '../../base/log.ts';
import { scaleI420ToRgb24 } from '../../media/color.ts';
import { type JpegEncoder, loadJpegEncoder } from '../../media/jpeg-encoder.ts';
import { layOverCheckerboard } from './checkerboard.ts';

/** Somebody who watches the preview. */
export interface PreviewViewer {
  /** Whether the next picture may be handed over; false while the last one is still on its way. */
  readonly isReady: boolean;
  /** Takes one finished picture. Must not wait and must not throw. */
  show(jpeg: Uint8Array): void;
}

/** How the preview is made. */
export interface PreviewFeedOptions {
  readonly framesPerSecond: number;
  readonly widthPx: number;
  readonly log: Log;
  /** Which encoder to use; by default the fastest that loads. */
  readonly loadEncoder?: (log: Log) => Promise<JpegEncoder>;
}

/**
 * Makes small JPEG pictures of the show's frames while somebody watches: scaled and encoded once, shared by all viewers.
 * A viewer that is not ready misses the picture; nothing is queued, and when no viewer is ready nothing is encoded.
 */
export class PreviewFeed {
  readonly #options: PreviewFeedOptions;
  readonly #viewers = new Set<PreviewViewer>();
  #encoder: Promise<JpegEncoder> | undefined;
  #rgb = new Uint8Array(0);
  #lastTurn = -1;
  #isEncoding = false;
  #encodedCount = 0;

  constructor(options: PreviewFeedOptions) {
    this.#options = options;
  }

  get viewerCount(): number {
    return this.#viewers.size;
  }

  /** Pictures encoded so far. */
  get encodedCount(): number {
    return this.#encodedCount;
  }

  /** Adds a viewer; dispose to leave. */
  watch(viewer: PreviewViewer): Disposable {
    this.#viewers.add(viewer);
    return { [Symbol.dispose]: () => void this.#viewers.delete(viewer) };
  }

  /**
   * Shows a frame to whoever is ready. The frame's data is read before the first await; resolves when the picture is
   * with the viewers, without waiting for them to take it.
   */
  async send(frame: VideoFrame): Promise<void> {
    if (!this.#isWanted(frame)) return;
    this.#isEncoding = true;
    try {
      const size = previewSize(frame, this.#options.widthPx);
      const rgb = this.#scale(frame, size);
      this.#encoder ??= (this.#options.loadEncoder ?? loadJpegEncoder)(this.#options.log);
      const encode = await this.#encoder;
      const jpeg = await encode(rgb, size);
      this.#encodedCount++;
      for (const viewer of this.#viewers) if (viewer.isReady) viewer.show(jpeg);
    } finally {
      this.#isEncoding = false;
    }
  }

  #isWanted(frame: VideoFrame): boolean {
    if (this.#isEncoding || !this.#hasReadyViewer()) return false;
    // Which picture of the slower preview this frame falls into: even steps whatever frames are left out.
    const turn = Math.floor((frame.index * this.#options.framesPerSecond) / FRAMES_PER_SECOND);
    if (turn === this.#lastTurn && !frame.isBetween) return false;
    this.#lastTurn = turn;
    return true;
  }

  #hasReadyViewer(): boolean {
    for (const viewer of this.#viewers) if (viewer.isReady) return true;
    return false;
  }

  #scale(frame: VideoFrame, size: Size): Uint8Array {
    const byteLength = frameByteLength('rgb24', size);
    if (this.#rgb.length !== byteLength) this.#rgb = new Uint8Array(byteLength);
    scaleI420ToRgb24(frame.data, frame, size, this.#rgb);
    if (frame.alpha) layOverCheckerboard(this.#rgb, size, frame.alpha, frame);
    return this.#rgb;
  }
}

/** The frame's shape at the preview's width; even, and never larger than the frame. */
export function previewSize(frame: Size, widthPx: number): Size {
  const width = Math.max(2, Math.min(frame.width, Math.round(widthPx)) & ~1);
  const height = Math.max(2, Math.round((frame.height * width) / frame.width) & ~1);
  return { width, height };
}
