import type { PluginManifestInput } from '../../api/plugin.ts';

/** What the microphone plugin offers: the live voice. */
export const manifest: PluginManifestInput = {
  id: 'microphone',
  title: 'Microphone',
  description: 'Listens to a microphone. Nothing of what it hears is stored or sent anywhere.',
  contributes: {
    audioInputs: [{ id: 'microphone.input', title: 'Microphone', scheme: 'mic' }],
    configuration: {
      'microphone.backend': {
        type: 'string',
        default: 'auto',
        enum: ['auto', 'naudiodon', 'parec', 'pw-record', 'arecord'],
        description:
          'How the microphone is read. auto: naudiodon (PortAudio) where it can be loaded and finds a microphone, else ' +
          'the first of parec, pw-record and arecord that delivers sound.',
      },
    },
  },
};
