import type { PluginManifestInput } from '../../api/plugin.ts';

/** Keys that count whichever program is in front: the entries of the keybindings that are marked global. */
export const manifest: PluginManifestInput = {
  id: 'hotkeys',
  title: 'Hotkeys',
  description: 'Keys that work in every window: avatars, next, mute, panic, and your own from keybindings.json.',
  activation: 'show',
  contributes: {
    commands: [
      { id: 'hotkeys.status', title: 'Which keys work in every window' },
      { id: 'hotkeys.reload', title: 'Take hold of the hotkeys anew' },
    ],
    configuration: {
      'hotkeys.enabled': {
        type: 'boolean',
        default: true,
        description: 'Whether the keys marked "global" work while another program is in front.',
        applies: 'live',
      },
      'hotkeys.via': {
        type: 'string',
        default: 'auto',
        enum: ['auto', 'keyboard', 'portal'],
        description:
          'How hotkeys are heard. portal: the desktop tells them (Wayland); keyboard: from the keyboard itself (X11, Windows, macOS); auto: what the session is.',
        applies: 'live',
      },
    },
  },
};
