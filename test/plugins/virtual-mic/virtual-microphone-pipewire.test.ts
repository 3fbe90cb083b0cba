import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { HealthReport } from '../../../src/api/contributions.ts';
import { silentLog } from '../../../src/base/log.ts';
import { createVirtualMicrophone } from '../../../src/plugins/virtual-mic/virtual-microphone-output.ts';
import { need } from '../../fakes/need.ts';
import { hasPipewire, PipewireServer } from '../../fakes/pipewire-server.ts';
import { BEEP_EVERY_MS, Beeper, CallRecorder, quantile } from './beeps.ts';

const never = new AbortController().signal;
const DELAY_MS = 120;

/** Delays of the beeps that a call hears for a while, in ms. */
async function hearDelays(server: PipewireServer, beeper: Beeper, ms: number): Promise<number[]> {
  await using call = new CallRecorder(server.env);
  await sleep(ms);
  // The first may have been cut by the beginning.
  return beeper.delays(call.onsets(BEEP_EVERY_MS / 2).slice(1));
}

// Again where other work held this machine up: then sound is late for a moment.
describe('the virtual microphone on PipeWire', { retry: 2, timeout: 90_000 }, () => {
  it('gives a voice to calls as late as it was told, is back after a restart, and leaves nothing behind', async (context) => {
    need(context, hasPipewire(), 'PipeWire (pipewire, wireplumber, pipewire-pulse, dbus, gstreamer1.0-pipewire)');
    await using server = await PipewireServer.start();
    const reports: HealthReport[] = [];
    const options = {
      target: undefined,
      log: silentLog,
      onHealth: (report: HealthReport) => void reports.push(report),
    };
    const ownModules = () =>
      server
        .pactl('list', 'short', 'modules')
        .stdout.split('\n')
        .filter((line) => line.includes('musecam.pid='));
    {
      await using output = await createVirtualMicrophone({ environment: server.env }).open(options, never);
      output.setDelay(DELAY_MS);
      using beeper = new Beeper(output, 48_000);
      await sleep(1_500);
      const delays = await hearDelays(server, beeper, 8_000);
      expect(delays.length).toBeGreaterThanOrEqual(15);
      expect(Math.abs(quantile(delays, 0.5) - DELAY_MS)).toBeLessThan(25);
      expect(quantile(delays, 0.95) - quantile(delays, 0.05)).toBeLessThan(40);

      await server.kill();
      await expect.poll(() => reports.at(-1)?.state, { timeout: 10_000 }).toBe('degraded');
      await server.restart();
      const startMs = performance.now();
      await expect.poll(() => reports.at(-1)?.state, { timeout: 10_000, interval: 20 }).toBe('ready');
      expect(performance.now() - startMs).toBeLessThan(2_500);
      expect((await hearDelays(server, beeper, 3_000)).length).toBeGreaterThanOrEqual(3);
      expect(ownModules()).toHaveLength(2);
    }
    expect(ownModules()).toEqual([]);
  });
});
