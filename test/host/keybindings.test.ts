import { describe, expect, it } from 'vitest';
import type { Keybinding } from '../../src/api/keybinding.ts';
import { canonicalKey, mergeKeybindings } from '../../src/host/keybindings.ts';

const defaults: readonly Keybinding[] = [
  { key: 'n', command: 'avatar.next', source: 'default' },
  { key: 'm', command: 'microphone.mute', source: 'default' },
];

describe('a key', () => {
  it('is written in one way, however people write it', () => {
    const keys = {
      'Shift+CTRL+p': 'ctrl+shift+p',
      'cmd + 1': 'meta+1',
      N: 'n',
      Esc: 'escape',
      F5: 'f5',
      'ctrl++': 'ctrl++',
    };
    for (const [text, key] of Object.entries(keys)) expect(canonicalKey(text), text).toBe(key);
    expect(canonicalKey('alt+space')).toBe('alt+space');
    expect(canonicalKey('?')).toBe('?');
  });

  it('is none where it is a modifier alone, a chord of two, or a word', () => {
    for (const text of ['', 'ctrl', 'ctrl+', 'ctrl+k ctrl+s', 'hyper+x', 'enterr']) {
      expect(canonicalKey(text), text).toBeUndefined();
    }
  });
});

describe('the keys of a user', () => {
  it('come after the defaults, and take some away', () => {
    const given = [
      { key: 'n', command: '-avatar.next' },
      { key: 'Ctrl+Alt+1', command: 'avatar.use', args: { id: 'mira' } },
      { key: 'space', command: 'microphone.mute', when: '!panic && speaking' },
    ];
    expect(mergeKeybindings(defaults, given)).toEqual({
      bindings: [
        { key: 'm', command: 'microphone.mute', source: 'default' },
        { key: 'ctrl+alt+1', command: 'avatar.use', args: { id: 'mira' }, source: 'user' },
        { key: 'space', command: 'microphone.mute', when: '!panic && speaking', source: 'user' },
      ],
      warnings: [],
    });
  });

  it('that are wrong are left out, each with its place and why', () => {
    const { bindings, warnings } = mergeKeybindings(defaults, [
      { key: 'ctrl+k ctrl+s', command: 'avatar.next' },
      { key: 'q', command: 'next' },
      { key: 'q', command: 'avatar.next', when: 'a == b' },
      { command: 'avatar.next' },
      'q',
      { key: 'z', command: '-avatar.next' },
      { key: 'q', command: 'avatar.next' },
    ]);
    expect(bindings).toHaveLength(defaults.length + 1);
    expect(warnings).toHaveLength(6);
    expect(warnings[0]).toContain('entry 1: "ctrl+k ctrl+s" is no key');
    expect(warnings[2]).toContain('"a == b" is no condition');
    expect(warnings[5]).toContain('avatar.next has no key z to take away');
    expect(mergeKeybindings(defaults, {}).warnings).toEqual(['keybindings.json must hold a list.']);
  });

  it('that do two things always are told; the later counts', () => {
    const { warnings } = mergeKeybindings(defaults, [
      { key: 'q', command: 'avatar.next' },
      { key: 'q', command: 'show.panic' },
      { key: 'r', command: 'avatar.next', when: 'muted' },
      { key: 'r', command: 'show.panic' },
    ]);
    expect(warnings).toEqual(['The key q is given to avatar.next and to show.panic; the latter counts.']);
  });

  it('may count in every window, with a modifier that nobody types with, or as a function key', () => {
    const { bindings, warnings } = mergeKeybindings(defaults, [
      { key: 'ctrl+alt+j', command: 'avatar.next', global: true },
      { key: 'F8', command: 'avatar.next', global: true },
      { key: 'shift+F8', command: 'avatar.next', global: true },
      { key: 'j', command: 'avatar.next', global: true },
      { key: 'shift+j', command: 'avatar.next', global: true },
      { key: 'ctrl+alt+s', command: 'page.settings', global: true },
      { key: 'j', command: 'avatar.next', global: false },
    ]);
    const mine = bindings.slice(defaults.length);
    expect(mine.map(({ key, global }) => [key, global])).toEqual([
      ['ctrl+alt+j', true],
      ['f8', true],
      ['shift+f8', true],
      ['j', undefined],
    ]);
    expect(warnings).toHaveLength(3);
    expect(warnings[0]).toContain('entry 4: "j" is a key for typing');
    expect(warnings[1]).toContain('for example "ctrl+alt+j"');
    expect(warnings[2]).toContain('page.settings happens on the page');
  });
});
