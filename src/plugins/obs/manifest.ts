import type { PluginManifestInput } from '../../api/plugin.ts';

/** OBS Studio, driven over its own WebSocket server (obs-websocket 5, part of OBS since version 28). */
export const manifest: PluginManifestInput = {
  id: 'obs',
  title: 'OBS Studio',
  description:
    'Sets up a scene with the avatar in OBS, lets scenes choose avatars, starts and stops its virtual camera.',
  activation: 'show',
  contributes: {
    videoOutputs: [{ id: 'obs.stream', title: 'Stream for a media source in OBS', scheme: 'obs' }],
    commands: [
      { id: 'obs.setup', title: 'Make or repair the MuseCam scene in OBS' },
      { id: 'obs.remove', title: 'Take what MuseCam made out of OBS' },
      { id: 'obs.camera', title: "Start or stop OBS's virtual camera" },
      { id: 'obs.map', title: 'Show an avatar whenever a scene of OBS is on' },
      { id: 'obs.unmap', title: 'Let a scene of OBS no longer choose the avatar' },
      { id: 'obs.hotkeys.install', title: 'Bring hotkeys for MuseCam into OBS' },
      { id: 'obs.hotkeys.remove', title: 'Take the hotkeys for MuseCam out of OBS' },
      { id: 'obs.hotkeys.status', title: 'Whether OBS has hotkeys for MuseCam, and the last press' },
      { id: 'obs.microphone', title: 'Keep a microphone of OBS in step with the picture' },
      { id: 'obs.status', title: 'How the connection to OBS is doing' },
    ],
    configuration: {
      'obs.enabled': {
        type: 'string',
        default: 'auto',
        enum: ['auto', 'on', 'off'],
        description: 'auto: connect whenever OBS runs; on: also tell when it does not; off: leave OBS alone.',
      },
      'obs.url': {
        type: 'string',
        default: 'ws://127.0.0.1:4455',
        description:
          "OBS's WebSocket server, on this machine only. As it is, the port is read from OBS's own settings.",
      },
      'obs.password': {
        type: 'string',
        default: '',
        description: "Password of OBS's WebSocket server. Empty: read from OBS's own settings.",
      },
      'obs.format': {
        type: 'string',
        default: 'auto',
        enum: ['auto', 'i420', 'rgba', 'mjpeg'],
        description:
          "How the stream carries pictures to OBS's Media Source. auto: with alpha while the background is transparent, else i420; rgba: always with alpha; mjpeg: opaque, a fraction of the bytes.",
      },
      'obs.sound': {
        type: 'boolean',
        default: false,
        description:
          'Whether the stream carries the voice, too, in step with the picture. Both come about 70 ms later than the picture alone.',
      },
      'obs.extraMilliseconds': {
        type: 'number',
        default: 30,
        minimum: -200,
        maximum: 1000,
        description:
          'What OBS itself makes the picture later, for the sync offset of a microphone in OBS (musecam obs microphone).',
      },
      'obs.scenes': {
        type: 'object',
        default: {},
        description:
          'Which avatar is shown while a scene of OBS is on: {"Interview": "mira"}. See also: musecam obs map.',
      },
      'obs.switchScene': {
        type: 'boolean',
        default: false,
        description: 'Whether choosing another avatar in MuseCam switches OBS to the scene that belongs to it.',
      },
    },
  },
};
