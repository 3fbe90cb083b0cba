import { availableParallelism } from 'node:os';
import type { Precision } from '../../onnx/onnx-graph.ts';
import type { Provider } from '../../onnx/open-network.ts';

/** Checked values of this plugin's settings. */
export interface MusetalkSettings {
  readonly model: 'auto' | 'musetalk-v15' | 'musetalk-v1';
  readonly provider: 'auto' | Provider;
  readonly precision: 'auto' | Precision;
  /** Frames made in one run. */
  readonly hop: 1 | 2;
  /** Tokens (20 ms) heard beyond the last one that is used. */
  readonly rightTokens: number;
  /** Which of Whisper's positions the live window begins with. */
  readonly position: number;
  /** `live`: two seconds that move along. `whole`: 30 s at once, as MuseTalk's own tool; off line only. */
  readonly hearing: 'auto' | 'live' | 'whole';
  /** Show the avatar's own face in silence. */
  readonly restInSilence: boolean;
  readonly compositing: 'auto' | 'gpu' | 'processor';
  /** Most bytes of GPU memory avatars may take. */
  readonly gpuBytes: number;
  readonly threads: number;
}

/** Reads this plugin's settings; what was not declared or given has its default. */
export function readMusetalkSettings(values: Readonly<Record<string, unknown>>): MusetalkSettings {
  const value = <T>(key: string, otherwise: T) => (values[`musetalk.${key}`] ?? otherwise) as T;
  const precision = value<'auto' | 'fp16' | 'fp32'>('precision', 'auto');
  return {
    model: value('model', 'auto'),
    provider: value('provider', 'auto'),
    precision: precision === 'auto' ? 'auto' : precision === 'fp16' ? 'float16' : 'float32',
    hop: value('hop', 1) >= 2 ? 2 : 1,
    rightTokens: Math.round(value('rightTokens', 2)),
    position: Math.round(value('position', 0)),
    hearing: value('hearing', 'auto'),
    restInSilence: value('restInSilence', true),
    compositing: value('compositing', 'auto'),
    gpuBytes: value('gpuMegabytes', 1000) * 1e6,
    threads: value('threads', 0) || availableParallelism(),
  };
}
