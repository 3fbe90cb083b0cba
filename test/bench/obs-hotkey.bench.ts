import { setTimeout as sleep } from 'node:timers/promises';
import { hasHand, hasRealObs } from '../plugins/obs/real-obs.ts';
import { type Fact, percentile } from './harness.ts';
import { Keyboard, ObsShow, type Seen } from './obs-show.ts';

const PRESSES = Number(process.env.MUSECAM_BENCH_OBS_CHANGES ?? 50);

/** From a key pressed in OBS to the other face, the whole way: X, OBS, Lua, obs-websocket, command, swap, stream, OBS. */
export async function facts(): Promise<Fact[]> {
  if (!hasRealObs || !hasHand) {
    console.error('obs-hotkey: left out, there is no obs, no Xvfb or no xdotool');
    return [];
  }
  await using show = await ObsShow.open([], { 'avatar.next': 'F5' });
  using keyboard = new Keyboard(show.obs.display);
  const seen: Seen[] = [];
  for (let press = 0; press < PRESSES; press++) {
    const one = await show.watchChange(() => keyboard.down('F5'));
    keyboard.up('F5');
    if (one) seen.push(one);
    await sleep(60);
  }
  const group = `OBS hotkey: key down to the other face, ${PRESSES} presses`;
  const fact = (name: string, value: number, unit: Fact['unit'] = 'ms', budget?: number): Fact => ({
    ...{ group, name, value, unit },
    ...(budget === undefined ? {} : { budget }),
  });
  const [preview, obs] = [seen.map(({ previewMs }) => previewMs), seen.map(({ obsMs }) => obsMs)];
  return [
    fact('in the preview, p50', percentile(preview, 0.5)),
    fact('in the preview, p95', percentile(preview, 0.95)),
    fact('in the source of OBS, p50', percentile(obs, 0.5)),
    fact('in the source of OBS, p95', percentile(obs, 0.95), 'ms', 120),
    fact('presses without effect', PRESSES - seen.length, 'frames', 0),
  ];
}
