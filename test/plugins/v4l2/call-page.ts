/** A page that shows a camera, as a call does. */
export const CALL_PAGE =
  '<!doctype html><meta charset="utf-8"><title>A call</title><video autoplay muted playsinline></video>';

/** What the page's first look at the cameras found. */
export interface CallSeen {
  /** Labels of all cameras that the browser offers. */
  readonly cameras: readonly string[];
  /** Label of the one that was opened. */
  readonly label: string;
  readonly width: number;
  readonly height: number;
}

/** Asks for leave, picks the camera "MuseCam" by its label, as a person does, and shows it. Runs in the page. */
export const OPEN_CAMERA = `(async () => {
  (await navigator.mediaDevices.getUserMedia({ video: true })).getTracks().forEach((track) => track.stop());
  const cameras = (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === 'videoinput');
  const labels = cameras.map(({ label }) => label);
  const camera = cameras.find(({ label }) => label === 'MuseCam');
  if (!camera) throw new Error('there is no camera "MuseCam", only: ' + labels.join(', '));
  const stream = await navigator.mediaDevices.getUserMedia({ video: { deviceId: { exact: camera.deviceId } } });
  const video = document.querySelector('video');
  video.srcObject = stream;
  await video.play();
  const canvas = new OffscreenCanvas(64, 36).getContext('2d', { willReadFrequently: true });
  window.shown = 0;
  window.next = () => new Promise((resolve) => video.requestVideoFrameCallback(() => {
    window.shown++;
    canvas.drawImage(video, 0, 0, 64, 36);
    resolve([...canvas.getImageData(0, 0, 64, 36).data].filter((_, at) => at % 4 < 3));
  }));
  return { cameras: labels, label: stream.getVideoTracks()[0].label, width: video.videoWidth, height: video.videoHeight };
})()`;

/** What the camera shows, RGB, 64x36: the picture after a few others. Runs in the page. */
export const LOOK = `(async () => {
  for (let n = 0; n < 4; n++) await next();
  return next();
})()`;

/**
 * Looks on until the camera shows something else than it did; or for so many pictures that it never will. Counted in
 * pictures, so that it does not matter how fast they come. Runs in the page.
 */
export function lookForAnother(first: readonly number[], mostPictures: number): string {
  return `(async (first) => {
    for (let pictures = 1; ; pictures++) {
      const last = await next();
      const apart = last.reduce((sum, value, at) => sum + Math.abs(value - first[at]), 0) / last.length;
      if (apart > 8 || pictures >= ${mostPictures}) return { last, pictures };
    }
  })(${JSON.stringify(first)})`;
}
