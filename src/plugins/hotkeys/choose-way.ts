import type { HotkeyWay } from './hotkey-protocol.ts';

/** The way that was chosen, or why there is none. */
export type ChosenWay = { readonly way: HotkeyWay } | { readonly way: undefined; readonly why: string };

/**
 * How hotkeys can be heard in this session. Under Wayland no program hears the keys of others (XWayland hears only those
 * of X programs), so that the desktop has to tell them.
 * @param wanted the setting: `auto`, `keyboard` or `portal`.
 */
export function chooseWay(wanted: string, platform: NodeJS.Platform, environment: NodeJS.ProcessEnv): ChosenWay {
  if (wanted === 'keyboard' || wanted === 'portal') return { way: wanted };
  if (platform === 'win32' || platform === 'darwin') return { way: 'keyboard' };
  if (environment.WAYLAND_DISPLAY || environment.XDG_SESSION_TYPE === 'wayland') return { way: 'portal' };
  if (environment.DISPLAY) return { way: 'keyboard' };
  return { way: undefined, why: 'there is no desktop here (neither WAYLAND_DISPLAY nor DISPLAY is set)' };
}
