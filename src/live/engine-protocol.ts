import type { AvatarRef } from '../api/avatar.ts';
import type { FacePatch, Heard, PoseRef, Sound, SoundContext } from '../api/media.ts';
import type { EngineReport } from '../api/status.ts';

/** Version of the messages below. Both ends state it first and refuse to go on when it differs. */
export const ENGINE_PROTOCOL_VERSION = 2;
/** How often the engine host says that it is alive, in ms. */
export const HEARTBEAT_MS = 200;

/** An error as it crosses the process boundary. */
export interface WireError {
  readonly code: string;
  readonly message: string;
  readonly fix?: string;
}

/** From the show to the engine host. `call` numbers come back with the answer. */
export type ToEngine =
  | {
      readonly type: 'open';
      readonly protocol: number;
      /** Contribution id of the face engine, for example `puppet.face`. */
      readonly engineId: string;
      /** Absolute path of the folder of the plugin it belongs to; undefined for one that comes with the program. */
      readonly pluginFolder?: string | undefined;
      readonly settings: Readonly<Record<string, unknown>>;
      /** `false` off line: every frame counts. */
      readonly isLive: boolean;
    }
  | { readonly type: 'load'; readonly call: number; readonly avatar: AvatarRef }
  | { readonly type: 'unload'; readonly call: number; readonly avatarId: string }
  | { readonly type: 'hear'; readonly call: number; readonly sound: Sound }
  | { readonly type: 'draw'; readonly call: number; readonly heard: Heard; readonly pose: PoseRef }
  | { readonly type: 'close' };

/** From the engine host to the show. */
export type FromEngine =
  | { readonly type: 'hello'; readonly protocol: number }
  | { readonly type: 'opened'; readonly context: SoundContext }
  | { readonly type: 'openFailed'; readonly error: WireError }
  /** What the engine says of itself, whenever that changes; may come before `opened`. */
  | { readonly type: 'report'; readonly report: EngineReport }
  /** The answer to `draw` is undefined where the body's own face is the right one. */
  | { readonly type: 'done'; readonly call: number; readonly result: Heard | FacePatch | undefined }
  | { readonly type: 'failed'; readonly call: number; readonly error: WireError }
  | { readonly type: 'beat' }
  | { readonly type: 'log'; readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly message: string };
