import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import type { AvatarRef } from '../../src/api/avatar.ts';
import { engineHostEntry } from '../../src/app/daemon.ts';
import { declarePlugin } from '../../src/app/installed-plugins.ts';
import { silentLog } from '../../src/base/log.ts';
import { CommandTable } from '../../src/host/commands.ts';
import { PluginHost } from '../../src/host/plugin-host.ts';
import { readPlugin } from '../../src/host/read-plugin.ts';
import { FaceHost } from '../../src/live/face-host.ts';
import { hasProgram, need } from '../fakes/need.ts';

const examples = join(import.meta.dirname, '../../docs/examples');

describe('the examples of plugins', () => {
  let host: PluginHost;
  let ran: unknown[];
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'musecam-example-'));
    ran = [];
    const commands = new CommandTable();
    for (const id of ['avatar.use', 'avatar.useNumber', 'avatar.next', 'show.panic', 'label.set']) {
      commands.register({
        id,
        title: id,
        args: z.object({}).loose(),
        run: async (args) => ran.push([id, args]),
      });
    }
    host = new PluginHost([], {
      log: silentLog,
      commands,
      settings: () => ({ 'osc-trigger.port': 0 }),
      status: { current: {} as never, onDidChange: () => ({ [Symbol.dispose]() {} }) },
    });
  });
  afterEach(async () => {
    await host[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const add = (id: string) => host.add(declarePlugin(readPlugin(join(examples, id), '0.1.0'), 'process'));

  it('are short: under 60 lines each', async () => {
    const names = await readdir(examples);
    expect(names.toSorted()).toEqual(['hello', 'osc-trigger', 'png-sequence', 'test-pattern']);
    for (const name of names) {
      const lines = (await readFile(join(examples, name, 'index.js'), 'utf8')).split('\n').length;
      expect(lines, name).toBeLessThan(60);
    }
  });

  it('hello brings its own test along, which passes', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, ['--test', join(examples, 'hello/')]);
    expect(stdout).toMatch(/pass 1\b/);
  });

  it('osc-trigger runs commands for messages of Open Sound Control, and nothing for others', async () => {
    add('osc-trigger');
    await host.activateForShow();
    const [link] = host.links;
    const port = Number(/port (\d+)/.exec(link?.detail ?? '')?.[1]);
    expect(link).toMatchObject({ id: 'osc-trigger.port', state: 'ready' });
    const socket = createSocket('udp4');
    const say = (...parts: Buffer[]) => socket.send(Buffer.concat(parts), port, '127.0.0.1');
    const whole = (n: number) => Buffer.from([0, 0, 0, n]);
    say(Buffer.from('junk'));
    say(text('/unknown'), text(','));
    say(text('/avatar'), text(',s'), text('jonas'));
    say(text('/avatar'), text(',i'), whole(2));
    say(text('/avatar'), text(',i'));
    say(text('/next'), text(','));
    say(text('/next'));
    say(text('/panic'), text(',i'), whole(0));
    await vi.waitFor(() => expect(ran).toContainEqual(['show.panic', { on: false }]));
    socket.close();
    expect(ran).toEqual([
      ['avatar.use', { id: 'jonas' }],
      ['avatar.useNumber', { number: 2 }],
      ['avatar.use', {}],
      ['avatar.next', {}],
      ['avatar.next', {}],
      ['show.panic', { on: false }],
    ]);
  });

  it('png-sequence writes each picture into a file of its own', async (context) => {
    need(context, hasProgram('ffmpeg'), 'ffmpeg is not installed');
    add('png-sequence');
    const record = await host.record('videoOutputs', 'png-sequence.folder');
    const size = { width: 64, height: 32 };
    const options = { ...size, target: folder, framesPerSecond: 25, log: silentLog, onHealth: () => {} };
    {
      await using output = await record.open(options, new AbortController().signal);
      for (const [index, luma] of [16, 126, 235].entries()) {
        const data = new Uint8Array(64 * 32 * 1.5).fill(128);
        data.fill(luma, 0, 64 * 32);
        await output.send({ ...size, format: 'i420', data, index, capturedAtMs: 0 });
      }
    }
    expect(await readdir(folder)).toEqual(['000001.png', '000002.png', '000003.png']);
    for (const [n, grey] of [0, 128, 255].entries()) {
      const { data, info } = await sharp(join(folder, `00000${n + 1}.png`))
        .removeAlpha()
        .raw()
        .toBuffer({ resolveWithObject: true });
      expect([info.width, info.height]).toEqual([64, 32]);
      expect(Math.abs(data[0]! - grey)).toBeLessThanOrEqual(2);
    }
  });

  it('test-pattern paints bars as high as the voice is loud, in the engine host', async () => {
    const pluginFolder = join(examples, 'test-pattern');
    await using face = new FaceHost({
      ...{ entry: engineHostEntry, engineId: 'test-pattern.bars', engineTitle: 'Bars', pluginFolder },
      ...{ settings: {}, log: silentLog, isLive: false, hungAfterMs: 20_000, openDeadlineMs: 30_000 },
    });
    await face.ready;
    const rect = { x: 10, y: 20, width: 40, height: 40 };
    await face.load({ id: 'ada', folder, manifest: { faceBoxes: [rect] }, bodyPath: '' } as unknown as AvatarRef);
    const draw = async (loudness: number) => {
      const heard = await face.hear({ frame: 0, start: 0, samples: new Float32Array(640).fill(loudness) });
      return (await face.draw(heard!, { avatarId: 'ada', index: 0, frame: 0 }))?.patch;
    };
    expect(await draw(0)).toBeUndefined();
    const [soft, loud] = [await draw(0.03), await draw(0.9)];
    expect(loud).toMatchObject({ rect, format: 'rgb24', size: { width: 64, height: 64 } });
    const coloured = ({ data }: { readonly data: Uint8Array }) =>
      data.filter((_, at) => at % 3 === 0 && (data[at] !== 128 || data[at + 1] !== 128)).length;
    expect(coloured(loud!)).toBe(64 * 64);
    expect(coloured(soft!)).toBeGreaterThan(64 * 16);
    expect(coloured(soft!)).toBeLessThan(64 * 48);
    // The first bar is white, the third cyan.
    expect([...loud!.data.slice(0, 3), ...loud!.data.slice(3 * 16, 3 * 17)]).toEqual([255, 255, 255, 0, 255, 255]);
  });
});

/** A text of an OSC message: ends with zeros, up to a multiple of four bytes. */
function text(words: string): Buffer {
  const bytes = Buffer.alloc(4 * (Math.floor(words.length / 4) + 1));
  bytes.write(words, 'latin1');
  return bytes;
}
