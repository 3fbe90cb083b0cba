import type { PluginManifestInput } from '../../api/plugin.ts';

/** Records the show into a video file with ffmpeg. */
export const manifest: PluginManifestInput = {
  id: 'recorder',
  title: 'Recorder',
  description:
    'Records picture and sound, in sync, into an mp4, mov, mkv or webm file; the last three keep a transparent background. Needs ffmpeg on PATH.',
  contributes: {
    videoOutputs: [{ id: 'recorder.file', title: 'Recording (mp4)', scheme: 'file' }],
    configuration: {
      'recorder.overwrite': {
        type: 'boolean',
        default: false,
        description: 'Whether a recording may replace a file that is there already.',
      },
    },
  },
};
