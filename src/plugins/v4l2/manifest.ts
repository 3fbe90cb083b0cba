import type { PluginManifestInput } from '../../api/plugin.ts';

/** The virtual camera of Linux: writes frames into a v4l2loopback device. */
export const manifest: PluginManifestInput = {
  id: 'v4l2',
  title: 'Virtual camera (v4l2loopback)',
  description: 'Shows the avatar as a camera that Chrome, Zoom, Meet, OBS and Firefox can choose. Linux only.',
  contributes: {
    videoOutputs: [{ id: 'v4l2.camera', title: 'Virtual camera', scheme: 'v4l2' }],
    configuration: {
      'v4l2.device': {
        type: 'string',
        default: '',
        description: 'Device to write to: /dev/video10, 10, or its label. Empty: the first v4l2loopback device.',
      },
      'v4l2.pixelFormat': {
        type: 'string',
        default: 'yuyv',
        enum: ['yuyv', 'i420'],
        description:
          'How pictures are laid out: yuyv is what OBS writes and every program takes; i420 is 25 % fewer bytes.',
      },
      'v4l2.sustainFrames': {
        type: 'boolean',
        default: false,
        description: 'Ask the kernel module to repeat the last picture when this program is late.',
      },
    },
  },
};
