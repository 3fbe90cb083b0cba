import type { PluginManifestInput } from '../../api/plugin.ts';

/** Records the show into a video file with ffmpeg. */
export const manifest: PluginManifestInput = {
  id: 'recorder',
  title: 'Recorder',
  description:
    'Records picture and sound, in sync, into an mp4, mov, mkv or webm file; the last three keep a transparent background. Needs ffmpeg on PATH.',
  contributes: {
    videoOutputs: [{ id: 'recorder.file', title: 'Recording (mp4)', scheme: 'file' }],
    commands: [
      {
        id: 'recorder.start',
        title: 'Start recording',
        category: 'Recording',
        enablement: '!recording',
        args: {
          type: 'object',
          properties: {
            path: {
              type: 'string',
              minLength: 1,
              description: 'file to write (mp4, mov, mkv, webm); left out: one named after the time',
            },
          },
        },
      },
      { id: 'recorder.stop', title: 'Stop recording', category: 'Recording', enablement: 'recording' },
    ],
    keybindings: [
      { key: 'r', command: 'recorder.start', when: '!recording' },
      { key: 'r', command: 'recorder.stop', when: 'recording' },
    ],
    configuration: {
      'recorder.overwrite': {
        type: 'boolean',
        default: false,
        description: 'Whether a recording may replace a file that is there already.',
      },
      'recorder.folder': {
        type: 'string',
        default: '',
        applies: 'live',
        description: 'Where recordings go that are started by a key. Empty: MuseCam in your folder for videos.',
      },
    },
  },
};
