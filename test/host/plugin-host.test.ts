import { afterEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { holds } from '../../src/api/keybinding.ts';
import { definePlugin, type Plugin, type PluginManifestInput } from '../../src/api/plugin.ts';
import { silentLog } from '../../src/base/log.ts';
import { CommandTable } from '../../src/host/commands.ts';
import { PluginHost } from '../../src/host/plugin-host.ts';

const manifest: PluginManifestInput = {
  id: 'beep',
  title: 'Beep',
  contributes: {
    audioInputs: [{ id: 'beep.tone', title: 'Tone', scheme: 'beep' }],
    configuration: { 'beep.pitchHz': { type: 'number', default: 440, description: 'Pitch.' } },
  },
};
const tone = { list: async () => [], open: async () => Promise.reject(new Error('not here')) };

function hostWith(plugin: Plugin, declared: PluginManifestInput = manifest) {
  let loads = 0;
  const commands = new CommandTable();
  const load = async () => {
    loads++;
    return { default: plugin };
  };
  const host = new PluginHost([{ manifest: declared, load }], {
    log: silentLog,
    commands,
    settings: () => ({ 'beep.pitchHz': 220, 'other.secret': 1 }),
    status: { current: {} as never, onDidChange: () => ({ [Symbol.dispose]() {} }) },
  });
  return { host, commands, loads: () => loads };
}

describe('the plugin host', () => {
  it('knows what a plugin offers before any of its code runs', () => {
    const { host, loads } = hostWith(definePlugin({ activate() {} }));
    expect(host.contributions('audioInputs').map(({ scheme }) => scheme)).toEqual(['beep']);
    expect(host.findScheme('audioInputs', 'beep').id).toBe('beep.tone');
    expect(host.stateOf('beep').state).toBe('off');
    expect(loads()).toBe(0);
  });

  it('imports and activates on first use, once, with the plugin’s own settings', async () => {
    let seen: unknown;
    const { host, loads } = hostWith(
      definePlugin({
        activate(context) {
          seen = context.settings;
          context.registerAudioInput('beep.tone', tone);
        },
      }),
    );
    await Promise.all([host.record('audioInputs', 'beep.tone'), host.record('audioInputs', 'beep.tone')]);
    expect(loads()).toBe(1);
    expect(seen).toEqual({ 'beep.pitchHz': 220 });
    expect(host.stateOf('beep').state).toBe('ready');
  });

  it('marks a failing plugin with its reason', async () => {
    const { host } = hostWith(
      definePlugin({
        activate() {
          throw new Error('no speaker');
        },
      }),
    );
    await expect(host.record('audioInputs', 'beep.tone')).rejects.toMatchObject({ code: 'PLUGIN_FAILED' });
    expect(host.stateOf('beep')).toEqual({ state: 'failed', reason: 'no speaker' });
  });

  it('refuses what a manifest does not declare, and misses what it does', async () => {
    const undeclared = hostWith(
      definePlugin({ activate: (context) => context.registerAudioInput('beep.noise', tone) }),
    );
    await expect(undeclared.host.activate('beep')).rejects.toThrow('does not declare');
    const silent = hostWith(definePlugin({ activate() {} }));
    await expect(silent.host.record('audioInputs', 'beep.tone')).rejects.toThrow('did not register');
  });

  it('refuses wrong manifests', () => {
    const activate = () => {};
    const broken = { ...manifest, id: 'No Good' };
    expect(() => hostWith({ activate }, broken)).toThrow(/manifest of No Good/);
  });

  it('activates the plugins that work while a show runs, and shows what they say of their link', async () => {
    const link = { id: 'beep.link', label: 'Beeper', state: 'ready' } as const;
    const plugin = definePlugin({ activate: (context) => context.reportLink(link) });
    const { host: onUse, loads: loadsOnUse } = hostWith(plugin);
    await onUse.activateForShow();
    expect(loadsOnUse()).toBe(0);
    expect(onUse.links).toEqual([]);
    const { host } = hostWith(plugin, { ...manifest, activation: 'show' });
    await host.activateForShow();
    expect(host.links).toEqual([link]);
    const failing = hostWith({ activate: () => Promise.reject(new Error('no')) }, { ...manifest, activation: 'show' });
    await failing.host.activateForShow();
    expect(failing.host.stateOf('beep').state).toBe('failed');
  });

  it('names what there is when nothing answers to a word', () => {
    const { host } = hostWith(definePlugin({ activate() {} }));
    expect(() => host.findScheme('audioInputs', 'boop')).toThrowError(
      expect.objectContaining({ code: 'NO_SUCH_SCHEME', fix: 'Use one of: beep.' }),
    );
  });

  it('takes back all that a plugin registered when it closes', async () => {
    let isClosed = false;
    const { host, commands } = hostWith(
      definePlugin({
        activate(context) {
          context.registerCommand({ id: 'beep.now', run: () => 'beep' });
          context.subscriptions.use(() => {
            isClosed = true;
          });
        },
      }),
      { ...manifest, contributes: { ...manifest.contributes, commands: [{ id: 'beep.now', title: 'Beep' }] } },
    );
    await host.activate('beep');
    expect(await commands.run('beep.now')).toBe('beep');
    await host[Symbol.asyncDispose]();
    expect(isClosed).toBe(true);
    await expect(commands.run('beep.now')).rejects.toMatchObject({ code: 'NO_SUCH_COMMAND' });
  });
});

describe('a plugin that never comes to an end', () => {
  afterEach(() => vi.useRealTimers());

  it('with starting is failed after ten seconds', async () => {
    vi.useFakeTimers();
    const { host } = hostWith(definePlugin({ activate: () => new Promise(() => {}) }));
    const activating = host.activate('beep').catch((thrown) => thrown.message);
    await vi.advanceTimersByTimeAsync(9_900);
    expect(host.stateOf('beep').state).toBe('starting');
    await vi.advanceTimersByTimeAsync(200);
    expect(await activating).toContain('no answer within 10 s');
    expect(host.stateOf('beep')).toMatchObject({ state: 'failed', reason: 'no answer within 10 s' });
  });

  it('with closing is left behind after five, and what it registered is gone', async () => {
    vi.useFakeTimers();
    const { host } = hostWith(
      definePlugin({
        activate(context) {
          context.subscriptions.use(() => new Promise(() => {}));
          context.registerAudioInput('beep.tone', tone);
        },
      }),
    );
    await host.activate('beep');
    let isRemoved = false;
    void host.remove('beep').then(() => {
      isRemoved = true;
    });
    await vi.advanceTimersByTimeAsync(4_900);
    expect(isRemoved).toBe(false);
    await vi.advanceTimersByTimeAsync(200);
    expect(isRemoved).toBe(true);
    await expect(host.record('audioInputs', 'beep.tone')).rejects.toMatchObject({ code: 'NO_SUCH_CONTRIBUTION' });
  });
});

describe('commands', () => {
  it('are run only while their condition holds', async () => {
    let isRecording = false;
    const commands = new CommandTable((condition) => holds(condition, { recording: isRecording }));
    commands.register({
      id: 'a.stop',
      title: 'Stop',
      enablement: 'recording',
      args: z.object({}),
      run: async () => 'ok',
    });
    expect(commands.list()[0]).toMatchObject({ category: 'A', enablement: 'recording' });
    await expect(commands.run('a.stop')).rejects.toMatchObject({ code: 'COMMAND_DISABLED' });
    isRecording = true;
    expect(await commands.run('a.stop')).toBe('ok');
  });

  it('check their arguments before they run', async () => {
    const commands = new CommandTable();
    const ran: unknown[] = [];
    commands.register({
      id: 'a.b',
      title: 'A',
      args: z.object({ on: z.boolean() }),
      run: async (args) => ran.push(args),
    });
    await expect(commands.run('a.b', { on: 'yes' })).rejects.toMatchObject({ code: 'BAD_ARGUMENTS' });
    expect(ran).toEqual([]);
    await commands.run('a.b', { on: true });
    expect(ran).toEqual([{ on: true }]);
    expect(commands.list()[0]).toMatchObject({ id: 'a.b', title: 'A', args: { type: 'object' } });
  });

  it('have one owner each', () => {
    const commands = new CommandTable();
    const command = { id: 'a.b', title: 'A', args: z.object({}), run: async () => undefined };
    commands.register(command);
    expect(() => commands.register(command)).toThrow('Two plugins');
  });
});
