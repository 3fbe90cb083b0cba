/**
 * A signal that aborts with the first of several. Like `AbortSignal.any`, whose result Node 20 may collect as garbage
 * while others still wait for it, so that its abort never comes; here the sources hold it.
 */
export function anySignal(...sources: readonly AbortSignal[]): AbortSignal {
  const controller = new AbortController();
  for (const source of sources) {
    if (source.aborted) controller.abort(source.reason);
    else
      source.addEventListener('abort', () => controller.abort(source.reason), {
        once: true,
        signal: controller.signal,
      });
  }
  return controller.signal;
}
