import { definePlugin } from '../../api/plugin.ts';
import { createVirtualMicrophone } from './virtual-microphone-output.ts';

export default definePlugin({
  activate(context) {
    const extraMs = Number(context.settings['virtual-mic.extraMilliseconds'] ?? 0);
    const suppressesNoise = context.settings['virtual-mic.noiseSuppression'] === true;
    context.registerAudioOutput('virtual-mic.microphone', createVirtualMicrophone({ extraMs, suppressesNoise }));
  },
});
