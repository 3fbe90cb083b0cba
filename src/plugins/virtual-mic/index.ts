import { definePlugin } from '../../api/plugin.ts';
import { createVirtualMicrophone } from './virtual-microphone-output.ts';

export default definePlugin({
  activate(context) {
    const extraMs = Number(context.settings['virtual-mic.extraMilliseconds'] ?? 0);
    context.registerAudioOutput('virtual-mic.microphone', createVirtualMicrophone({ extraMs }));
  },
});
