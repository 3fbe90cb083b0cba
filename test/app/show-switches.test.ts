import { describe, expect, it } from 'vitest';
import type { AvatarCast } from '../../src/app/avatar-cast.ts';
import { CornerLabel } from '../../src/app/corner-label.ts';
import { registerShowCommands } from '../../src/app/show-commands.ts';
import { ShowSwitches } from '../../src/app/show-switches.ts';
import { CommandTable } from '../../src/host/commands.ts';
import type { Lane } from '../../src/live/lane.ts';
import type { Painter } from '../../src/live/painter.ts';

function openStand() {
  const stage = { isResting: false, isPanicking: false };
  const feed = { isMuted: false };
  const silences: boolean[] = [];
  const voiceOut = { setSilent: (isSilent: boolean) => void silences.push(isSilent) };
  const switches = new ShowSwitches({ stage, feed, voiceOut });
  const shown: string[] = [];
  const cast = {
    summaries: [{ id: 'ada' }, { id: 'bo' }],
    use: async (id: string) => {
      shown.push(id);
      return id;
    },
    step: async (by: number) => {
      shown.push(`${by}`);
      return `${by}`;
    },
  } as unknown as AvatarCast;
  const commands = new CommandTable();
  const unused = () => {};
  const cuts: string[] = [];
  const painter: Pick<Painter, 'label' | 'size'> = { label: undefined, size: { width: 640, height: 360 } };
  const label = new CornerLabel(painter);
  registerShowCommands(commands, {
    ...{
      cast,
      switches,
      label,
      cutIn: () => void cuts.push(shown.at(-1)!),
      stop: unused,
      useEngine: unused,
    },
  });
  return { stage, painter, feed, silences, switches, shown, cuts, commands };
}

describe('the words in the corner', () => {
  it('are set, hidden, and come back as they were', async () => {
    const { commands, painter } = openStand();
    expect(await commands.run('label.show')).toEqual({ text: 'AI avatar' });
    expect(painter.label).toBeDefined();
    await commands.run('label.set', { text: ' On air ' });
    expect(await commands.run('label.show')).toEqual({ text: '' });
    expect(painter.label).toBeUndefined();
    expect(await commands.run('label.show', { on: false })).toEqual({ text: '' });
    expect(await commands.run('label.show')).toEqual({ text: 'On air' });
  });
});

describe('the switches of a show', () => {
  it('turn over each time where nobody says which way, as one key does', async () => {
    const { commands, stage, feed } = openStand();
    expect(await commands.run('mouth.rest')).toEqual({ on: true });
    expect(stage.isResting).toBe(true);
    expect(await commands.run('mouth.rest')).toEqual({ on: false });
    expect(await commands.run('mouth.rest', { on: false })).toEqual({ on: false });
    expect(stage.isResting).toBe(false);
    expect(await commands.run('microphone.mute')).toEqual({ on: true });
    expect(feed.isMuted).toBe(true);
    expect(await commands.run('microphone.mute')).toEqual({ on: false });
    expect(feed.isMuted).toBe(false);
  });

  it('panic: the picture stands still and the voice is silent at once, also what is under way; then all is as before', async () => {
    const { commands, stage, feed, silences, switches } = openStand();
    await commands.run('show.panic');
    expect([stage.isPanicking, feed.isMuted, silences]).toEqual([true, true, [true]]);
    expect(switches.isMuted).toBe(false);
    await commands.run('show.panic');
    expect([stage.isPanicking, feed.isMuted, silences]).toEqual([false, false, [true, false]]);
  });

  it('who was muted before a panic is muted after it', async () => {
    const { commands, feed } = openStand();
    await commands.run('microphone.mute', { on: true });
    await commands.run('show.panic', { on: true });
    await commands.run('show.panic', { on: false });
    expect(feed.isMuted).toBe(true);
    await commands.run('show.panic', { on: true });
    await commands.run('microphone.mute', { on: false });
    expect(feed.isMuted).toBe(true);
    await commands.run('show.panic', { on: false });
    expect(feed.isMuted).toBe(false);
  });
});

describe('avatar.use', () => {
  it('fades unless it is asked not to, and cuts only what it has put on', async () => {
    const { commands, cuts, shown } = openStand();
    await commands.run('avatar.use', { id: 'bo' });
    expect(cuts).toEqual([]);
    await commands.run('avatar.use', { id: 'ada', fade: false });
    expect(cuts).toEqual(['ada']);
    expect(shown).toEqual(['bo', 'ada']);
  });

  it('and so do its relatives, by which keys choose', async () => {
    const { commands, cuts } = openStand();
    for (const fade of [true, false]) {
      await commands.run('avatar.useNumber', { number: 2, fade });
      await commands.run('avatar.next', { fade });
      await commands.run('avatar.previous', { fade });
    }
    await commands.run('avatar.next');
    expect(cuts).toEqual(['bo', '1', '-1']);
  });
});

describe('avatar.useNumber', () => {
  it('shows the avatar at that place of the list, counted from one', async () => {
    const { commands, shown } = openStand();
    expect(await commands.run('avatar.useNumber', { number: 2 })).toEqual({ avatarId: 'bo' });
    expect(shown).toEqual(['bo']);
    await expect(commands.run('avatar.useNumber', { number: 3 })).rejects.toMatchObject({
      code: 'NO_SUCH_AVATAR',
      message: expect.stringContaining('there are 2'),
    });
    await expect(commands.run('avatar.useNumber', { number: 0 })).rejects.toMatchObject({ code: 'BAD_ARGUMENTS' });
  });
});

describe('a panic', () => {
  it('takes back the voice that outputs have and have not passed on yet', () => {
    const told: boolean[] = [];
    const lane = { setSilent: (isSilent: boolean) => void told.push(isSilent) } as unknown as Lane;
    const stage = { isResting: false, isPanicking: false, lanes: [lane] };
    const switches = new ShowSwitches({ stage, feed: { isMuted: false }, voiceOut: { setSilent() {} } });
    switches.isPanicking = true;
    switches.isPanicking = false;
    expect(told).toEqual([true, false]);
  });
});
