import { setTimeout as sleep } from 'node:timers/promises';
import sharp from 'sharp';
import { hasScreen, Screen } from '../fakes/screen.ts';
import { differenceOf } from '../plugins/obs/look-at-obs.ts';
import { BUNDLED_SPEECH, DaemonProcess } from './daemon-process.ts';
import { type Fact, percentile } from './harness.ts';
import { PreviewReader } from './preview-reader.ts';

const PRESSES = Number(process.env.MUSECAM_BENCH_HOTKEYS ?? 50);
/** The budget from a key to the swapped frame, in ms. */
const BUDGET_MS = 100;
/** How long a face must have been on before it is changed, in ms. */
const CALM_MS = 300;
/** A change that is not seen within this time counts as lost, in ms. */
const SEEN_DEADLINE_MS = 2_000;
/** Both avatars that come with the program, by their keys. */
const KEYS = ['1', '2'] as const;

/** From a key that is pressed while another program has the keyboard to the other face in our own preview. */
export async function facts(): Promise<Fact[]> {
  if (!hasScreen) {
    console.error('hotkey: left out, there is no Xvfb, xdotool, xev or uiohook-napi');
    return [];
  }
  await using screen = await Screen.open();
  await screen.focusWindow();
  const { DISPLAY } = screen.env;
  const surroundings = { DISPLAY, WAYLAND_DISPLAY: '', XDG_SESSION_TYPE: 'x11' };
  await using daemon = await DaemonProcess.open([...BUNDLED_SPEECH, '--set', 'show.crossFadeFrames=0'], surroundings);
  await using preview = new PreviewReader(daemon);
  while ((await daemon.status()).links.find(({ id }) => id === 'hotkeys.link')?.state !== 'ready') await sleep(20);
  const looks = await learnLooks(screen, preview);
  const seenMs: number[] = [];
  for (let press = 0; press < PRESSES; press++) {
    await sleep(CALM_MS + Math.random() * 80); // at every phase of the clocks
    const [from, to] = press % 2 === 0 ? ['2', '1'] : ['1', '2'];
    for (const modifier of ['Control_L', 'Alt_L']) screen.down(modifier);
    await sleep(40); // a person presses the modifiers first
    const start = preview.pictures.length;
    const pressedMs = performance.now();
    screen.down(to!);
    const seen = await firstThatShows(preview, start, looks.get(from!)!, looks.get(to!)!);
    for (const key of [to!, 'Alt_L', 'Control_L']) screen.up(key);
    if (seen !== undefined) seenMs.push(seen - pressedMs);
  }
  const group = `Hotkey under X11: key down to the other face, ${PRESSES} presses, without cross-fade`;
  return [
    { group, name: 'in the preview, p50', value: percentile(seenMs, 0.5), unit: 'ms' },
    { group, name: 'in the preview, p95', value: percentile(seenMs, 0.95), unit: 'ms', budget: BUDGET_MS },
    { group, name: 'presses without effect', value: PRESSES - seenMs.length, unit: 'frames', budget: 0 },
  ];
}

/** What each avatar looks like, small. The last one stays on. */
async function learnLooks(screen: Screen, preview: PreviewReader): Promise<ReadonlyMap<string, Buffer>> {
  const looks = new Map<string, Buffer>();
  for (const key of KEYS) {
    screen.tap(`ctrl+alt+${key}`);
    await sleep(2_000);
    looks.set(key, await shrink(preview.pictures.at(-1)!.jpeg));
  }
  return looks;
}

/** When the first picture from `start` on came that shows the wanted face; undefined: none in time. */
async function firstThatShows(
  preview: PreviewReader,
  start: number,
  old: Buffer,
  wanted: Buffer,
): Promise<number | undefined> {
  const untilMs = performance.now() + SEEN_DEADLINE_MS;
  for (let next = start; performance.now() < untilMs; ) {
    const picture = preview.pictures[next];
    if (!picture) {
      await sleep(4);
      continue;
    }
    const now = await shrink(picture.jpeg);
    if (differenceOf(now, wanted) < differenceOf(now, old)) return picture.atMs;
    next++;
  }
  return undefined;
}

function shrink(jpeg: Buffer): Promise<Buffer> {
  return sharp(jpeg).resize(16, 9, { fit: 'fill' }).raw().toBuffer();
}
