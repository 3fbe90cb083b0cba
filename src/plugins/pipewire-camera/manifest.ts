import type { PluginManifestInput } from '../../api/plugin.ts';

/** A camera without a kernel module, for programs that ask PipeWire: Firefox, GNOME, OBS, GStreamer. */
export const manifest: PluginManifestInput = {
  id: 'pipewire-camera',
  title: 'PipeWire camera',
  description: 'Offers the picture as a camera to programs that ask PipeWire. Linux, without a kernel module.',
  contributes: {
    videoOutputs: [{ id: 'pipewire-camera.camera', title: 'PipeWire camera', scheme: 'pipewire' }],
  },
};
