/**
 * A stand-in for the engine host's process that speaks the real protocol and can be told to misbehave through its
 * settings: `failOpen`, `exitOnOpen`, `drawMs`, `stallAtFrame` for `stallMs`; `FAKE_ENGINE_PROTOCOL` changes its version. Its
 * face is a grey rectangle; with `isStrict` one whose brightness tells the avatar, and only for avatars it was given.
 */
import type { FromEngine, ToEngine } from '../../src/live/engine-protocol.ts';

interface Misbehaviour {
  readonly failOpen?: boolean;
  readonly exitOnOpen?: boolean;
  readonly drawMs?: number;
  readonly stallAtFrame?: number;
  readonly stallMs?: number;
  readonly isStrict?: boolean;
}

let settings: Misbehaviour = {};
const resident = new Set<string>();
const send = (message: FromEngine) => process.send?.(message);

process.on('disconnect', () => process.exit(0));
/** One after another, as the real host answers. */
let queue = Promise.resolve();
process.on('message', (message) => {
  queue = queue.then(() => answer(message as ToEngine));
});
setInterval(() => send({ type: 'beat' }), 100);
send({ type: 'hello', protocol: process.env.FAKE_ENGINE_PROTOCOL ? Number(process.env.FAKE_ENGINE_PROTOCOL) : 1 });

/** Told apart from each other by the number in `flat-3`, whatever copy of the avatar it is. */
function faceGreyOf(avatarId: string): number {
  return 130 + 10 * Number(/\d/.exec(avatarId)?.[0] ?? 0);
}

async function answer(message: ToEngine): Promise<void> {
  switch (message.type) {
    case 'open':
      settings = message.settings;
      if (settings.exitOnOpen) process.exit(3);
      if (settings.failOpen) {
        send({
          type: 'openFailed',
          error: { code: 'MODEL_BROKEN', message: 'the model is broken', fix: 'reinstall it' },
        });
      } else send({ type: 'opened', context: { before: 0.1, after: 0.04 } });
      return;
    case 'close':
      process.exit(0);
      return;
    case 'load':
      resident.add(message.avatar.id);
      send({ type: 'done', call: message.call, result: undefined });
      return;
    case 'unload':
      resident.delete(message.avatarId);
      send({ type: 'done', call: message.call, result: undefined });
      return;
    case 'hear': {
      const { frame } = message.sound;
      const heard = { frame, speaking: true, openness: 0.5, width: 0, closure: 0, data: new Float32Array(1) };
      send({ type: 'done', call: message.call, result: heard });
      return;
    }
    case 'draw': {
      const { frame, avatarId } = message.pose;
      const waitMs = frame === settings.stallAtFrame ? settings.stallMs : settings.drawMs;
      if (waitMs) await new Promise((resolve) => setTimeout(resolve, waitMs));
      if (settings.isStrict && !resident.has(avatarId)) {
        const error = { code: 'AVATAR_NOT_LOADED', message: `${avatarId} is not here` };
        return void send({ type: 'failed', call: message.call, error });
      }
      const data = new Uint8Array(16 * 16 * 1.5).fill(settings.isStrict ? faceGreyOf(avatarId) : 200);
      const rect = { x: 8, y: 8, width: 16, height: 16 };
      const patch = { frame, avatarId, rect, format: 'i420' as const, data, size: { width: 16, height: 16 } };
      send({ type: 'done', call: message.call, result: patch });
    }
  }
}
