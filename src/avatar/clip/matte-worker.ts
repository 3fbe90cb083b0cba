import { parentPort, type TransferListItem } from 'node:worker_threads';
import { PersonMatte } from '../matte/person-matte.ts';
import type { MatteAnswer, MatteQuestion } from './matte-thread.ts';

/** Cuts people out in a thread of its own: started by matte-thread.ts, answers its questions one after the other. */
const port = parentPort!;
const opening = PersonMatte.open();
// The first question hears why it could not be opened.
let turn: Promise<unknown> = opening.catch(() => {});
let isClosing = false;

port.on('message', (question: MatteQuestion | 'close') => {
  if (question === 'close') {
    isClosing = true;
    turn = turn.then(close);
  } else turn = turn.then(() => (isClosing ? undefined : answer(question)));
});

async function answer({ picture, points, isNewShot }: MatteQuestion): Promise<void> {
  try {
    const matte = await (await opening).cut(picture, points, isNewShot);
    // A copy: the next cut may go over the same memory.
    const sent = matte?.slice();
    const moved: TransferListItem[] = sent ? [sent.buffer as ArrayBuffer] : [];
    port.postMessage({ matte: sent } satisfies MatteAnswer, moved);
  } catch (thrown) {
    // Errors lose their class on the way; what an AppError carries goes as plain data.
    const { code, message, fix } = thrown as { code?: string; message?: string; fix?: string };
    port.postMessage({ failure: { code, message: message ?? String(thrown), fix } } satisfies MatteAnswer);
  }
}

async function close(): Promise<void> {
  await opening.then(
    (matte) => matte[Symbol.asyncDispose](),
    () => {},
  );
  port.close();
}
