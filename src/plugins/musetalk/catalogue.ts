/** One file of weights, where it comes from and what it must be. */
export interface WeightsFile {
  /** What it is for. */
  readonly role: 'unet' | 'vae' | 'whisper' | 'tiny-vae' | 'face-parser';
  readonly title: string;
  /** Repository and revision on Hugging Face. */
  readonly repository: string;
  readonly revision: string;
  /** Path in that repository. */
  readonly remotePath: string;
  /** Path in a folder laid out as MuseTalk's own `models`, and in ours. */
  readonly localPath: string;
  /** Other files that hold the same weights, in such a folder. */
  readonly alternatives: readonly string[];
  /** Length in bytes; exact where `sha256` is given, otherwise about. */
  readonly bytes: number;
  /** Where nothing was published, the hash that the server names is checked. */
  readonly sha256?: string;
  readonly isOptional?: boolean;
}

/** A model somebody can install. */
export interface ModelEntry {
  readonly id: string;
  readonly title: string;
  /** What it is for, in a few words. */
  readonly purpose: string;
  /** What it is converted into: the networks of a face engine, or the one that parses faces while avatars are prepared. */
  readonly kind: 'musetalk' | 'face-parser';
  readonly files: readonly WeightsFile[];
  /** Who allows what; shown before the first download. */
  readonly licences: readonly string[];
  /** Whether Whisper's last state is taken before its final normalisation. */
  readonly isLastStateRaw?: boolean;
}

/** Hugging Face's revision of MuseTalk's weights whose sizes and hashes are known. */
const MUSETALK_REVISION = '3ef28bc5cff08c90ad8178a25f1b570cd800170f';

const VAE: WeightsFile = {
  role: 'vae',
  title: 'Stable Diffusion VAE (sd-vae-ft-mse)',
  repository: 'stabilityai/sd-vae-ft-mse',
  revision: 'main',
  remotePath: 'diffusion_pytorch_model.safetensors',
  localPath: 'sd-vae/diffusion_pytorch_model.safetensors',
  alternatives: [
    'sd-vae/diffusion_pytorch_model.bin',
    'sd-vae-ft-mse/diffusion_pytorch_model.safetensors',
    'sd-vae-ft-mse/diffusion_pytorch_model.bin',
  ],
  bytes: 334_700_000,
};

const WHISPER: WeightsFile = {
  role: 'whisper',
  title: 'Whisper tiny',
  repository: 'openai/whisper-tiny',
  revision: 'main',
  remotePath: 'model.safetensors',
  localPath: 'whisper/model.safetensors',
  alternatives: ['whisper/pytorch_model.bin'],
  bytes: 151_100_000,
};

const TINY_VAE: WeightsFile = {
  role: 'tiny-vae',
  title: 'TAESD, the small decoder for slower GPUs',
  repository: 'madebyollin/taesd',
  revision: 'main',
  remotePath: 'diffusion_pytorch_model.safetensors',
  localPath: 'taesd/diffusion_pytorch_model.safetensors',
  alternatives: ['taesd/diffusion_pytorch_model.bin'],
  bytes: 9_800_000,
  isOptional: true,
};

const LICENCES = [
  'MuseTalk (TMElyralab/MuseTalk): code MIT, © 2024 Tencent Music Entertainment Group; its README allows the trained ' +
    'models for any purpose, also commercial ones.',
  'sd-vae-ft-mse (Stability AI): MIT.',
  'Whisper (OpenAI): MIT.',
  'TAESD (Ollin Boer Bohan): MIT.',
];

/** The models this program can install. Sizes and hashes: MuseTalk's public file lists. */
export const MODELS: readonly ModelEntry[] = [
  {
    id: 'musetalk-v15',
    title: 'MuseTalk 1.5',
    purpose: 'photoreal faces, the newest weights',
    kind: 'musetalk',
    isLastStateRaw: false,
    licences: LICENCES,
    files: [
      {
        role: 'unet',
        title: 'MuseTalk 1.5 UNet',
        repository: 'TMElyralab/MuseTalk',
        revision: MUSETALK_REVISION,
        remotePath: 'musetalkV15/unet.pth',
        localPath: 'musetalkV15/unet.pth',
        alternatives: ['musetalkV15/unet.safetensors'],
        bytes: 3_400_074_924,
        sha256: '7ebf6c98c181e20838e4c0054e96e944ac60d5d692cc01db42839fe11b787007',
      },
      VAE,
      WHISPER,
      TINY_VAE,
    ],
  },
  {
    id: 'musetalk-v1',
    title: 'MuseTalk 1.0',
    purpose: 'photoreal faces, the first weights',
    kind: 'musetalk',
    isLastStateRaw: true,
    licences: LICENCES,
    files: [
      {
        role: 'unet',
        title: 'MuseTalk 1.0 UNet',
        repository: 'TMElyralab/MuseTalk',
        revision: MUSETALK_REVISION,
        remotePath: 'musetalk/pytorch_model.bin',
        localPath: 'musetalk/pytorch_model.bin',
        alternatives: ['musetalk/pytorch_model.safetensors'],
        bytes: 3_400_076_549,
      },
      VAE,
      WHISPER,
      TINY_VAE,
    ],
  },
  {
    id: 'face-parser',
    title: 'Face parser (BiSeNet)',
    purpose: "MuseTalk's own masks for avatars prepared from now on",
    kind: 'face-parser',
    licences: [
      'face-parsing.PyTorch (zllrunning): code MIT. Its weights were trained on CelebAMask-HQ, a data set for ' +
        'non-commercial research and education only; ask a lawyer before you use them for anything else.',
    ],
    files: [
      {
        role: 'face-parser',
        title: 'BiSeNet face parser',
        repository: 'ManyOtherFunctions/face-parse-bisent',
        revision: 'main',
        remotePath: '79999_iter.pth',
        localPath: 'face-parse-bisent/79999_iter.pth',
        alternatives: [],
        bytes: 53_289_463,
      },
    ],
  },
];
