import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { bundledSpeechPath } from '../../src/app/choose-links.ts';
import { Cli, makeHome, runCli } from '../fakes/cli.ts';
import { PluginFolders } from '../host/plugin-folder.ts';
import { withoutSound } from './bare-machine.ts';
import { DaemonDoor } from './daemon-door.ts';

/** A plugin that is an output of the show, does what a command says, and does it badly. */
const HOSTILE = `
  import { createServer } from 'node:net';
  import { openSync } from 'node:fs';
  let held = [];
  const deeds = {
    throw: () => setTimeout(() => { throw new Error('lost my head'); }),
    reject: () => void Promise.reject(new Error('nobody cares')),
    hang: () => { for (;;) {} },
    exit: () => process.exit(7),
    flood: () => setInterval(() => { for (let n = 0; n < 300; n++) {
      context.reportLink({ id: 'hostile.link', label: 'L', state: 'ready', detail: String(n) });
      context.commands.run('avatar.refresh').catch(() => {}); console.error('x'.repeat(500)); } }, 1),
    leak: () => setInterval(() => { held.push(Buffer.alloc(1e5, 1), openSync(process.execPath), createServer().listen(0, '127.0.0.1')); }, 2),
    stall: () => { stalls = true; },
  };
  let stalls = false;
  context.registerVideoOutput('hostile.out', { list: async () => [], open: async () => ({ label: 'Hostile', wantsSound: true,
    hear() {}, send: () => (stalls ? new Promise(() => {}) : Promise.resolve()), async [Symbol.asyncDispose]() { if (stalls) await new Promise(() => {}); } }) });
  context.registerCommand({ id: 'hostile.do', run: ({ what }) => { deeds[what](); return process.pid; } });
`;
const contributes = {
  videoOutputs: [{ id: 'hostile.out', title: 'Hostile', scheme: 'hostile' }],
  commands: [{ id: 'hostile.do', title: 'Do it' }],
};

/** How long a misdeed without an end is looked at, in ms. */
const LASTING_MS = 4000;

describe('a show with a plugin that misbehaves', () => {
  const home = makeHome();
  const env = withoutSound(home);
  let folders: PluginFolders;
  let folder: string;
  let cli: Cli;
  let door: DaemonDoor;

  beforeAll(async () => {
    folders = await PluginFolders.open();
    folder = await folders.write('hostile', HOSTILE, { contributes });
    cli = new Cli(['start', '--no-open', '--port', '0', '--input', `wav:${bundledSpeechPath}`, '--loop'], env);
    door = await DaemonDoor.of(cli);
    await vi.waitFor(async () => expect((await door.status()).engine.state).toBe('ready'), 30_000);
  });
  afterAll(async () => {
    await cli[Symbol.asyncDispose]();
    await folders[Symbol.asyncDispose]();
    home[Symbol.dispose]();
  });

  /** Adds it anew, opens its output, lets it do its deed, and looks at the picture until `isOver`. */
  async function suffer(what: string, isOver: () => Promise<boolean>): Promise<unknown> {
    await door.run('plugins.add', { path: folder });
    await door.run('output.open', { output: 'hostile' });
    const isSent = async () => (await outputOf())?.sent ?? 0;
    await expect.poll(isSent, { timeout: 20_000 }).toBeGreaterThan(0);
    const restarts = (await door.status()).engine.restarts;
    const doing = door.run('hostile.do', { what });
    doing.catch(() => {});
    const seen = await door.watchUntil(expect.poll(isOver, { timeout: 40_000, interval: 100 }).toBe(true));
    const [first, last] = [seen[0]!, seen.at(-1)!];
    // 25 a second; half of that is granted to a loaded machine.
    expect(last.frames.shown - first.frames.shown).toBeGreaterThan(((last.atMs - first.atMs) / 40) * 0.5);
    const page = (one: typeof last) => one.outputs.find(({ id }) => id === 'web-panel.page')!.state;
    expect(seen.filter((one) => page(one) !== 'ready')).toEqual([]);
    expect(last.engine).toMatchObject({ state: 'ready', restarts });
    await door.run('plugins.remove', { id: 'hostile' });
    const after = await door.status();
    expect([after.outputs.map(({ id }) => id), after.links.filter(({ id }) => id.startsWith('hostile'))]).toEqual([
      ['web-panel.page'],
      [],
    ]);
    return doing.catch(() => undefined);
  }

  const outputOf = async () => (await door.status()).outputs.find(({ id }) => id === 'hostile.out');
  const linkOf = async () => (await door.status()).links.find(({ id }) => id === 'hostile');
  const wasAway = (why: string) => {
    let isSeen = false;
    return async () => {
      isSeen ||= (await linkOf())?.detail?.includes(why) ?? false;
      return isSeen && (await outputOf())?.state === 'ready';
    };
  };
  const lasting = () => {
    const startedMs = performance.now();
    return async () => performance.now() - startedMs > LASTING_MS;
  };

  it('that throws keeps its picture, and gets it back', () => suffer('throw', wasAway('lost my head')));
  it('that rejects keeps its picture, and gets it back', () => suffer('reject', wasAway('nobody cares')));
  it('that hangs keeps its picture, and gets it back', () => suffer('hang', wasAway('stopped answering')));
  it('that ends its process keeps its picture, and gets it back', () => suffer('exit', wasAway('exit code 7')));
  it('that floods it with calls and lines keeps its picture', () => suffer('flood', lasting()));
  it('that leaks memory, files and sockets keeps its picture, and all is gone with the plugin', async () => {
    const pid = await suffer('leak', lasting());
    expect(pid).toBeGreaterThan(1);
    expect(() => process.kill(pid as number, 0)).toThrow('ESRCH');
  });
  it('that never takes a picture, nor closes, keeps its picture', () => suffer('stall', lasting()));

  it('says which plugins cannot be used, and why, and goes on without them', async () => {
    const wrong = await folders.write('wrong', '', {
      contributes: { comands: [], videoOutputs: [{ id: 'other.out' }] },
    });
    const refused = await runCli(['plugins', 'add', wrong], env);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(
      `${wrong}/package.json: contributes: unknown key "comands"; the nearest known one is "commands"`,
    );
    const old = await folders.write('old', '', { engines: { musecam: '^99.0.0' } });
    expect((await runCli(['plugins', 'add', old], env)).stderr).toContain('PLUGIN_VERSION');
    const taken = await folders.write('taken', '', {
      contributes: { videoOutputs: [{ id: 'taken.out', title: 'T', scheme: 'v4l2' }] },
    });
    const clash = await runCli(['plugins', 'add', taken], env);
    expect(clash.stderr).toContain('wants the scheme "v4l2" in videoOutputs, which v4l2 has');
    expect((await runCli(['plugins', 'remove', 'nobody'], env)).stderr).toContain('NO_SUCH_PLUGIN');
  });
});
