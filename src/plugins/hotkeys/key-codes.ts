/** The library's names of keys that have a name here. Letters, digits and function keys are called alike. */
const NAMES: Readonly<Record<string, string>> = {
  ...{ space: 'Space', enter: 'Enter', escape: 'Escape', tab: 'Tab', backspace: 'Backspace', delete: 'Delete' },
  ...{ insert: 'Insert', home: 'Home', end: 'End', pageup: 'PageUp', pagedown: 'PageDown' },
  ...{ arrowup: 'ArrowUp', arrowdown: 'ArrowDown', arrowleft: 'ArrowLeft', arrowright: 'ArrowRight' },
  ...{ ';': 'Semicolon', '=': 'Equal', ',': 'Comma', '-': 'Minus', '.': 'Period', '/': 'Slash', '`': 'Backquote' },
  ...{ '[': 'BracketLeft', '\\': 'Backslash', ']': 'BracketRight', "'": 'Quote' },
};

/** A canonical key taken apart. */
export interface Chord {
  /** `1`, `n`, `space` */
  readonly key: string;
  readonly ctrl: boolean;
  readonly shift: boolean;
  readonly alt: boolean;
  readonly meta: boolean;
}

/** Takes `ctrl+alt+1` apart; the plus key itself stands last. */
export function parseChord(canonical: string): Chord {
  const parts = canonical.split(/\+(?=.)/);
  const key = parts.pop() ?? '';
  const has = (modifier: string) => parts.includes(modifier);
  return { key, ctrl: has('ctrl'), shift: has('shift'), alt: has('alt'), meta: has('meta') };
}

/**
 * The library's code of a key; undefined for keys it has no name for. Codes are places on the keyboard, named as on a
 * US one, so that digits are digits even where they need Shift.
 * @param codes the library's own table.
 */
export function keyCodeOf(key: string, codes: Readonly<Record<string, number>>): number | undefined {
  const name = NAMES[key] ?? key.replace(/^numpad/, 'Numpad').replace(/^[a-z]$|^f(?=\d)/, (text) => text.toUpperCase());
  return codes[name];
}
