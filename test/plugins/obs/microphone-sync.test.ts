import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ShowStatus } from '../../../src/api/status.ts';
import { silentLog } from '../../../src/base/log.ts';
import { ObsConnection } from '../../../src/plugins/obs/connection.ts';
import { MicrophoneSync } from '../../../src/plugins/obs/microphone-sync.ts';
import { FakeObs } from './fake-obs.ts';

const HELD_MS = 20;
const EXTRA_MS = 30;

describe("a microphone of OBS's own", () => {
  let folder: string;
  let obs: FakeObs;
  let connection: ObsConnection;
  let pictureMs = 0;
  const opened: MicrophoneSync[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'musecam-mic-'));
    obs = await FakeObs.open();
    obs.inputs.push({ name: 'Mic/Aux', kind: 'mic', settings: { syncOffset: 7 } });
    obs.inputs.push({ name: 'Headset', kind: 'pulse_input_capture', settings: {} });
    obs.inputs.push({ name: 'Logo', kind: 'image_source', settings: {} });
    connection = ObsConnection.open({
      findTarget: async () => ({ url: obs.url, password: '', isServerOff: false }),
      log: silentLog,
    });
    await vi.waitFor(() => expect(connection.state.phase).toBe('ready'));
    pictureMs = 90;
  });
  afterEach(async () => {
    for (const one of opened.splice(0)) await one[Symbol.asyncDispose]();
    await connection[Symbol.asyncDispose]();
    await obs[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const file = () => join(folder, 'microphone.json');
  const offsetOf = (name: string) => obs.inputs.find((input) => input.name === name)?.settings.syncOffset;
  async function open(): Promise<MicrophoneSync> {
    const microphone = await MicrophoneSync.open({
      obs: connection,
      status: {
        get current() {
          return { latency: { p50Ms: pictureMs, p95Ms: pictureMs } } as ShowStatus;
        },
        onDidChange: () => ({ [Symbol.dispose]() {} }),
      },
      file: file(),
      extraMs: EXTRA_MS,
      log: silentLog,
    });
    opened.push(microphone);
    return microphone;
  }

  it('is made as late as the picture, and what it was comes back at the end', async () => {
    const microphone = await open();
    expect(await microphone.report()).toEqual({ inputs: ['Mic/Aux', 'Headset'] });
    const wanted = 90 + HELD_MS + EXTRA_MS;
    expect(await microphone.choose('Mic/Aux')).toMatchObject({ input: 'Mic/Aux', offsetMs: wanted });
    expect(offsetOf('Mic/Aux')).toBe(wanted);
    expect(JSON.parse(await readFile(file(), 'utf8'))).toEqual({ input: 'Mic/Aux', beforeMs: 7 });
    await microphone[Symbol.asyncDispose]();
    expect(offsetOf('Mic/Aux')).toBe(7);
    // The choice stays for the next show.
    expect(existsSync(file())).toBe(true);
  });

  it('follows a picture that becomes later, but not every wobble', async () => {
    const microphone = await open();
    await microphone.choose('Headset');
    const sets = () => obs.requests.filter(({ type }) => type === 'SetInputAudioSyncOffset').length;
    pictureMs = 96;
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(sets()).toBe(1);
    pictureMs = 220;
    microphone.forget();
    await vi.waitFor(() => expect(offsetOf('Headset')).toBe(220 + HELD_MS + EXTRA_MS), 5_000);
    expect(sets()).toBe(2);
  });

  it('goes on after a crash with what the offset had been before, and gives it back when left', async () => {
    await writeFile(file(), JSON.stringify({ input: 'Mic/Aux', beforeMs: 12 }));
    const microphone = await open();
    await microphone.choose('Mic/Aux');
    expect(offsetOf('Mic/Aux')).toBe(140);
    expect(await microphone.choose('Headset')).toMatchObject({ input: 'Headset' });
    expect(offsetOf('Mic/Aux')).toBe(12);
    expect(await microphone.leave()).not.toHaveProperty('input');
    expect(offsetOf('Headset')).toBe(0);
    expect(existsSync(file())).toBe(false);
  });

  it('names the inputs that there are where the name is wrong, and changes nothing', async () => {
    const microphone = await open();
    await expect(microphone.choose('Mic')).rejects.toMatchObject({
      code: 'OBS_NO_SUCH_INPUT',
      fix: 'Use one of: Mic/Aux, Headset',
    });
    expect(existsSync(file())).toBe(false);
    expect(offsetOf('Mic/Aux')).toBe(7);
  });

  it('is followed when it is renamed in OBS', async () => {
    const microphone = await open();
    await microphone.choose('Headset');
    obs.inputs.find(({ name }) => name === 'Headset')!.name = 'Desk';
    microphone.hear({
      type: 'InputNameChanged',
      data: { inputUuid: '', oldInputName: 'Headset', inputName: 'Desk' },
    });
    await vi.waitFor(async () => expect(JSON.parse(await readFile(file(), 'utf8')).input).toBe('Desk'));
    await microphone.leave();
    expect(offsetOf('Desk')).toBe(0);
  });
});
