import { differenceOf, lookAt } from '../plugins/obs/look-at-obs.ts';
import { hasHand, hasRealObs } from '../plugins/obs/real-obs.ts';
import { type Fact, percentile } from './harness.ts';
import { ObsShow, SOURCE } from './obs-show.ts';

const RESTARTS = 20;
/** A picture that differs from black by more shows somebody: mean difference, 0 … 255. */
const NOT_BLACK = 20;

/** OBS killed and started again: how long until the daemon is connected, and the face is in OBS again. */
export async function facts(): Promise<Fact[]> {
  if (!hasRealObs || !hasHand) {
    console.error('obs-reconnect: left out, there is no obs, no Xvfb or no xdotool');
    return [];
  }
  await using show = await ObsShow.open();
  const [linked, faced]: [number[], number[]] = [[], []];
  for (let restart = 0; restart < RESTARTS; restart++) {
    await show.hand.disconnect();
    await show.obs.kill();
    while ((await show.daemon.status()).links.find(({ id }) => id === 'obs.link')?.state === 'ready');
    await show.obs.start();
    const startMs = performance.now();
    await show.untilLinked();
    linked.push(performance.now() - startMs);
    show.hand = await show.obs.hand();
    for (;;) {
      const now = await lookAt(show.hand, SOURCE).catch(() => undefined);
      if (now && differenceOf(now, Buffer.alloc(now.length)) > NOT_BLACK) break;
    }
    faced.push(performance.now() - startMs);
  }
  const group = `OBS killed and started again, ${RESTARTS} times, from its port being open`;
  const fact = (name: string, value: number, budget?: number): Fact => ({
    ...{ group, name, value, unit: 'ms' },
    ...(budget === undefined ? {} : { budget }),
  });
  return [
    fact('until connected, p50', percentile(linked, 0.5)),
    fact('until connected, p95', percentile(linked, 0.95), 2_000),
    fact('until the face is in its source again, p50', percentile(faced, 0.5)),
    fact('until the face is in its source again, p95', percentile(faced, 0.95)),
  ];
}
