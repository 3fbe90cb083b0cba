import { describe, expect, it } from 'vitest';
import { chooseWay } from '../../../src/plugins/hotkeys/choose-way.ts';

describe('the way to hear hotkeys', () => {
  it('is what the session has: the portal under Wayland, also beside XWayland, else the keyboard', () => {
    const x11 = { DISPLAY: ':0' };
    expect(chooseWay('auto', 'linux', x11).way).toBe('keyboard');
    expect(chooseWay('auto', 'linux', { ...x11, WAYLAND_DISPLAY: 'wayland-0' }).way).toBe('portal');
    expect(chooseWay('auto', 'linux', { ...x11, XDG_SESSION_TYPE: 'wayland' }).way).toBe('portal');
    expect(chooseWay('auto', 'darwin', {}).way).toBe('keyboard');
    expect(chooseWay('auto', 'win32', {}).way).toBe('keyboard');
  });

  it('is what the setting says, and none without a desktop, with the reason', () => {
    expect(chooseWay('keyboard', 'linux', { WAYLAND_DISPLAY: 'wayland-0' }).way).toBe('keyboard');
    expect(chooseWay('portal', 'linux', {}).way).toBe('portal');
    expect(chooseWay('auto', 'linux', { WAYLAND_DISPLAY: '', DISPLAY: '' })).toEqual({
      way: undefined,
      why: 'there is no desktop here (neither WAYLAND_DISPLAY nor DISPLAY is set)',
    });
  });
});
