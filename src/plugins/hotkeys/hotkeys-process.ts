/**
 * The process that hears hotkeys, and the only one that loads what it takes: the keyboard library is native code, which
 * ends its process when the screen goes away. Its one argument is how to hear ({@link HotkeyWay}); orders come and
 * reports go over the channel to the daemon. It ends with the daemon.
 */

import type { HotkeyListener, HotkeyOrder, HotkeyReport } from './hotkey-protocol.ts';
import { KeyboardListener } from './keyboard-listener.ts';

process.on('disconnect', endNow);
const listener = await open(process.argv[2] === 'portal');
if (listener) {
  let work = Promise.resolve();
  process.on('message', ({ hotkeys }: HotkeyOrder) => {
    work = work.then(() => listener.take(hotkeys));
  });
}

async function open(isPortal: boolean): Promise<HotkeyListener | undefined> {
  if (!isPortal) return KeyboardListener.open(report);
  const { PortalListener } = await import('./portal-listener.ts');
  return PortalListener.open(report);
}

/** After a failure it ends: the daemon starts another one when that may help. */
function report(what: HotkeyReport): void {
  process.send?.(what, () => {
    if (what.kind === 'failed') endNow();
  });
}

/** Ends at once. process.exit() would wait for the library's thread, which sits in the system. */
function endNow(): void {
  process.kill(process.pid, 'SIGKILL');
}
