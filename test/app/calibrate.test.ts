import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { CalibrationReport } from '../../src/app/calibration.ts';
import { bundledSpeechPath } from '../../src/app/choose-links.ts';
import { findPaths } from '../../src/base/paths.ts';
import { Cli, makeHome, runCli } from '../fakes/cli.ts';
import { hasProgram, need } from '../fakes/need.ts';
import { hasPulse, PulseServer } from '../fakes/pulse-server.ts';
import { withoutSound } from './bare-machine.ts';
import { DaemonDoor } from './daemon-door.ts';

const calibrate = async (env: NodeJS.ProcessEnv, ...args: string[]) => {
  await using cli = new Cli(['calibrate', ...args], env);
  return await cli.ended;
};

// Again where other work held this machine up: what is measured then is that work.
describe('musecam calibrate', { retry: 2, timeout: 120_000 }, () => {
  it('sends pulses through a show of its own, reads picture and voice back, and keeps what makes them meet', async (context) => {
    need(context, hasPulse() && hasProgram('ffmpeg'), 'PulseAudio (pulseaudio, pulseaudio-utils) and ffmpeg');
    await using pulse = await PulseServer.start();
    // A home of its own for each try: what one keeps is what the next begins with.
    using home = makeHome();
    const env = { ...pulse.env, ...home.env };
    const ended = await calibrate(env, '--output', 'obs', '--seconds', '8', '--json', '--apply');
    expect(ended.code, ended.stderr).toBe(0);
    const report = JSON.parse(ended.stdout) as CalibrationReport;
    expect(report).toMatchObject({ pictureFrom: 'OBS media source', soundFrom: 'MuseCam Microphone' });
    expect(report.picture.count).toBeGreaterThan(50);
    expect(report.picture.p50Ms).toBeGreaterThan(40);
    // What the show believes of itself is what others get, where nothing held the machine up; how well is for a bench.
    const isCalm = report.picture.p95Ms - report.picture.p50Ms < 25;
    if (isCalm) {
      expect(report.sound!.count).toBeGreaterThanOrEqual(5);
      expect(Math.abs(report.picture.p50Ms - report.believed.pictureMs)).toBeLessThan(60);
      expect(Math.abs(report.offset!.p50Ms)).toBeLessThan(60);
    }
    expect(report.extraMilliseconds).toBe(Math.round(-report.offset!.p50Ms) + 0);
    // A measurement of a busy machine is not kept.
    const file = join(findPaths(home.env).config, 'settings.json');
    if (report.offset!.p95Ms > 60) expect(existsSync(file)).toBe(false);
    else
      expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
        'virtual-mic.extraMilliseconds': report.extraMilliseconds,
      });
  });

  it('measures the show that runs, which goes on with its own voice and picture', async (context) => {
    need(context, hasProgram('ffmpeg'), 'ffmpeg');
    using other = makeHome();
    const env = withoutSound(other);
    const args = ['--input', `wav:${bundledSpeechPath}`, '--loop', '--output', 'obs'];
    await using cli = new Cli(['start', '--no-open', '--port', '0', ...args], env);
    const door = await DaemonDoor.of(cli);
    const ended = await calibrate(env, '--seconds', '5');
    expect(ended.code, ended.stderr).toBe(0);
    expect(ended.stdout).toContain('Measuring the show that runs.');
    expect(ended.stdout).toMatch(/picture {2}\d+ ms .* as seen on OBS media source/);
    expect(ended.stdout).toContain('there is no virtual microphone');
    // It speaks again, in more than pulses.
    const seen = await door.watchFor(3000);
    expect(Math.max(...seen.map(({ openness }) => openness))).toBeGreaterThan(0.2);
    const refused = await runCli(['calibrate', '--camera', '/dev/null'], env);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('[CALIBRATION_REAL_CAMERA]');
    expect(existsSync(join(findPaths(env).config, 'settings.json'))).toBe(false);
  });
});
