import type { HotkeyFailure } from './hotkey-protocol.ts';

/** What is to be done about a failure. */
export interface FailureAdvice {
  /** What happened, in words, in front of the system's own. */
  readonly words: string;
  readonly fix: string;
  /** Whether another attempt may help without anybody doing anything. */
  readonly isRetried: boolean;
}

const RELOAD = 'musecam run hotkeys.reload';
const SWITCH_OFF = 'musecam settings set hotkeys.enabled false';

/** What is to be done about each failure. @param platform where we run. */
export function adviseOn(failure: HotkeyFailure, platform: NodeJS.Platform = process.platform): FailureAdvice {
  switch (failure) {
    case 'no-library':
      return {
        words: 'the keyboard library does not load',
        fix:
          platform === 'linux'
            ? 'Install what it needs (Debian: sudo apt install libxtst6 libxt6 libxrandr2), then npm install uiohook-napi.'
            : 'npm install uiohook-napi',
        isRetried: false,
      };
    case 'no-keyboard':
      return {
        words: 'the keyboard cannot be listened to',
        fix:
          platform === 'darwin'
            ? 'Allow your terminal in System Settings, Privacy & Security, Accessibility; then start MuseCam again.'
            : `Try again: ${RELOAD}`,
        isRetried: platform !== 'darwin',
      };
    case 'no-portal':
      return {
        words: 'there is no desktop portal',
        fix: 'Install xdg-desktop-portal and the back end of your desktop (xdg-desktop-portal-gnome, -kde, -hyprland).',
        isRetried: true,
      };
    case 'no-shortcuts':
      return {
        words: 'this desktop has no global shortcuts for programs',
        fix: `Bind keys in the desktop's own settings to "musecam avatars use NAME", or be silent about it: ${SWITCH_OFF}`,
        isRetried: true,
      };
    case 'no-app-id':
      return {
        words: 'the desktop does not know the program',
        fix: `Log out and in again, so that the desktop sees its new entry (docs/keys.md), or try again: ${RELOAD}`,
        isRetried: true,
      };
    case 'declined':
      return { words: 'the desktop gave no keys', fix: `To be asked again: ${RELOAD}`, isRetried: false };
    case 'ended':
      return { words: 'the desktop let go of the keys', fix: `Try again: ${RELOAD}`, isRetried: true };
  }
}
