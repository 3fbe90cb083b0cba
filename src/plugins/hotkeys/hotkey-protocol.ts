/** How hotkeys are heard: from the keyboard (X11, Windows, macOS), or told by the desktop (Wayland). */
export type HotkeyWay = 'keyboard' | 'portal';

/** A key that counts in every window. */
export interface Hotkey {
  /** Canonical: `ctrl+alt+1`. */
  readonly key: string;
  /** What it does, for the desktop's own list of shortcuts. */
  readonly title: string;
}

/** What the daemon tells the hotkey process: the keys that count from now on, in place of those before. */
export interface HotkeyOrder {
  readonly hotkeys: readonly Hotkey[];
}

/** Why there are no hotkeys. Those that another attempt may mend are tried again by themselves. */
export type HotkeyFailure =
  /** The native library is not installed or does not load. */
  | 'no-library'
  /** The keyboard cannot be listened to. */
  | 'no-keyboard'
  /** There is no session bus, or no desktop portal on it. */
  | 'no-portal'
  /** The portal has no global shortcuts on this desktop. */
  | 'no-shortcuts'
  /** The portal wants to know the program and does not. */
  | 'no-app-id'
  /** Somebody said no in the desktop's dialog. */
  | 'declined'
  /** The desktop ended the session, or the portal went away. */
  | 'ended';

/** A hotkey that does not work, and why. */
export interface RefusedHotkey {
  readonly key: string;
  readonly why: string;
}

/** What the hotkey process tells the daemon. Of keys it only ever names those it was given. */
export type HotkeyReport =
  /** The desktop asks its user. */
  | { readonly kind: 'asking' }
  | { readonly kind: 'ready'; readonly refused: readonly RefusedHotkey[] }
  | { readonly kind: 'pressed'; readonly key: string }
  | { readonly kind: 'failed'; readonly failure: HotkeyFailure; readonly message: string };

/** Hears hotkeys in its own way; lives in the hotkey process. */
export interface HotkeyListener {
  /** The keys that count from now on. */
  take(hotkeys: readonly Hotkey[]): Promise<void>;
}
/** Tells the daemon. */
export type Reporter = (report: HotkeyReport) => void;
