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
      'microphone.sampleRateHz': {
        type: 'string',
        default: '48000',
        enum: ['48000', '44100', '16000'],
        description:
          'Rate at which the microphone is read. The face needs 16000 only; the rest is for MuseCam Microphone, which ' +
          'carries the voice as it was read, and costs 3 ms of delay.',
      },
    },
  },
};
