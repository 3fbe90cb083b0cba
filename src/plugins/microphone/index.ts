import { definePlugin } from '../../api/plugin.ts';
import { createMicrophoneInput } from './microphone-input.ts';

export default definePlugin({
  activate(context) {
    context.registerAudioInput(
      'microphone.input',
      createMicrophoneInput(() => context.settings['microphone.backend'], {
        sampleRateHz: Number(context.settings['microphone.sampleRateHz'] ?? 48_000),
      }),
    );
  },
});
