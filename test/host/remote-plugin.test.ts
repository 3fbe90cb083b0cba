import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import type { HealthReport } from '../../src/api/contributions.ts';
import type { ShowStatus } from '../../src/api/status.ts';
import { declarePlugin } from '../../src/app/installed-plugins.ts';
import { Emitter } from '../../src/base/event.ts';
import { type Log, silentLog } from '../../src/base/log.ts';
import { CommandTable } from '../../src/host/commands.ts';
import { PluginHost } from '../../src/host/plugin-host.ts';
import { readPlugin } from '../../src/host/read-plugin.ts';
import { PluginFolders } from './plugin-folder.ts';

const command = (id: string) => ({ contributes: { commands: [{ id, title: 'Do' }] } });
const frame = { width: 4, height: 2, format: 'i420', data: new Uint8Array(12).fill(7), index: 3 } as const;
const opened = { target: undefined, log: silentLog, width: 4, height: 2, framesPerSecond: 25 };

describe('a plugin in a process of its own', () => {
  let folders: PluginFolders;
  let host: PluginHost;
  let commands: CommandTable;
  let ran: unknown[];
  let lines: string[];
  let settings: Record<string, unknown>;
  let statusChanged: Emitter<ShowStatus>;
  let settingsChanged: Emitter<readonly string[]>;

  beforeEach(async () => {
    folders = await PluginFolders.open();
    commands = new CommandTable();
    ran = [];
    lines = [];
    settings = {};
    statusChanged = new Emitter();
    settingsChanged = new Emitter();
    const write = (line: string) => void lines.push(line);
    const log: Log = { debug: write, info: write, warn: write, error: write, scope: () => log };
    commands.register({
      id: 'show.note',
      title: 'Note',
      args: z.object({ what: z.unknown() }),
      run: async ({ what }) => {
        ran.push(what);
        return { noted: ran.length };
      },
    });
    host = new PluginHost([], {
      log,
      commands,
      status: { current: { avatarId: 'mira' } as ShowStatus, onDidChange: statusChanged.event },
      settings: () => settings,
      onDidChangeSettings: settingsChanged.event,
    });
  });
  afterEach(async () => {
    await host[Symbol.asyncDispose]();
    await folders[Symbol.asyncDispose]();
  });

  async function add(id: string, code: string, manifest: object = {}): Promise<void> {
    host.add(declarePlugin(readPlugin(await folders.write(id, code, manifest), '0.1.0'), 'process'));
  }

  it('gets the context that every plugin gets, and answers commands that its manifest declares', async () => {
    settings = { 'p.word': 'hi', 'other.secret': 1 };
    await add(
      'p',
      `import { definePlugin, FRAMES_PER_SECOND } from 'musecam/api';
      context.registerCommand({ id: 'p.do', run: async ({ n }) => ({
        twice: n * 2, rate: FRAMES_PER_SECOND, typed: typeof definePlugin, settings: context.settings,
        avatar: context.status.current.avatarId, answer: await context.commands.run('show.note', { what: 'it' }),
        ids: context.commands.list().map(({ id }) => id),
      }) });`,
      {
        contributes: {
          commands: [
            {
              id: 'p.do',
              title: 'Do',
              args: { type: 'object', properties: { n: { type: 'number' } }, required: ['n'] },
            },
          ],
          configuration: { 'p.word': { type: 'string', default: '', description: 'A word.' } },
        },
      },
    );
    expect(commands.list().find(({ id }) => id === 'p.do')).toMatchObject({ title: 'Do', category: 'p' });
    await expect(commands.run('p.do', { n: 'x' })).rejects.toMatchObject({ code: 'BAD_ARGUMENTS' });
    expect(host.stateOf('p').state).toBe('off');
    expect(await commands.run('p.do', { n: 21 })).toEqual({
      twice: 42,
      rate: 25,
      typed: 'function',
      settings: { 'p.word': 'hi' },
      avatar: 'mira',
      answer: { noted: 1 },
      ids: ['show.note', 'p.do'],
    });
    expect(ran).toEqual(['it']);
  });

  it('hears the status, and settings that apply live', async () => {
    settings = { 'p.live': 1, 'p.later': 1 };
    const setting = (applies: string) => ({ type: 'number', default: 0, description: 'A number.', applies });
    await add(
      'p',
      `context.status.onDidChange(({ avatarId }) => context.commands.run('show.note', { what: avatarId }));
      context.onDidChangeSettings((keys) => context.commands.run('show.note', { what: [keys, context.settings] }));`,
      { contributes: { configuration: { 'p.live': setting('live'), 'p.later': setting('restart') } } },
    );
    await host.activate('p');
    statusChanged.fire({ avatarId: 'jonas' } as ShowStatus);
    await vi.waitFor(() => expect(ran).toEqual(['jonas']));
    settings = { 'p.live': 2, 'p.later': 2 };
    settingsChanged.fire(['p.later']);
    settingsChanged.fire(['p.later', 'p.live']);
    await vi.waitFor(() => expect(ran[1]).toEqual([['p.live'], { 'p.live': 2, 'p.later': 1 }]));
  });

  it('takes pictures one at a time, and gives sound with the moment at which it was captured', async () => {
    await add(
      'p',
      `context.registerVideoOutput('p.out', { list: async () => [{ id: 'a', label: 'A', isDefault: true, state: 'ready' }],
        open: async ({ target, width, onHealth }) => ({ label: 'Out ' + target + ' ' + width, wantsSound: false,
          async send(frame) { await context.commands.run('show.note', { what: [frame.index, [...frame.data],
            performance.now() - frame.capturedAtMs] }); onHealth({ state: 'degraded', detail: 'so so' }); },
          async [Symbol.asyncDispose]() { await context.commands.run('show.note', { what: 'closed' }); } }) });
      context.registerAudioInput('p.in', { list: async () => [], open: async () => ({ label: 'In',
        async *chunks() { for (let n = 0; n < 3; n++) yield { samples: new Float32Array([n, 0.5]), sampleRateHz: 48000,
          capturedAtMs: performance.now() }; }, async [Symbol.asyncDispose]() {} }) });`,
      {
        contributes: {
          videoOutputs: [{ id: 'p.out', title: 'Out', scheme: 'pout' }],
          audioInputs: [{ id: 'p.in', title: 'In', scheme: 'pin' }],
        },
      },
    );
    const { signal } = new AbortController();
    const output = await host.record('videoOutputs', 'p.out');
    expect(await output.list(signal)).toMatchObject([{ label: 'A' }]);
    const health: HealthReport[] = [];
    const out = await output.open({ ...opened, target: 'x', onHealth: (report) => health.push(report) }, signal);
    expect(out.label).toBe('Out x 4');
    await out.send({ ...frame, capturedAtMs: performance.now() - 1000 });
    const [index, data, ageMs] = ran[0] as [number, number[], number];
    expect([index, data]).toEqual([3, [...frame.data]]);
    expect(ageMs).toBeGreaterThan(999);
    expect(ageMs).toBeLessThan(20_000);
    await vi.waitFor(() => expect(health).toEqual([{ state: 'degraded', detail: 'so so' }]));
    await out[Symbol.asyncDispose]();
    expect(ran[1]).toBe('closed');
    const input = await host.record('audioInputs', 'p.in');
    const options = { target: undefined, log: silentLog, loop: false, isRealTime: true, onHealth: () => {} };
    await using open = await input.open(options, signal);
    const heard = [];
    for await (const { samples, capturedAtMs } of open.chunks(signal)) {
      heard.push([...samples]);
      expect(Math.abs(performance.now() - capturedAtMs)).toBeLessThan(20_000);
    }
    expect(heard).toEqual([
      [0, 0.5],
      [1, 0.5],
      [2, 0.5],
    ]);
  });

  it('that throws while it starts is failed, with what it threw; the next use tries it anew', async () => {
    await add('p', `throw new Error('no speaker');`, command('p.do'));
    await expect(commands.run('p.do')).rejects.toMatchObject({ code: 'PLUGIN_FAILED' });
    expect(host.stateOf('p')).toEqual({ state: 'failed', reason: 'no speaker' });
    expect(host.links).toMatchObject([{ id: 'p', state: 'failed', detail: 'no speaker' }]);
    await folders.write('p', `context.registerCommand({ id: 'p.do', run: () => 'well' });`, command('p.do'));
    expect(await commands.run('p.do')).toBe('well');
    expect(host.stateOf('p').state).toBe('ready');
  });

  it('that throws later, exits or is killed is started again, its outputs opened again, and given up after three times', async () => {
    await add(
      'p',
      `context.registerCommand({ id: 'p.do', run: ({ how }) => {
        if (how === 'throw') setTimeout(() => { throw new Error('lost my head'); });
        if (how === 'exit') process.exit(3);
        return process.pid; } });
      context.registerVideoOutput('p.out', { list: async () => [], open: async () => ({ label: 'Out', wantsSound: false,
        async send({ index }) { await context.commands.run('show.note', { what: index }); },
        async [Symbol.asyncDispose]() {} }) });`,
      {
        contributes: {
          ...command('p.do').contributes,
          videoOutputs: [{ id: 'p.out', title: 'Out', scheme: 'pout' }],
        },
      },
    );
    const health: string[] = [];
    const onHealth = (report: HealthReport) => void health.push(`${report.state}: ${report.detail ?? ''}`);
    const record = await host.record('videoOutputs', 'p.out');
    const out = await record.open({ ...opened, onHealth }, new AbortController().signal);
    const isBack = () => vi.waitFor(() => expect(host.stateOf('p').state).toBe('ready'), 20_000);
    const isAway = (why: string) =>
      vi.waitFor(() => expect(host.stateOf('p')).toMatchObject({ reason: expect.stringContaining(why) }), 20_000);
    const first = await commands.run('p.do', { how: 'throw' });
    await isAway('lost my head');
    // Nobody waits for a picture that cannot be shown.
    await out.send({ ...frame, index: 1, capturedAtMs: 0 });
    await isBack();
    expect(health).toEqual([expect.stringContaining('degraded: lost my head'), 'ready: ']);
    await out.send({ ...frame, index: 2, capturedAtMs: 0 });
    expect(ran).toEqual([2]);
    const second = (await commands.run('p.do')) as number;
    expect(second).not.toBe(first);
    process.kill(second, 'SIGKILL');
    await isAway('SIGKILL');
    await isBack();
    await expect(commands.run('p.do', { how: 'exit' })).rejects.toThrow('exit code 3');
    await vi.waitFor(() => expect(host.stateOf('p').state).toBe('degraded'), 20_000);
    await vi.waitFor(() => expect(host.stateOf('p').state).toBe('ready'), 30_000);
    await expect(commands.run('p.do', { how: 'exit' })).rejects.toThrow('exit code 3');
    await vi.waitFor(() => expect(host.stateOf('p').state).toBe('failed'), 20_000);
    expect(host.stateOf('p').reason).toContain('started 4 times');
    expect(health.at(-1)).toContain('failed: ');
  });

  it('that hangs is ended', async () => {
    await add('p', `context.registerCommand({ id: 'p.do', run: () => { for (;;) {} } });`, command('p.do'));
    await expect(commands.run('p.do')).rejects.toThrow('stopped answering');
    await vi.waitFor(() => expect(host.stateOf('p').state).toBe('ready'), 20_000);
  });

  it('that floods the show with calls, news and lines is read slowly, and slows only itself', async () => {
    await add(
      'p',
      `context.registerCommand({ id: 'p.do', run: () => {
        setInterval(() => { for (let n = 0; n < 500; n++) {
          context.log.info('x'.repeat(1000));
          context.reportLink({ id: 'p.link', label: 'L', state: 'ready', detail: String(n) });
          context.commands.run('show.note', { what: n }).catch(() => {});
          console.log('y'.repeat(1000)); } }, 1);
        return 'flooding'; } });`,
      command('p.do'),
    );
    expect(await commands.run('p.do')).toBe('flooding');
    const before = process.cpuUsage();
    const startedMs = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const seconds = (performance.now() - startedMs) / 1000;
    const used = process.cpuUsage(before);
    // Of one core; unthrottled it takes all of it.
    expect((used.user + used.system) / 1e6 / seconds).toBeLessThan(0.5);
    expect(lines.length).toBeLessThan(300 * seconds);
    expect(ran.length).toBeLessThan(2500 * seconds);
  });

  it('that keeps handles open is gone with all of them when it is taken out', async () => {
    await add(
      'p',
      `import { createServer } from 'node:net';
      import { spawn } from 'node:child_process';
      const server = createServer().listen(0, '127.0.0.1');
      await new Promise((resolve) => server.once('listening', resolve));
      setInterval(() => {}, 10);
      context.subscriptions.use(() => new Promise(() => {}));
      context.registerCommand({ id: 'p.do', run: () => [process.pid, server.address().port] });`,
      command('p.do'),
    );
    const [pid, port] = (await commands.run('p.do')) as [number, number];
    const answers = () =>
      fetch(`http://127.0.0.1:${port}`, { signal: AbortSignal.timeout(300) }).then(
        () => 'open',
        (thrown) => (String(thrown.cause?.code) === 'ECONNREFUSED' ? 'gone' : 'open'),
      );
    expect(await answers()).toBe('open');
    await host.remove('p');
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    expect(await answers()).toBe('gone');
    await expect(commands.run('p.do')).rejects.toMatchObject({ code: 'NO_SUCH_COMMAND' });
  });

  it('that uses up its memory ends itself, with the reason', async () => {
    await add(
      'p',
      `context.registerCommand({ id: 'p.do', run: () => { const all = []; for (;;) all.push(new Array(1e6).fill(all.length)); } });`,
      command('p.do'),
    );
    await expect(commands.run('p.do')).rejects.toThrow(/heap|memory|SIGABRT|stopped answering/i);
  });

  it('cannot register what its manifest does not declare, nor run more than sixteen commands at once', async () => {
    await add('q', `context.registerCommand({ id: 'q.other', run: () => 1 });`, command('q.do'));
    await expect(commands.run('q.do')).rejects.toMatchObject({ code: 'PLUGIN_FAILED' });
    expect(host.stateOf('q').reason).toContain('q.other, which its manifest does not declare');
    commands.register({ id: 'show.wait', title: 'Wait', args: z.object({}), run: () => new Promise(() => {}) });
    await add(
      'p',
      `context.registerCommand({ id: 'p.do', run: async () => {
        for (let n = 0; n < 16; n++) void context.commands.run('show.wait');
        return context.commands.run('show.wait').catch(({ code }) => code); } });`,
      command('p.do'),
    );
    expect(await commands.run('p.do')).toBe('TOO_MANY_CALLS');
  });
});
