import { once } from 'node:events';
import { WebSocket } from 'ws';
import { findChromium, RealBrowser } from '../fakes/browser.ts';
import { BUNDLED_SPEECH, DaemonProcess } from './daemon-process.ts';
import type { Fact } from './harness.ts';
import { describeSwaps, SwapWatch } from './swap-watch.ts';

const SWAPS = Number(process.env.MUSECAM_BENCH_SWAPS ?? 50);
const GROUP = `Doors: request or key to the other face in the preview, ${SWAPS} swaps, without cross-fade`;

/** How quick a swap is by each door of the control server: HTTP, JSON-RPC, and a key on the page in a real browser. */
export async function facts(): Promise<Fact[]> {
  await using daemon = await DaemonProcess.open([...BUNDLED_SPEECH, '--set', 'show.crossFadeFrames=0']);
  await using watch = await SwapWatch.open(daemon);
  const found: Fact[] = [];
  const byHttp = await watch.watchSwaps(SWAPS, (number) => daemon.run('avatar.useNumber', { number }));
  found.push(...describeSwaps(GROUP, 'HTTP', byHttp, SWAPS));
  const page = new URL(daemon.url);
  const authorization = `Bearer ${page.searchParams.get('token')}`;
  const socket = new WebSocket(`ws://${page.host}/api/rpc`, { headers: { authorization } });
  await once(socket, 'open');
  const bySocket = await watch.watchSwaps(SWAPS, (number) =>
    socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'avatar.useNumber', params: { number } })),
  );
  socket.close();
  found.push(...describeSwaps(GROUP, 'JSON-RPC', bySocket, SWAPS));
  if (!findChromium()) {
    console.error('doors: the page is left out, there is no Chromium');
    return found;
  }
  await using browser = await RealBrowser.open();
  const tab = await browser.openPage();
  await tab.goto(daemon.url);
  await tab.locator('.avatar[aria-current="true"]').waitFor();
  const byKey = await watch.watchSwaps(SWAPS, (number) => tab.keyboard.press(String(number)));
  return [...found, ...describeSwaps(GROUP, 'key on the page (Chromium)', byKey, SWAPS)];
}
