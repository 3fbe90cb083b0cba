import { definePlugin } from '../../api/plugin.ts';
import { checkVirtualCamera } from './check.ts';
import { createV4l2Output } from './output.ts';

export default definePlugin({
  activate(context) {
    const { settings } = context;
    const output = createV4l2Output(() => ({
      device: String(settings['v4l2.device'] ?? ''),
      pixelFormat: settings['v4l2.pixelFormat'] === 'i420' ? 'i420' : 'yuyv',
      sustainFrames: settings['v4l2.sustainFrames'] === true,
    }));
    context.registerVideoOutput('v4l2.camera', { ...output, check: () => checkVirtualCamera() });
  },
});
