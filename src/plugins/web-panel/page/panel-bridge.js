import { callCommand } from './call-command.js';

/** Commands that decide what code runs here, and with what settings: for the person alone. */
const FOR_PERSONS = /^(?:plugins|settings)\./;
/** Calls of one panel that run at the same time. */
const CALLS_AT_ONCE = 8;
/** Shortest time between two messages with the status, in ms. */
const STATUS_EVERY_MS = 250;
/** How high a panel may make itself, in px. */
const HEIGHT_PX = { least: 60, most: 800 };

/**
 * What a panel of a plugin and this page say to each other: docs/plugins-panels.md has every message. The panel's document
 * is of no origin; that a message comes from it is known by its window alone.
 */
export function createPanelBridge(frame) {
  let running = 0;
  let newest;
  let sentAtMs = Number.NEGATIVE_INFINITY;
  let timer;
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const sayTheme = () => say({ type: 'musecam.theme', dark: dark.matches });
  dark.addEventListener('change', sayTheme);
  frame.addEventListener('load', () => {
    sayTheme();
    sayStatus();
  });

  function say(message) {
    // It has no origin that could be named, and its window shows nothing but its own folder.
    frame.contentWindow?.postMessage(message, '*');
  }

  function sayStatus() {
    clearTimeout(timer);
    timer = undefined;
    if (!newest) return;
    sentAtMs = performance.now();
    say({ type: 'musecam.status', status: newest });
  }

  async function answer({ call, id, args }) {
    if (running >= CALLS_AT_ONCE) {
      const message = `${CALLS_AT_ONCE} calls of this panel are still running.`;
      return say({ type: 'musecam.answer', call, error: { code: 'PANEL_TOO_MANY_CALLS', message } });
    }
    running++;
    try {
      say({ type: 'musecam.answer', call, result: await runFor(id, args) });
    } catch ({ code, message, fix }) {
      say({ type: 'musecam.answer', call, error: { code: code ?? 'PANEL_CALL', message, fix } });
    } finally {
      running--;
    }
  }

  return {
    /** Whether a message's source is this panel. */
    owns: (source) => source !== null && source === frame.contentWindow,
    hear(message) {
      if (message?.type === 'musecam.run') void answer(message);
      if (message?.type === 'musecam.height' && Number.isFinite(message.px)) {
        frame.style.height = `${Math.max(HEIGHT_PX.least, Math.min(HEIGHT_PX.most, Math.round(message.px)))}px`;
      }
    },
    /** The newest status: told a few times a second, the last one always. */
    update(status) {
      newest = status;
      timer ??= setTimeout(sayStatus, Math.max(0, sentAtMs + STATUS_EVERY_MS - performance.now()));
    },
    close() {
      clearTimeout(timer);
      dark.removeEventListener('change', sayTheme);
    },
  };
}

/** Runs a command for a panel. @throws Refused, and an error with `code` for what panels may not. */
async function runFor(id, args = {}) {
  const isCall = typeof id === 'string' && typeof args === 'object' && args !== null;
  if (!isCall)
    throw Object.assign(new Error('A call needs the id of a command, and an object.'), { code: 'PANEL_CALL' });
  if (FOR_PERSONS.test(id)) {
    throw Object.assign(new Error(`Panels may not run ${id}.`), { code: 'PANEL_NOT_ALLOWED' });
  }
  // Here, because what cannot be written as JSON would look like a show that is away.
  JSON.stringify(args);
  return callCommand(id, args);
}
