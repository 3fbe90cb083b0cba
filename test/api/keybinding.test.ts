import { describe, expect, it } from 'vitest';
import { findBinding, findGlobalKeys, holds, type Keybinding } from '../../src/api/keybinding.ts';

const STATUS = { speaking: true, muted: false, levelDb: -20, avatarId: 'mira' };
const CONDITIONS: readonly (readonly [when: string | undefined, isMet: boolean])[] = [
  [undefined, true],
  ['', true],
  ['speaking', true],
  ['muted', false],
  ['!muted', true],
  ['! muted && speaking', true],
  ['muted && speaking', false],
  ['muted || speaking', true],
  ['muted && speaking || !muted && speaking', true],
  ['muted && speaking || muted', false],
  // Only switches count, and what nobody knows is off.
  ['levelDb', false],
  ['avatarId', false],
  ['nobodyKnows', false],
  ['!nobodyKnows', true],
];
const bind = (key: string, command: string, more: Partial<Keybinding> = {}): Keybinding => ({
  ...{ key, command, source: 'default' },
  ...more,
});

describe('the condition of a key', () => {
  it('means the same for the show and on the page', async () => {
    const page = (await import(new URL('../../src/plugins/web-panel/page/when.js', import.meta.url).href)) as {
      holds(when: string | undefined, status: object): boolean;
    };
    for (const [when, isMet] of CONDITIONS) {
      expect(holds(when, STATUS), `the show: ${when}`).toBe(isMet);
      expect(page.holds(when, STATUS), `the page: ${when}`).toBe(isMet);
    }
  });
});

describe('what a key does', () => {
  const bindings = [
    bind('ctrl+alt+1', 'avatar.useNumber', { global: true }),
    bind('ctrl+alt+1', 'avatar.use', { source: 'user', when: 'muted' }),
    bind('n', 'avatar.next'),
  ];

  it('is the last of its entries whose condition holds', () => {
    expect(findBinding(bindings, 'ctrl+alt+1', { muted: true })?.command).toBe('avatar.use');
    expect(findBinding(bindings, 'ctrl+alt+1', {})?.command).toBe('avatar.useNumber');
    expect(findBinding(bindings, 'z', {})).toBeUndefined();
  });

  it('can happen in every window only for keys with a global entry that can still count', () => {
    expect(findGlobalKeys(bindings)).toEqual(['ctrl+alt+1']);
    // Somebody uses the key on the page, always: it has one meaning.
    expect(findGlobalKeys([...bindings, bind('ctrl+alt+1', 'page.settings', { source: 'user' })])).toEqual([]);
    const both = [bind('f5', 'show.panic', { global: true }), bind('f6', 'avatar.next', { global: true })];
    expect(findGlobalKeys([...both, ...both])).toEqual(['f5', 'f6']);
  });
});
