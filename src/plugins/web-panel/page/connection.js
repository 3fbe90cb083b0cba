/** Waiting times between tries, in ms; the last one repeats. */
const RETRY_MS = [300, 600, 1_000, 2_000, 4_000];
/** The daemon says something at least every second. After this long without a word it is not there, in ms. */
const SILENCE_MS = 4_000;

/**
 * Keeps the WebSocket to the daemon alive and its status whole.
 * @param listener `onStatus(status, changed)` with the merged status and the set of changed field names;
 *   `onOpen()`, `onLost(retryInMs)`, `onRefused()` when the page's key is not valid any more.
 * @returns `retryNow()`
 */
export function connect(listener) {
  let socket;
  let status = {};
  let tries = 0;
  let retryTimer;
  let silenceTimer;

  function open() {
    clearTimeout(retryTimer);
    const opened = new WebSocket(`ws://${location.host}/api/events`);
    socket = opened;
    opened.onmessage = (event) => opened === socket && receive(event.data);
    opened.onclose = () => opened === socket && lose();
    watchSilence();
  }

  function receive(text) {
    watchSilence();
    const message = JSON.parse(text);
    if (message.type !== 'status') return;
    const isFirst = tries !== -1;
    // What an earlier daemon said is forgotten: the first message of a connection is complete.
    status = isFirst ? message.status : { ...status, ...message.status };
    tries = -1;
    if (isFirst) listener.onOpen();
    listener.onStatus(status, new Set(Object.keys(message.status)));
  }

  function watchSilence() {
    clearTimeout(silenceTimer);
    silenceTimer = setTimeout(lose, SILENCE_MS);
  }

  async function lose() {
    clearTimeout(silenceTimer);
    clearTimeout(retryTimer);
    socket?.close();
    socket = undefined;
    if (await isRefused()) return listener.onRefused();
    if (socket) return;
    tries = Math.max(0, tries);
    const waitMs = RETRY_MS[Math.min(tries, RETRY_MS.length - 1)];
    tries++;
    listener.onLost(waitMs);
    clearTimeout(retryTimer);
    retryTimer = setTimeout(open, waitMs);
  }

  open();
  return { retryNow: () => !socket && open() };
}

/** Whether the daemon is there but does not know this page's key: it was started anew. */
async function isRefused() {
  try {
    const { status } = await fetch('/api/status', { signal: AbortSignal.timeout(2_000) });
    return status === 401 || status === 429;
  } catch {
    return false;
  }
}
