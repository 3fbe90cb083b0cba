import { definePlugin } from '../../api/plugin.ts';
import { createV4l2Output } from './output.ts';

export default definePlugin({
  activate(context) {
    const { settings } = context;
    context.registerVideoOutput(
      'v4l2.camera',
      createV4l2Output(() => ({
        device: String(settings['v4l2.device'] ?? ''),
        pixelFormat: settings['v4l2.pixelFormat'] === 'i420' ? 'i420' : 'yuyv',
        sustainFrames: settings['v4l2.sustainFrames'] === true,
      })),
    );
  },
});
