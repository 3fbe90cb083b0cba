import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it, type TestContext } from 'vitest';
import { Cli, makeHome } from '../fakes/cli.ts';
import { hasProgram, need } from '../fakes/need.ts';
import { hasPulse, PulseServer, synthesizeSpeech } from '../fakes/pulse-server.ts';
import { DaemonDoor } from './daemon-door.ts';

const home = makeHome();
afterAll(() => home[Symbol.dispose]());

const SENTENCE = 'Peter Piper picked a peck of pickled peppers, and nobody knows why he bothered.';
const OTHER_SENTENCE = 'My mother may move on Monday morning, with all of her large brown bags.';
/** By then the longest way from the last sound to the picture is over, and the mouth's fade out with it, in ms. */
const SETTLED_MS = 800;

function needRig(context: Pick<TestContext, 'skip'>): void {
  need(context, hasPulse(), 'PulseAudio (pulseaudio, pulseaudio-utils, libasound2-plugins)');
  need(context, hasProgram('espeak-ng'), 'espeak-ng');
}

const startOn = (pulse: PulseServer, ...args: string[]) =>
  new Cli(['start', '--no-open', '--port', '0', ...args], { ...pulse.env, ...home.env });

const most = (values: readonly number[]) => values.reduce((a, b) => Math.max(a, b));
const isReady = async (door: DaemonDoor) => {
  const { input, engine } = await door.status();
  return { input: input.state, engine: engine.state };
};
const allReady = { input: 'ready', engine: 'ready' };

/** Nobody speaks: whatever the room's noise is, the mouth is closed, not almost closed. */
async function expectSilence(door: DaemonDoor): Promise<void> {
  for (const { openness, speaking, levelDb } of await door.watchFor(1000)) {
    expect({ openness, speaking }).toEqual({ openness: 0, speaking: false });
    expect(levelDb).toBeLessThan(-60);
  }
}

/** Speaks into the microphone and expects the mouth to do so too. */
async function speakAndWatch(pulse: PulseServer, door: DaemonDoor, sentence: string): Promise<void> {
  const speaking = pulse.speak(synthesizeSpeech(sentence));
  const seen = await door.watchUntil(speaking);
  const startMs = await speaking;
  const since = seen.filter(({ atMs }) => atMs > startMs);
  expect(most(since.map(({ levelDb }) => levelDb))).toBeGreaterThan(-30);
  expect(most(since.map(({ openness }) => openness))).toBeGreaterThan(0.3);
  // Most of a sentence is speech; and the mouth does not just stand open.
  expect(since.filter((status) => status.speaking).length).toBeGreaterThan(since.length / 2);
  expect(new Set(since.map(({ openness }) => openness)).size).toBeGreaterThan(20);
}

describe('a voice in a real sound server', () => {
  it('moves the mouth through the microphone, and again after the server was killed and came back', async (context) => {
    needRig(context);
    await using pulse = await PulseServer.start();
    await using cli = startOn(pulse, '--input', 'mic');
    const door = await DaemonDoor.of(cli);
    await expect.poll(() => isReady(door), { timeout: 20_000 }).toEqual(allReady);
    await sleep(SETTLED_MS);
    await expectSilence(door);
    await speakAndWatch(pulse, door, SENTENCE);
    await sleep(SETTLED_MS);
    await expectSilence(door);

    await pulse.kill();
    await expect.poll(async () => (await door.status()).input.state, { timeout: 10_000 }).toBe('degraded');
    const away = await door.watchFor(1200);
    expect(away.every(({ input }) => input.state === 'degraded' && (input.detail ?? '').length > 10)).toBe(true);
    expect(away.at(-1)!.state).toBe('degraded');
    // 25 a second; a loaded machine may be late, but the show does not stand still.
    expect(away.at(-1)!.frames.shown - away[0]!.frames.shown).toBeGreaterThan(15);
    expect(away.every(({ openness }) => openness === 0)).toBe(true);

    await pulse.restart();
    await expect.poll(() => isReady(door), { timeout: 20_000 }).toEqual(allReady);
    const before = await door.status();
    await speakAndWatch(pulse, door, OTHER_SENTENCE);
    const after = await door.status();
    expect(after.uptimeSeconds).toBeGreaterThan(before.uptimeSeconds);
    expect(after.engine.restarts).toBe(0);
    expect(cli.child.exitCode).toBeNull();
  });

  it('is picked without being asked for where there is a microphone, which is said', async (context) => {
    needRig(context);
    await using pulse = await PulseServer.start();
    await using cli = startOn(pulse);
    const door = await DaemonDoor.of(cli);
    const [said] = await cli.says(/Voice: your microphone, .+\./);
    await expect.poll(() => isReady(door), { timeout: 20_000 }).toEqual(allReady);
    const { choices, input } = await door.status();
    expect(choices).toContain(said);
    expect(input.id).toMatch(/^microphone\./);
    expect(said).toContain(input.label);
    expect(cli.stdout).not.toContain('bundled speech');
    await sleep(SETTLED_MS);
    await speakAndWatch(pulse, door, OTHER_SENTENCE);
  });

  it('that nobody can hear is told: a microphone asked for by name that is not there', async (context) => {
    needRig(context);
    await using pulse = await PulseServer.start();
    await using cli = startOn(pulse, '--input', 'mic:Gramophone');
    const { code, stderr } = await cli.ended;
    expect(code).toBe(1);
    expect(stderr).toContain('[MICROPHONE_NOT_FOUND]');
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});
