import type { PluginManifestInput } from '../../api/plugin.ts';

/** The embedded face engine: needs nothing but a prepared avatar. */
export const manifest: PluginManifestInput = {
  id: 'puppet',
  title: 'Puppet face engine',
  description:
    'Moves the face of any prepared avatar by warping its picture. Ships with MuseCam, runs on any processor.',
  contributes: {
    faceEngines: [{ id: 'puppet.face', title: 'Puppet (embedded)', scheme: 'puppet' }],
    configuration: {
      'puppet.idle': {
        type: 'number',
        default: 1,
        minimum: 0,
        maximum: 1,
        description: 'How lively the avatar is by itself: blinks, glances, breathing, sway. 0 keeps it still.',
      },
      'puppet.mouth': {
        type: 'number',
        default: 1,
        minimum: 0.3,
        maximum: 1.5,
        description: 'How far the mouth moves for the same speech.',
      },
    },
  },
};
