import { definePlugin } from '../../api/plugin.ts';
import { createPipewireOutput } from './pipewire-output.ts';

export default definePlugin({
  activate(context) {
    context.registerVideoOutput('pipewire-camera.camera', createPipewireOutput());
  },
});
