import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import type { PluginManifestInput } from '../../src/api/plugin.ts';
import type { AvatarCast } from '../../src/app/avatar-cast.ts';
import { chooseEngines, findOpenEngine } from '../../src/app/choose-engines.ts';
import type { CornerLabel } from '../../src/app/corner-label.ts';
import { registerShowCommands } from '../../src/app/show-commands.ts';
import type { ShowSwitches } from '../../src/app/show-switches.ts';
import { silentLog } from '../../src/base/log.ts';
import { CommandTable } from '../../src/host/commands.ts';
import { PluginHost } from '../../src/host/plugin-host.ts';
import { makeHome } from '../fakes/cli.ts';

const home = makeHome();
afterAll(() => home[Symbol.dispose]());

type Engine = NonNullable<PluginManifestInput['contributes']['faceEngines']>[number];
const declare = (...faceEngines: Engine[]): PluginManifestInput => ({
  ...{ id: faceEngines[0]!.scheme, title: 'Engine', contributes: { faceEngines } },
});

const host = new PluginHost(
  [
    declare({ id: 'puppet.face', title: 'Puppet', scheme: 'puppet' }),
    declare({
      ...{ id: 'real.face', title: 'Real', scheme: 'real', fallback: 'puppet', lookAheadSeconds: 0.1 },
      needsModel: ['real-2', 'real-1'],
    }),
    declare({ id: 'round.face', title: 'Round', scheme: 'round', fallback: 'round' }),
  ].map((manifest) => ({ manifest, load: () => Promise.reject(new Error('not needed')) })),
  {
    ...{ log: silentLog, commands: new CommandTable(), settings: () => ({}) },
    status: { onDidChange: () => ({ [Symbol.dispose]() {} }) } as never,
  },
);

const data = (name: string) => ({ data: join(home.path, name) });
const choose = (asked?: string, folder = 'empty') => {
  const { engines, why } = chooseEngines(host, asked, data(folder));
  return [engines.map(({ scheme }) => scheme), why];
};

describe('choosing face engines', () => {
  it('without a model: the embedded one', () => {
    const words = 'Face: Puppet, which needs nothing and runs on any CPU.';
    expect(choose()).toEqual([['puppet'], words]);
    expect(choose('auto')).toEqual([['puppet'], words]);
  });

  it('with any of its models installed: the engine that needs it, with the embedded one behind it', () => {
    const folder = join(data('full').data, 'models', 'real-1');
    mkdirSync(folder, { recursive: true });
    expect(choose('auto', 'full')[0]).toEqual(['puppet']);
    writeFileSync(join(folder, 'model.json'), '{}');
    const words = 'Face: Real, because its model is installed; where it cannot draw: Puppet.';
    expect(choose(undefined, 'full')).toEqual([['real', 'puppet'], words]);
  });

  it('as asked: that one with those behind it, installed or not; the embedded one alone', () => {
    expect(choose('real')).toEqual([['real', 'puppet'], 'Face: Real, as asked; where it cannot draw: Puppet.']);
    expect(choose('puppet', 'full')).toEqual([['puppet'], 'Face: Puppet, as asked.']);
    expect(choose('round')[0]).toEqual(['round']);
    expect(() => choose('none')).toThrow('Nothing answers to "none"');
  });
});

describe('engine.use', () => {
  let used: (string | undefined)[];
  const commands = new CommandTable();
  const choice = chooseEngines(host, 'real', data('empty'));
  const unused = () => {};
  registerShowCommands(commands, {
    ...{
      cast: {} as AvatarCast,
      switches: {} as ShowSwitches,
      label: {} as CornerLabel,
      cutIn: unused,
      stop: unused,
    },
    useEngine: (name) => void used.push(findOpenEngine(host, choice, name)),
  });
  beforeEach(() => {
    used = [];
  });

  it('takes the scheme of an engine of the show, or auto', async () => {
    expect(await commands.run('engine.use', { engine: 'puppet' })).toEqual({ engine: 'puppet' });
    await commands.run('engine.use', { engine: 'real' });
    await commands.run('engine.use', { engine: 'auto' });
    expect(used).toEqual(['puppet.face', 'real.face', undefined]);
  });

  it('says how to start anew with an engine that the show was started without, and which engines there are', async () => {
    await expect(commands.run('engine.use', { engine: 'round' })).rejects.toMatchObject({
      ...{ code: 'ENGINE_NOT_OPEN', fix: 'Start it anew: musecam start --engine round' },
    });
    await expect(commands.run('engine.use', { engine: 'x' })).rejects.toMatchObject({ code: 'NO_SUCH_SCHEME' });
    await expect(commands.run('engine.use', {})).rejects.toMatchObject({ code: 'BAD_ARGUMENTS' });
  });
});
