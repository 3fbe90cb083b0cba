import { definePlugin } from '../../api/plugin.ts';
import { wavInput } from './wav-input.ts';

export default definePlugin({
  activate(context) {
    context.registerAudioInput('wav.file', wavInput);
  },
});
