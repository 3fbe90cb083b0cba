import { anySignal } from '../../base/any-signal.ts';
import { CaptureChild } from './capture-child.ts';
import { captureProcessCommand } from './capture-command.ts';
import type { CaptureReply, PortAudioDevice } from './capture-protocol.ts';
import type { CaptureTiming } from './capture-timing.ts';
import { orAborted } from './or-aborted.ts';
import { ReplyLine } from './reply-line.ts';

/**
 * The inputs that PortAudio lists, asked in a child process.
 * @throws CaptureFailure when naudiodon is not there or does not answer, or the signal's reason.
 */
export async function listPortAudioDevices(
  module: string,
  environment: NodeJS.ProcessEnv,
  timing: CaptureTiming,
  signal: AbortSignal,
): Promise<readonly PortAudioDevice[]> {
  const command = captureProcessCommand({ kind: 'list', module });
  const child = new CaptureChild(command, environment, timing.endLimitMs);
  try {
    const limit = anySignal(signal, AbortSignal.timeout(timing.listLimitMs));
    const reply = await orAborted(firstReply(child), limit);
    limit.throwIfAborted();
    return reply?.kind === 'devices' ? reply.devices : [];
  } finally {
    await child[Symbol.asyncDispose]();
  }
}

function firstReply(child: CaptureChild): Promise<CaptureReply> {
  const line = new ReplyLine();
  return new Promise((resolve, reject) => {
    child.output.on('data', (bytes: Buffer) => {
      try {
        const found = line.take(bytes);
        if (found) resolve(found.reply);
      } catch (thrown) {
        reject(thrown);
      }
    });
    void child.ended.then(reject);
  });
}
