import type { PluginManifestInput } from '../../api/plugin.ts';

/** A microphone for other programs that carries the voice as late as the picture is. */
export const manifest: PluginManifestInput = {
  id: 'virtual-mic',
  title: 'Virtual microphone',
  description: 'Offers the voice as "MuseCam Microphone", as late as the picture, so that lips and words meet. Linux.',
  contributes: {
    audioOutputs: [{ id: 'virtual-mic.microphone', title: 'Virtual microphone', scheme: 'mic' }],
    configuration: {
      'virtual-mic.enabled': {
        type: 'string',
        default: 'auto',
        enum: ['auto', 'on', 'off'],
        description:
          'Whether other programs are offered "MuseCam Microphone", the voice in step with the picture. auto: with a ' +
          'virtual camera, where PulseAudio or PipeWire runs.',
      },
      'virtual-mic.noiseSuppression': {
        type: 'boolean',
        default: false,
        description: 'Take noise (fans, keys, a street) out of the voice that other programs hear, by RNNoise.',
      },
      'virtual-mic.extraMilliseconds': {
        type: 'number',
        default: 0,
        minimum: -200,
        maximum: 1000,
        description:
          'How much later than measured the voice shall be: for what happens to the picture after it has left MuseCam.',
      },
    },
  },
};
