import { setTimeout as sleep } from 'node:timers/promises';
import { hasScreen, Screen } from '../fakes/screen.ts';
import { BUNDLED_SPEECH, DaemonProcess } from './daemon-process.ts';
import type { Fact } from './harness.ts';
import { describeSwaps, SwapWatch } from './swap-watch.ts';

const PRESSES = Number(process.env.MUSECAM_BENCH_HOTKEYS ?? 50);

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
  while ((await daemon.status()).links.find(({ id }) => id === 'hotkeys.link')?.state !== 'ready') await sleep(20);
  await using watch = await SwapWatch.open(daemon);
  const modifiers = ['Control_L', 'Alt_L'];
  const seenMs = await watch.watchSwaps(PRESSES, (number) => screen.down(String(number)), {
    // A person presses the modifiers first.
    before: () => {
      for (const modifier of modifiers) screen.down(modifier);
    },
    after: (number) => {
      for (const key of [String(number), ...modifiers]) screen.up(key);
    },
  });
  const group = `Hotkey under X11: key down to the other face, ${PRESSES} presses, without cross-fade`;
  return describeSwaps(group, 'in the preview', seenMs, PRESSES);
}
