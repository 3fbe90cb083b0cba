import { MotionJpegParser } from './motion-jpeg.js';

/** A stream that shows nothing for this long is opened again, in ms. */
const STALL_MS = 5_000;
const RETRY_MS = 1_000;

/**
 * Shows the live preview on a canvas. Pictures are decoded off the main thread; while one is being decoded only the
 * newest waits, so the preview never lags behind. Nothing is fetched while the tab is hidden.
 * @param onFacts called once a second with `{ width, height, framesPerSecond }`.
 * @param onPicture called when a picture was drawn.
 * @returns `start()` and `stop()`
 */
export function createPreview(canvas, { onFacts, onPicture }) {
  const context = canvas.getContext('2d', { alpha: false });
  let isWanted = false;
  let abort;
  let newest;
  let isDecoding = false;
  let lastPictureAtMs = 0;
  let pictureCount = 0;

  async function draw(blob) {
    newest = blob;
    if (isDecoding) return;
    isDecoding = true;
    while (newest) {
      const picture = newest;
      newest = undefined;
      await createImageBitmap(picture).then(paint, () => {});
    }
    isDecoding = false;
  }

  function paint(bitmap) {
    if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
      canvas.width = bitmap.width;
      canvas.height = bitmap.height;
    }
    context.drawImage(bitmap, 0, 0);
    bitmap.close();
    lastPictureAtMs = performance.now();
    pictureCount++;
    onPicture();
  }

  async function read(signal) {
    const response = await fetch('/preview.mjpg', { signal });
    if (!response.ok) throw new Error(`the preview was refused: ${response.status}`);
    const parser = new MotionJpegParser(draw);
    const reader = response.body.getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) parser.push(part.value);
  }

  async function run() {
    if (abort || !isWanted || document.hidden) return;
    abort = new AbortController();
    const { signal } = abort;
    lastPictureAtMs = performance.now();
    await read(signal).catch(() => {});
    if (signal.aborted) return;
    abort = undefined;
    setTimeout(run, RETRY_MS);
  }

  function halt() {
    abort?.abort();
    abort = undefined;
  }

  setInterval(() => {
    onFacts({ width: canvas.width, height: canvas.height, framesPerSecond: pictureCount });
    pictureCount = 0;
    if (!abort || performance.now() - lastPictureAtMs < STALL_MS) return;
    halt();
    void run();
  }, 1_000);
  document.addEventListener('visibilitychange', () => (document.hidden ? halt() : run()));

  return {
    start() {
      isWanted = true;
      halt();
      void run();
    },
    stop() {
      isWanted = false;
      halt();
    },
  };
}
