import { describe, expect, it } from 'vitest';
import { ChordMatcher, type KeyEvent } from '../../../src/plugins/hotkeys/chord-matcher.ts';
import { keyCodeOf, parseChord } from '../../../src/plugins/hotkeys/key-codes.ts';

const CODES = { 1: 2, N: 49, F5: 63, Numpad3: 81, Comma: 51, ArrowUp: 57416, AltRight: 3640 };
const ctrlAlt = { ctrlKey: true, altKey: true };

function makeMatcher() {
  let nowMs = 0;
  const matcher = new ChordMatcher(CODES.AltRight, () => nowMs);
  const chord = (name: string) => {
    const parsed = parseChord(name);
    return { ...parsed, name, keycode: keyCodeOf(parsed.key, CODES)! };
  };
  matcher.watch(['ctrl+alt+1', 'ctrl+alt+n', 'f5'].map(chord));
  const key = (keycode: number, modifiers: Partial<KeyEvent> = {}): KeyEvent => ({
    ...{ keycode, ctrlKey: false, altKey: false, shiftKey: false, metaKey: false },
    ...modifiers,
  });
  const wait = (ms: number) => {
    nowMs += ms;
  };
  return { matcher, key, wait, chord };
}

describe('the matcher of hotkeys', () => {
  it('knows a chord by its key and exactly its modifiers', () => {
    const { matcher, key } = makeMatcher();
    const tap = (code: number, modifiers?: Partial<KeyEvent>) => {
      const name = matcher.press(key(code, modifiers));
      matcher.release(key(code));
      return name;
    };
    expect(tap(CODES[1], ctrlAlt)).toBe('ctrl+alt+1');
    expect(tap(CODES.F5)).toBe('f5');
    expect(tap(CODES[1])).toBeUndefined();
    expect(tap(CODES[1], { ctrlKey: true })).toBeUndefined();
    expect(tap(CODES[1], { ...ctrlAlt, shiftKey: true })).toBeUndefined();
    expect(tap(CODES.F5, { metaKey: true })).toBeUndefined();
    expect(tap(CODES.Comma, ctrlAlt)).toBeUndefined();
  });

  it('tells a press once, however long it is held, and again when the end was not told', () => {
    const { matcher, key, wait } = makeMatcher();
    expect(matcher.press(key(CODES.F5))).toBe('f5');
    for (let n = 0; n < 300; n++) {
      wait(n === 0 ? 2_000 : 30);
      expect(matcher.press(key(CODES.F5))).toBeUndefined();
    }
    wait(3_100);
    expect(matcher.press(key(CODES.F5))).toBe('f5');
  });

  it('does not take the right Alt for Alt: it writes characters', () => {
    const { matcher, key } = makeMatcher();
    // Windows tells AltGr as Ctrl and the right Alt.
    matcher.press(key(CODES.AltRight, ctrlAlt));
    expect(matcher.press(key(CODES.N, ctrlAlt))).toBeUndefined();
    matcher.release(key(CODES.N));
    matcher.release(key(CODES.AltRight));
    expect(matcher.press(key(CODES.N, ctrlAlt))).toBe('ctrl+alt+n');
  });

  it('watches other chords from one moment on', () => {
    const { matcher, key, chord } = makeMatcher();
    matcher.watch([chord('ctrl+n')]);
    expect(matcher.press(key(CODES.F5))).toBeUndefined();
    expect(matcher.press(key(CODES.N, { ctrlKey: true }))).toBe('ctrl+n');
  });
});

describe('the codes of keys', () => {
  it('are found by the names of keybindings.json', () => {
    const names = { 1: 2, n: 49, f5: 63, numpad3: 81, ',': 51, arrowup: 57416 };
    for (const [name, code] of Object.entries(names)) expect(keyCodeOf(name, CODES), name).toBe(code);
    for (const name of ['é', 'f24', 'pageup']) expect(keyCodeOf(name, CODES), name).toBeUndefined();
    expect(parseChord('ctrl++')).toMatchObject({ key: '+', ctrl: true, alt: false });
  });
});
