import { definePlugin } from '../../api/plugin.ts';
import { createPcmInput } from './pcm-input.ts';

export default definePlugin({
  activate(context) {
    // Looked up only when it is opened: touching process.stdin takes hold of it.
    context.registerAudioInput(
      'pcm.pipe',
      createPcmInput(() => process.stdin),
    );
  },
});
