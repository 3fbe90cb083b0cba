import type { PluginManifestInput } from '../../api/plugin.ts';

/** MuseTalk: photoreal faces made by a network, on a GPU. */
export const manifest: PluginManifestInput = {
  id: 'musetalk',
  title: 'MuseTalk face engine',
  description:
    'Draws the mouth with the MuseTalk network: photoreal, needs its weights (musecam models install musetalk-v15) and a GPU.',
  contributes: {
    faceEngines: [
      {
        id: 'musetalk.face',
        title: 'MuseTalk',
        scheme: 'musetalk',
        fallback: 'puppet',
        needsModel: ['musetalk-v15', 'musetalk-v1'],
        lookAheadSeconds: 0.1225,
      },
    ],
    configuration: {
      'musetalk.model': {
        type: 'string',
        default: 'auto',
        enum: ['auto', 'musetalk-v15', 'musetalk-v1'],
        description: 'Which installed model draws; auto takes the newest.',
      },
      'musetalk.provider': {
        type: 'string',
        default: 'auto',
        enum: ['auto', 'cuda', 'webgpu', 'cpu'],
        description:
          'What runs the networks. auto measures at the start and takes the fastest that gives the right numbers; live only GPUs are tried.',
      },
      'musetalk.precision': {
        type: 'string',
        default: 'auto',
        enum: ['auto', 'fp16', 'fp32'],
        description: 'Half precision is twice as fast; auto takes it on GPUs where its pictures are close enough.',
      },
      'musetalk.hop': {
        type: 'number',
        default: 1,
        minimum: 1,
        maximum: 2,
        description: 'Faces made in one run: 2 is cheaper for each and 40 ms later.',
      },
      'musetalk.rightTokens': {
        type: 'number',
        default: 2,
        minimum: 0,
        maximum: 4,
        description: 'How many 20 ms steps are heard beyond the last one that is used: more is steadier and later.',
      },
      'musetalk.position': {
        type: 'number',
        default: 0,
        minimum: 0,
        maximum: 1400,
        description: "Which of Whisper's 1500 positions the live window begins with.",
      },
      'musetalk.hearing': {
        type: 'string',
        default: 'auto',
        enum: ['auto', 'live', 'whole'],
        description: 'live: the last two seconds; whole: 30 s at once as in training, off line only. auto fits.',
      },
      'musetalk.restInSilence': {
        type: 'boolean',
        default: true,
        description: "Show the avatar's own face in silence; the GPU then rests, too.",
      },
      'musetalk.compositing': {
        type: 'string',
        default: 'auto',
        enum: ['auto', 'gpu', 'processor'],
        description: 'Where a face is put into its frame; auto: on the GPU with WebGPU.',
      },
      'musetalk.gpuMegabytes': {
        type: 'number',
        default: 1000,
        minimum: 0,
        maximum: 100_000,
        description:
          'Most GPU memory for avatars; those beyond it stay in memory and are put together by the processor.',
      },
      'musetalk.threads': {
        type: 'number',
        default: 0,
        minimum: 0,
        maximum: 64,
        description: 'Threads where the processor runs the networks; 0 uses all.',
      },
    },
  },
};
