import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Cli, makeHome } from '../fakes/cli.ts';
import { hasProgram, need } from '../fakes/need.ts';
import { withoutSound } from './bare-machine.ts';
import { DaemonDoor } from './daemon-door.ts';

const home = makeHome();
const folder = mkdtempSync(join(tmpdir(), 'musecam-recording-'));
afterAll(() => {
  home[Symbol.dispose]();
  rmSync(folder, { recursive: true, force: true });
});

describe('recording while a show runs', () => {
  it('begins and ends by commands, as often as one likes, each time in a file that plays', async (context) => {
    need(context, hasProgram('ffmpeg') && hasProgram('ffprobe'), 'ffmpeg is not installed');
    const set = ['--set', `recorder.folder=${folder}`];
    await using cli = new Cli(['start', '--no-open', '--port', '0', ...set], withoutSound(home));
    const door = await DaemonDoor.of(cli);
    await expect(door.run('recorder.stop')).rejects.toThrow('COMMAND_DISABLED');
    for (const args of [{}, { path: join(folder, 'mine.mkv') }]) {
      const { path } = (await door.run('recorder.start', args)) as { readonly path: string };
      expect(path.startsWith(folder)).toBe(true);
      await expect(door.run('recorder.start')).rejects.toThrow('COMMAND_DISABLED');
      expect((await door.status()).recording).toBe(true);
      const sent = async () => (await door.status()).outputs.find(({ id }) => id === 'recorder.file')?.sent;
      await expect.poll(sent, { timeout: 20_000 }).toBeGreaterThan(20);
      expect(await door.run('recorder.stop')).toEqual({ output: 'file', closed: 1 });
      const after = await door.status();
      expect([after.recording, after.outputs.map(({ id }) => id)]).toEqual([false, ['web-panel.page']]);
      const counting = [
        '-v',
        'error',
        '-count_frames',
        '-select_streams',
        'v',
        '-show_entries',
        'stream=nb_read_frames',
      ];
      const frames = execFileSync('ffprobe', [...counting, '-of', 'csv=p=0', path], { encoding: 'utf8' });
      expect(Number.parseInt(frames, 10)).toBeGreaterThan(20);
    }
    expect(readdirSync(folder).toSorted()).toEqual([
      expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d-\d\d-\d\d\.mp4$/),
      'mine.mkv',
    ]);
    await expect(door.run('output.close', { output: 'web' })).rejects.toThrow('stays for as long as the show runs');
    await expect(door.run('output.close', { output: 'fax' })).rejects.toThrow('NO_SUCH_SCHEME');
    expect(await door.run('output.close', { output: 'obs' })).toEqual({ output: 'obs', closed: 0 });
  });
});
