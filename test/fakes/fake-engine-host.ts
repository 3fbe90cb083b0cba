/**
 * A stand-in for the engine host's process that speaks the real protocol and can be told to misbehave through its
 * settings: `failOpen`, `exitOnOpen`, `drawMs`, `stallAtFrame` for `stallMs`, `failDraws`, `failOneDrawIn`, `refuses` an
 * avatar, `restFrom` a frame on (the body's own face is right); `FAKE_ENGINE_PROTOCOL` changes its version. Once open it says
 * `report`. Its face is a grey rectangle of brightness `grey`; with `isStrict` one whose brightness tells the avatar, and only
 * for avatars it was given.
 */
import type { EngineReport } from '../../src/api/status.ts';
import type { FromEngine, ToEngine } from '../../src/live/engine-protocol.ts';

interface Misbehaviour {
  readonly failOpen?: boolean;
  readonly exitOnOpen?: boolean;
  readonly drawMs?: number;
  readonly stallAtFrame?: number;
  readonly stallMs?: number;
  readonly isStrict?: boolean;
  readonly failDraws?: boolean;
  readonly failOneDrawIn?: number;
  readonly refuses?: string;
  readonly restFrom?: number;
  readonly report?: EngineReport;
  readonly grey?: number;
}

let settings: Misbehaviour = {};
let draws = 0;
const resident = new Set<string>();
const send = (message: FromEngine) => void process.send?.(message);

process.on('disconnect', () => process.exit(0));
/** One after another, as the real host answers. */
let queue = Promise.resolve();
process.on('message', (message) => {
  queue = queue.then(() => answer(message as ToEngine));
});
setInterval(() => send({ type: 'beat' }), 100);
send({ type: 'hello', protocol: process.env.FAKE_ENGINE_PROTOCOL ? Number(process.env.FAKE_ENGINE_PROTOCOL) : 2 });

/** Told apart from each other by the number in `flat-3`, whatever copy of the avatar it is. */
function faceGreyOf(avatarId: string): number {
  return 130 + 10 * Number(/\d/.exec(avatarId)?.[0] ?? 0);
}

async function answer(message: ToEngine): Promise<void> {
  switch (message.type) {
    case 'open':
      return open(message.settings);
    case 'close':
      return process.exit(0);
    case 'load':
      if (message.avatar.id === settings.refuses) {
        return fail(message.call, 'AVATAR_BROKEN', `${message.avatar.id} does not fit`, 'prepare it again');
      }
      resident.add(message.avatar.id);
      return send({ type: 'done', call: message.call, result: undefined });
    case 'unload':
      resident.delete(message.avatarId);
      return send({ type: 'done', call: message.call, result: undefined });
    case 'hear': {
      const { frame } = message.sound;
      const heard = { frame, speaking: true, openness: 0.5, width: 0, closure: 0, data: new Float32Array(1) };
      return send({ type: 'done', call: message.call, result: heard });
    }
    case 'draw':
      return draw(message);
  }
}

function open(given: Misbehaviour): void {
  settings = given;
  if (settings.exitOnOpen) process.exit(3);
  if (settings.failOpen) {
    const error = { code: 'MODEL_BROKEN', message: 'the model is broken', fix: 'reinstall it' };
    return send({ type: 'openFailed', error });
  }
  if (settings.report) send({ type: 'report', report: settings.report });
  send({ type: 'opened', context: { before: 0.1, after: 0.04 } });
}

async function draw({ call, pose }: Extract<ToEngine, { type: 'draw' }>): Promise<void> {
  const { frame, avatarId } = pose;
  const { drawMs, stallAtFrame, stallMs, isStrict, failDraws, failOneDrawIn = 0, restFrom = frame + 1 } = settings;
  const waitMs = frame === stallAtFrame ? stallMs : drawMs;
  if (waitMs) await new Promise((resolve) => setTimeout(resolve, waitMs));
  if (isStrict && !resident.has(avatarId)) return fail(call, 'AVATAR_NOT_LOADED', `${avatarId} is not here`);
  draws++;
  if (failDraws || (failOneDrawIn > 0 && draws % failOneDrawIn === 0)) {
    return fail(call, 'GPU_LOST', 'the device is lost');
  }
  if (frame >= restFrom) return send({ type: 'done', call, result: undefined });
  const data = new Uint8Array(16 * 16 * 1.5).fill(isStrict ? faceGreyOf(avatarId) : (settings.grey ?? 200));
  const rect = { x: 8, y: 8, width: 16, height: 16 };
  const patch = { frame, avatarId, rect, format: 'i420' as const, data, size: { width: 16, height: 16 } };
  send({ type: 'done', call, result: patch });
}

function fail(call: number, code: string, message: string, fix?: string): void {
  send({ type: 'failed', call, error: { code, message, ...(fix === undefined ? {} : { fix }) } });
}
