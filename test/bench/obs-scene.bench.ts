import { hasRealObs } from '../plugins/obs/real-obs.ts';
import { type Fact, percentile } from './harness.ts';
import { ObsShow, type Seen } from './obs-show.ts';

const CHANGES = Number(process.env.MUSECAM_BENCH_OBS_CHANGES ?? 50);
/** From a change of scene in OBS to the other face in OBS, the whole way, while OBS fades from scene to scene. */
export async function facts(): Promise<Fact[]> {
  if (!hasRealObs) {
    console.error('obs-scene: left out, there is no obs or no Xvfb');
    return [];
  }
  await using show = await ObsShow.open();
  const scenes = { mira: 'Anna', jonas: 'Tom' };
  for (const [avatar, scene] of Object.entries(scenes)) {
    await show.hand.call('CreateScene', { sceneName: scene });
    await show.hand.call('CreateSceneItem', { sceneName: scene, sourceName: 'MuseCam picture' });
    await show.daemon.run('obs.map', { scene, avatar });
  }
  await show.hand.call('SetCurrentProgramScene', { sceneName: 'Anna' });
  const seen: Seen[] = [];
  for (let change = 0; change < CHANGES; change++) {
    const sceneName = change % 2 === 0 ? 'Tom' : 'Anna';
    const one = await show.watchChange(() => show.hand.call('SetCurrentProgramScene', { sceneName }));
    if (one) seen.push(one);
  }
  const group = `OBS scene change to the other face, ${CHANGES} changes`;
  const [preview, obs] = [seen.map(({ previewMs }) => previewMs), seen.map(({ obsMs }) => obsMs)];
  const fact = (name: string, value: number, unit: Fact['unit'] = 'ms', budget?: number): Fact => ({
    ...{ group, name, value, unit },
    ...(budget === undefined ? {} : { budget }),
  });
  return [
    fact('in the preview, p50', percentile(preview, 0.5)),
    fact('in the preview, p95', percentile(preview, 0.95)),
    fact('in the source of OBS, p50', percentile(obs, 0.5)),
    fact('in the source of OBS, p95', percentile(obs, 0.95), 'ms', 100),
    fact('changes without effect', CHANGES - seen.length, 'frames', 0),
  ];
}
