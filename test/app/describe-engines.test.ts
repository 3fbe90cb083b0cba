import { describe, expect, it } from 'vitest';
import type { EngineStatus } from '../../src/api/status.ts';
import { describeHoldings, engineRows } from '../../src/app/cli/describe-engines.ts';

const puppet: EngineStatus = { id: 'puppet.face', label: 'Puppet', state: 'ready', restarts: 0 };
const musetalk: EngineStatus = {
  ...{ id: 'musetalk.face', label: 'MuseTalk', state: 'ready', restarts: 0 },
  report: {
    ...{ detail: 'WebGPU, half precision, 11 ms a face', keepsUp: true, networkBytes: 1_720_000_000 },
    residents: [
      { avatarId: 'mira', bytes: 38_400_000, place: 'gpu' },
      { avatarId: 'clip', bytes: 2_140_000, place: 'processor' },
    ],
  },
};

describe('the face engines in musecam status', () => {
  it('a lone engine is one row, with what it says of itself', () => {
    expect(engineRows({ engine: puppet, engines: [puppet] })).toEqual([{ link: puppet, role: '' }]);
    expect(describeHoldings([puppet])).toEqual([]);
  });

  it('of several it says which one draws, or that none does', () => {
    const roles = (engine: EngineStatus, engines: EngineStatus[]) =>
      engineRows({ engine, engines }).map(({ link, role }) => [link.label, role]);
    expect(roles(musetalk, [musetalk, puppet])).toEqual([
      ['MuseTalk', 'draws'],
      ['Puppet', ''],
    ]);
    const away: EngineStatus = { ...puppet, state: 'degraded' };
    expect(roles(away, [{ ...musetalk, state: 'failed' }, away])).toEqual([
      ['MuseTalk', ''],
      ['Puppet', 'avatar at rest'],
    ]);
  });

  it('says how much the networks take, and where each avatar lies', () => {
    expect(describeHoldings([musetalk, puppet])).toEqual([
      'MuseTalk: networks 1.72 GB, mira 38 MB on the GPU, clip 2.1 MB in memory',
    ]);
  });
});
