import { describe, expect, it } from 'vitest';
import { portalTrigger, shortcutIdOf } from '../../../src/plugins/hotkeys/portal-trigger.ts';

describe('a key in the words of the desktop', () => {
  it('is written as the shortcuts specification wants it', () => {
    const triggers = {
      'ctrl+alt+1': 'CTRL+ALT+1',
      'ctrl+shift+alt+n': 'CTRL+ALT+SHIFT+n',
      'meta+enter': 'LOGO+Return',
      f11: 'F11',
      'ctrl+numpad3': 'CTRL+KP_3',
      'ctrl++': 'CTRL+plus',
      'alt+é': 'ALT+U00E9',
      'ctrl+space': 'CTRL+space',
    };
    for (const [key, trigger] of Object.entries(triggers)) expect(portalTrigger(key), key).toBe(trigger);
  });

  it('has a name of letters, digits and hyphens, another one for each key', () => {
    const keys = ['ctrl+alt+1', 'ctrl+alt+n', 'ctrl++', 'ctrl+-', 'ctrl+,', 'ctrl+é', 'f5', 'alt+u'];
    const ids = keys.map(shortcutIdOf);
    for (const id of ids) expect(id).toMatch(/^[a-z0-9-]+$/);
    expect(new Set(ids).size).toBe(keys.length);
  });
});
