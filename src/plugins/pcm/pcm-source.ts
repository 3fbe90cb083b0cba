import { close, constants, createReadStream, fstat, open } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { AppError, messageOf, systemCodeOf } from '../../base/errors.ts';

const openAsync = promisify(open);
const fstatAsync = promisify(fstat);
const closeAsync = promisify(close);

/** Where raw sound comes from. */
export interface PcmSource extends Disposable {
  readonly label: string;
  readonly stream: Readable;
}

/** Standard input or whatever stands in for it. It stays open when the source is disposed: it is not ours. */
export function openStandardInput(stdin: Readable & { readonly isTTY?: boolean }): PcmSource {
  if (stdin.isTTY) {
    throw new AppError(
      'PCM_FROM_TERMINAL',
      'The input pcm:- reads sound from standard input, but that is a terminal.',
      {
        fix: 'Pipe sound into it: ffmpeg -i voice.mp3 -f s16le -ac 1 -ar 16000 - | musecam start --input pcm:-',
      },
    );
  }
  return { label: 'standard input', stream: stdin, [Symbol.dispose]: () => void stdin.pause() };
}

/**
 * A named pipe or file. A pipe nobody writes to yet is waited for while reading, not here.
 * @throws AppError PCM_NOT_FOUND, PCM_UNREADABLE.
 */
export async function openPath(path: string): Promise<PcmSource> {
  try {
    // Not blocking: opening a pipe without a writer would take one of the four threads of the pool for ever.
    const fd = await openAsync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const stream = await openStream(fd, path);
    // Whoever reads finds it in `stream.errored`; without a listener it would end the program.
    stream.on('error', () => {});
    return { label: path, stream, [Symbol.dispose]: () => void stream.destroy() };
  } catch (thrown) {
    if (thrown instanceof AppError) throw thrown;
    if (systemCodeOf(thrown) === 'ENOENT') {
      throw new AppError('PCM_NOT_FOUND', `There is no pipe or file ${path}.`, {
        fix: `mkfifo ${path}`,
        cause: thrown,
      });
    }
    throw new AppError('PCM_UNREADABLE', `${path} cannot be read: ${messageOf(thrown)}.`, {
      fix: `Check who may read it: ls -l ${path}`,
      cause: thrown,
    });
  }
}

async function openStream(fd: number, path: string): Promise<Readable> {
  const stat = await fstatAsync(fd);
  if (stat.isFIFO() || stat.isSocket()) return new Socket({ fd, readable: true, writable: false });
  if (stat.isFile()) return createReadStream(path, { fd });
  await closeAsync(fd);
  throw new AppError(
    'PCM_UNREADABLE',
    `${path} is ${stat.isDirectory() ? 'a folder' : 'a device'}, not a pipe or file.`,
    {
      fix: 'Make a pipe with mkfifo and name that, or use pcm:- for standard input.',
    },
  );
}
