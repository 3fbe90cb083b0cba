import { describe, expect, it } from 'vitest';
import type { avatarManifestSchema } from '../../src/api/avatar.ts';
import { FaceLadder } from '../../src/live/face-ladder.ts';
import { FakeLadderEngine } from '../fakes/fake-ladder-engine.ts';

const manifest = {} as ReturnType<typeof avatarManifestSchema.parse>;
const avatar = (id: string) => ({ id, folder: '/nowhere', manifest, bodyPath: '/nowhere' });
const slow = { detail: '2.9 s a face', fix: 'use a GPU', keepsUp: false, networkBytes: 0, residents: [] };

/** A ladder of two, with time turned by hand. */
class Stand {
  readonly good = new FakeLadderEngine('good');
  readonly plain = new FakeLadderEngine('plain');
  nowMs = 1000;
  readonly ladder = new FaceLadder([this.good, this.plain], () => this.nowMs);
  frame = 0;

  /** One frame, 40 ms after the last one. @returns who drew it. */
  async next(avatarId = 'mira'): Promise<string | undefined> {
    this.nowMs += 40;
    const frame = this.frame++;
    const heard = await this.ladder.hear(soundOf(frame, this.ladder), avatarId);
    const drawn = heard && (await this.ladder.draw(heard, { avatarId, index: 0, frame }));
    return drawn && heard.engineId;
  }

  /** Frames for a while. @returns who drew them, each once, in order. */
  async nextFor(ms: number, avatarId = 'mira'): Promise<readonly (string | undefined)[]> {
    const who: (string | undefined)[] = [];
    for (const untilMs = this.nowMs + ms; this.nowMs < untilMs; ) {
      const by = await this.next(avatarId);
      if (who.length === 0 || who.at(-1) !== by) who.push(by);
    }
    return who;
  }

  static async open(...avatarIds: string[]): Promise<Stand> {
    const stand = new Stand();
    for (const id of ['mira', ...avatarIds]) await stand.ladder.load(avatar(id));
    return stand;
  }
}

function soundOf(frame: number, { context }: FaceLadder) {
  const start = frame * 640 - context.before * 16_000;
  return { frame, start, samples: new Float32Array((context.before + context.after) * 16_000 + 640) };
}

describe('a ladder of face engines', () => {
  it('draws with the best engine, and its status is that of the engine that draws', async () => {
    const stand = await Stand.open();
    expect(await stand.next()).toBe('good');
    expect(stand.ladder.status).toEqual({ id: 'good', label: 'good', state: 'ready', restarts: 0 });
    expect(stand.ladder.statuses.map(({ id, state }) => [id, state])).toEqual([
      ['good', 'ready'],
      ['plain', 'ready'],
    ]);
  });

  it('a better engine that is missing: the next one draws, and the status says why with the fix', async () => {
    const stand = await Stand.open();
    Object.assign(stand.good, { state: 'failed', hasFailedToOpen: true, detail: 'no model', fix: 'install it' });
    expect(await stand.nextFor(5000)).toEqual(['plain']);
    expect(stand.ladder.status).toMatchObject({
      ...{ id: 'plain', state: 'degraded', detail: 'good: no model', fix: 'install it' },
    });
    expect(stand.ladder.statuses[0]).toMatchObject({ id: 'good', state: 'failed', detail: 'no model' });
  });

  it('one that is still opening is no fault; it takes over when it has been well for three seconds', async () => {
    const stand = await Stand.open();
    stand.good.state = 'starting';
    expect(await stand.nextFor(2000)).toEqual(['plain']);
    expect(stand.ladder.status).toMatchObject({ id: 'plain', state: 'ready' });
    stand.good.state = 'ready';
    expect(await stand.nextFor(2900)).toEqual(['plain']);
    expect(await stand.nextFor(500)).toEqual(['plain', 'good']);
  });

  it('one that dies mid-show loses the face at once and gets it back after three seconds, later each time', async () => {
    const stand = await Stand.open();
    expect(await stand.nextFor(1000)).toEqual(['good']);
    for (const waitMs of [6000, 12_000, 24_000]) {
      Object.assign(stand.good, { state: 'degraded', detail: 'ended by SIGKILL; starting again' });
      expect(await stand.nextFor(1000)).toEqual(['plain']);
      expect(stand.ladder.status).toMatchObject({ id: 'plain', state: 'degraded' });
      Object.assign(stand.good, { state: 'ready', detail: undefined });
      expect(await stand.nextFor(waitMs - 80)).toEqual(['plain']);
      expect(await stand.nextFor(200)).toEqual(['plain', 'good']);
    }
    // After a minute without a fall it is trusted again.
    expect(await stand.nextFor(61_000)).toEqual(['good']);
    stand.good.state = 'degraded';
    await stand.next();
    stand.good.state = 'ready';
    expect(await stand.nextFor(2900)).toEqual(['plain']);
    expect(await stand.nextFor(200)).toEqual(['plain', 'good']);
  });

  it('one spike costs no switch; an engine that goes on not answering loses the face', async () => {
    const stand = await Stand.open();
    await stand.nextFor(4000);
    stand.good.isDumb = true;
    expect(await stand.next()).toBe('plain');
    stand.good.isDumb = false;
    expect(await stand.nextFor(400)).toEqual(['good']);
    stand.good.isDumb = true;
    await stand.nextFor(200);
    const asked = stand.good.sounds.length;
    expect(await stand.nextFor(1000)).toEqual(['plain']);
    expect(stand.good.sounds.length).toBe(asked);
  });

  it('one that cannot keep up stays open and is left out until it reports that it can', async () => {
    const stand = await Stand.open();
    stand.good.report = slow;
    expect(await stand.nextFor(1000)).toEqual(['plain']);
    expect(stand.ladder.status).toMatchObject({
      ...{ id: 'plain', state: 'degraded', detail: 'good: 2.9 s a face', fix: 'use a GPU' },
    });
    expect(stand.good.isClosed).toBe(false);
    stand.good.report = { ...slow, keepsUp: true };
    expect(await stand.nextFor(2900)).toEqual(['plain']);
    expect(await stand.nextFor(200)).toEqual(['plain', 'good']);
  });

  it('an avatar that the better engine refuses is drawn by the next, the others by the better one, at once', async () => {
    const stand = await Stand.open('jonas');
    stand.good.refuses.add('odd');
    await expect(stand.ladder.load(avatar('odd'))).resolves.toBeUndefined();
    await stand.nextFor(4000);
    expect(await stand.next('odd')).toBe('plain');
    expect(stand.ladder.status).toMatchObject({
      ...{ id: 'plain', state: 'degraded', detail: 'good: odd was not prepared for it', fix: 'musecam prepare odd' },
    });
    expect(stand.ladder.statuses[0]).toMatchObject({ id: 'good', state: 'degraded', fix: 'musecam prepare odd' });
    expect(await stand.next('jonas')).toBe('good');
    expect(stand.ladder.status).toMatchObject({ id: 'good', state: 'ready' });
  });

  it('an avatar that the last engine refuses cannot be shown', async () => {
    const stand = await Stand.open();
    stand.plain.refuses.add('odd');
    await expect(stand.ladder.load(avatar('odd'))).rejects.toMatchObject({ code: 'AVATAR_BROKEN' });
  });

  it('a better engine that takes for ever to load does not hold a swap up for ever', async () => {
    const stand = await Stand.open();
    stand.good.isLoadingForEver = true;
    await stand.ladder.load(avatar('late'));
    expect(await stand.next('late')).toBe('plain');
    expect(stand.ladder.status).toMatchObject({ id: 'plain', state: 'ready' });
  }, 10_000);

  it('two frames in work over a switch: each is drawn by the engine that heard it', async () => {
    const stand = await Stand.open();
    await stand.nextFor(4000);
    const { ladder, good, plain } = stand;
    const before = await ladder.hear(soundOf(900, ladder), 'mira');
    ladder.startFrom('plain');
    const after = await ladder.hear(soundOf(901, ladder), 'mira');
    expect([before!.engineId, after!.engineId]).toEqual(['good', 'plain']);
    await ladder.draw(after!, { avatarId: 'mira', index: 0, frame: 901 });
    await ladder.draw(before!, { avatarId: 'mira', index: 0, frame: 900 });
    expect([good.drawn.at(-1), plain.drawn.at(-1)]).toEqual([900, 901]);
  });

  it('is limited to a lesser engine and back, both at the next frame, which is no fault', async () => {
    const stand = await Stand.open();
    await stand.nextFor(4000);
    stand.ladder.startFrom('plain');
    expect(await stand.next()).toBe('plain');
    expect(stand.ladder.status).toMatchObject({ state: 'ready', detail: 'good: left out, as asked' });
    stand.ladder.startFrom(undefined);
    expect(await stand.next()).toBe('good');
  });

  it('asks the tape for what the neediest engine needs, whoever draws, and gives each what it asked for', async () => {
    const stand = await Stand.open();
    stand.good.context = { before: 1, after: 0.2 };
    expect(stand.ladder.context).toEqual({ before: 1, after: 0.2 });
    await stand.next();
    expect(stand.good.sounds.at(-1)).toMatchObject({ start: -16_000, samples: { length: 16_000 + 640 + 3200 } });
    stand.ladder.startFrom('plain');
    await stand.next();
    expect(stand.plain.sounds.at(-1)).toMatchObject({ start: 640 - 1600, samples: { length: 1600 + 640 + 640 } });
    expect(stand.ladder.context).toEqual({ before: 1, after: 0.2 });
  });

  it('the delay is settled after two seconds: an engine missing from the start costs none, one lost later changes nothing', async () => {
    const stand = await Stand.open();
    stand.good.context = { before: 1, after: 0.2 };
    Object.assign(stand.good, { state: 'failed', hasFailedToOpen: true });
    expect(stand.ladder.context).toEqual({ before: 0.1, after: 0.04 });
    const other = await Stand.open();
    other.good.context = { before: 1, after: 0.2 };
    await other.nextFor(4000);
    Object.assign(other.good, { state: 'failed', hasFailedToOpen: true });
    await other.nextFor(1000);
    expect(other.ladder.context).toEqual({ before: 1, after: 0.2 });
  });

  it('with no engine at all the avatar is at rest, and says so', async () => {
    const stand = await Stand.open();
    Object.assign(stand.good, { state: 'degraded', detail: 'killed; starting again' });
    Object.assign(stand.plain, { state: 'degraded', detail: 'hung; starting again' });
    expect(await stand.next()).toBeUndefined();
    expect(stand.ladder.status).toMatchObject({
      ...{ id: 'plain', state: 'degraded' },
      detail: 'hung; starting again; the avatar is shown at rest. good: killed; starting again',
    });
  });

  it('is ready with the first engine that opens, and fails only when none does', async () => {
    const broken = () => Promise.reject(new Error('broken'));
    const one = new FakeLadderEngine('one');
    const two = new FakeLadderEngine('two');
    one.ready = broken();
    await expect(new FaceLadder([one, two]).ready).resolves.toBeUndefined();
    two.ready = broken();
    one.ready = broken();
    await expect(new FaceLadder([one, two]).ready).rejects.toThrow('broken');
  });

  it('takes an avatar out of all engines, and closes them all', async () => {
    const stand = await Stand.open('jonas');
    await stand.ladder.unload('jonas');
    expect([stand.good.resident, stand.plain.resident]).toEqual([new Set(['mira']), new Set(['mira'])]);
    await stand.ladder[Symbol.asyncDispose]();
    expect([stand.good.isClosed, stand.plain.isClosed]).toEqual([true, true]);
  });
});
