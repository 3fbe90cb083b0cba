import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';

/** @type {import('musecam/api').Plugin} */
export default {
  activate(context) {
    context.registerVideoOutput('png-sequence.folder', {
      list: async () => [],
      /** `--output png:FOLDER` */
      async open({ target = 'musecam-pictures', width, height, framesPerSecond, log, onHealth }) {
        const folder = resolve(target);
        await mkdir(folder, { recursive: true });
        const input = [
          '-f',
          'rawvideo',
          '-pix_fmt',
          'yuv420p',
          '-s',
          `${width}x${height}`,
          '-r',
          framesPerSecond,
          '-i',
          '-',
        ];
        const ffmpeg = spawn('ffmpeg', ['-y', '-loglevel', 'error', ...input, join(folder, '%06d.png')], {
          stdio: ['pipe', 'ignore', 'pipe'],
        });
        const ended = new Promise((done) => {
          ffmpeg.once('error', () => done('ffmpeg cannot be started'));
          ffmpeg.once('close', (code) => done(code === 0 ? '' : `ffmpeg ended with exit code ${code}`));
        });
        void ended.then((detail) => detail && onHealth({ state: 'failed', detail }));
        ffmpeg.stderr.on('data', (text) => log.warn(String(text).trim()));
        ffmpeg.stdin.on('error', () => {});
        return {
          label: `PNG files in ${folder}`,
          wantsSound: false,
          /** Resolves when FFmpeg has taken the picture: the show drops pictures meanwhile rather than wait. */
          send: ({ data }) => new Promise((sent) => ffmpeg.stdin.write(data, () => sent())),
          async [Symbol.asyncDispose]() {
            ffmpeg.stdin.end();
            await ended;
          },
        };
      },
    });
  },
};
