import { parseChord } from './key-codes.ts';

/** XKB's names of keys that have a name here; function keys and characters that are none of these are below. */
const KEYSYMS: Readonly<Record<string, string>> = {
  ...{ enter: 'Return', escape: 'Escape', tab: 'Tab', backspace: 'BackSpace', delete: 'Delete', insert: 'Insert' },
  ...{ home: 'Home', end: 'End', pageup: 'Page_Up', pagedown: 'Page_Down' },
  ...{ arrowup: 'Up', arrowdown: 'Down', arrowleft: 'Left', arrowright: 'Right' },
  ...{ ',': 'comma', '.': 'period', '-': 'minus', '+': 'plus', '/': 'slash', '?': 'question', '!': 'exclam' },
  ...{
    ';': 'semicolon',
    ':': 'colon',
    "'": 'apostrophe',
    '"': 'quotedbl',
    '`': 'grave',
    '=': 'equal',
    '#': 'numbersign',
  },
  ...{ '[': 'bracketleft', ']': 'bracketright', '\\': 'backslash', '<': 'less', '>': 'greater', '*': 'asterisk' },
};

/**
 * A key in the words of the freedesktop shortcuts specification: `CTRL+ALT+1` for `ctrl+alt+1`. It is what is preferred;
 * the desktop's user may choose another one.
 */
export function portalTrigger(canonical: string): string {
  const { key, ctrl, alt, shift, meta } = parseChord(canonical);
  const modifiers = [ctrl && 'CTRL', alt && 'ALT', shift && 'SHIFT', meta && 'LOGO'].filter(Boolean);
  return [...modifiers, keysymOf(key)].join('+');
}

/** A name that every desktop can store, one for each key: `ctrl-alt-1`. */
export function shortcutIdOf(canonical: string): string {
  return canonical
    .replace(/[^a-z0-9+]|(?<=\+)\+/g, (sign) => `u${sign.codePointAt(0)?.toString(16)}`)
    .replaceAll('+', '-');
}

function keysymOf(key: string): string {
  if (/^f\d/.test(key)) return key.toUpperCase();
  const numpad = /^numpad(\d)$/.exec(key)?.[1];
  if (numpad !== undefined) return `KP_${numpad}`;
  const isPlain = /^[a-z0-9]$|^space$/.test(key);
  // Other characters have the name of their code point.
  return KEYSYMS[key] ?? (isPlain ? key : `U${key.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}`);
}
