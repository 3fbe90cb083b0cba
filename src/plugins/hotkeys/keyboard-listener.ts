import { createRequire } from 'node:module';
import { messageOf } from '../../base/errors.ts';
import { ChordMatcher, type KeyEvent, type WatchedChord } from './chord-matcher.ts';
import type { Hotkey, HotkeyListener, Reporter } from './hotkey-protocol.ts';
import { keyCodeOf, parseChord } from './key-codes.ts';

/** The part of uiohook-napi that is used here; it is optional, so that its own types may be missing. */
interface Uiohook {
  readonly uIOhook: {
    on(event: 'keydown' | 'keyup', listener: (event: KeyEvent) => void): unknown;
    /** Begins to listen, in a thread of its own. @throws an Error that says what the system forbids. */
    start(): void;
  };
  readonly UiohookKey: Readonly<Record<string, number>>;
}

/**
 * Hears the keyboard itself, through uiohook-napi: X11's record extension, a low-level hook on Windows, an event tap on
 * macOS. Such a hook sees every key of the session; what is no hotkey is forgotten at once, and never leaves here.
 */
export class KeyboardListener implements HotkeyListener {
  readonly #report: Reporter;
  readonly #codes: Readonly<Record<string, number>>;
  readonly #matcher: ChordMatcher;

  private constructor({ uIOhook, UiohookKey }: Uiohook, report: Reporter) {
    this.#report = report;
    this.#codes = UiohookKey;
    this.#matcher = new ChordMatcher(UiohookKey.AltRight ?? -1);
    uIOhook.on('keydown', (event) => {
      const key = this.#matcher.press(event);
      if (key !== undefined) report({ kind: 'pressed', key });
    });
    uIOhook.on('keyup', (event) => this.#matcher.release(event));
  }

  /** Begins to listen. Reports why it cannot, and returns undefined. */
  static open(report: Reporter): KeyboardListener | undefined {
    let library: Uiohook;
    try {
      library = createRequire(import.meta.url)('uiohook-napi') as Uiohook;
    } catch (thrown) {
      report({ kind: 'failed', failure: 'no-library', message: firstLineOf(thrown) });
      return undefined;
    }
    const listener = new KeyboardListener(library, report);
    try {
      library.uIOhook.start();
      return listener;
    } catch (thrown) {
      report({ kind: 'failed', failure: 'no-keyboard', message: firstLineOf(thrown) });
      return undefined;
    }
  }

  async take(hotkeys: readonly Hotkey[]): Promise<void> {
    const chords = hotkeys.map(({ key }) => {
      const chord = parseChord(key);
      return { ...chord, name: key, keycode: keyCodeOf(chord.key, this.#codes) };
    });
    this.#matcher.watch(chords.filter((chord): chord is WatchedChord => chord.keycode !== undefined));
    const refused = chords
      .filter(({ keycode }) => keycode === undefined)
      .map(({ name }) => ({ key: name, why: 'this key is not known outside the page' }));
    this.#report({ kind: 'ready', refused });
  }
}

function firstLineOf(thrown: unknown): string {
  return messageOf(thrown).split('\n')[0] ?? '';
}
