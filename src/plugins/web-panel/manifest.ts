import type { PluginManifestInput } from '../../api/plugin.ts';

/** The port the control page listens on when nobody says otherwise. */
export const DEFAULT_PORT = 4747;

/** The control page: what this plugin offers, read before any of its code runs. */
export const manifest = {
  id: 'web-panel',
  title: 'Control page',
  description: 'Live preview, avatar picker, meters and the state of every link, in a browser on this machine only.',
  contributes: {
    videoOutputs: [{ id: 'web-panel.page', title: 'Control page', scheme: 'web' }],
    configuration: {
      'web-panel.port': {
        type: 'number',
        default: DEFAULT_PORT,
        minimum: 0,
        maximum: 65_535,
        description:
          'Port of the control page on 127.0.0.1. When it is taken the next free one is used; 0 picks any free port.',
      },
      'web-panel.previewFramesPerSecond': {
        type: 'number',
        default: 25,
        minimum: 1,
        maximum: 25,
        description: 'Pictures a second in the live preview. Nothing is encoded while nobody watches.',
      },
      'web-panel.previewWidthPx': {
        type: 'number',
        default: 640,
        minimum: 160,
        maximum: 1920,
        description: 'Width of the live preview in pixels; never wider than the show itself.',
      },
      'web-panel.maxUploadMegabytes': {
        type: 'number',
        default: 2000,
        minimum: 1,
        maximum: 100_000,
        description: 'Largest photo or clip that the page takes in to make an avatar of, in MB.',
      },
    },
  },
} as const satisfies PluginManifestInput;
