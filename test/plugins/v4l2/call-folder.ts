import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import type { Size } from '../../../src/api/media.ts';
import { runCli } from '../../fakes/cli.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Size of the avatars and of the show: the emulated processor has little to do, and browsers take any even width. */
export const CALL_SIZE: Size = { width: 320, height: 180 };
/** Size at which what a page saw is compared with the avatar's picture. */
const LOOK_SIZE: Size = { width: 64, height: 36 };

/** What a guest needs, made on this machine, which does it a hundred times faster. Dispose to remove it. */
export interface CallFolder extends Disposable {
  /** Where the guest finds it: inside the project, which is all that both see at the same path. */
  readonly path: string;
  /** The compiled program for the guest. */
  readonly guestProgram: string;
  /** An avatar's own picture as a page would see it: RGB, 64x36. */
  picture(id: string): Promise<readonly number[]>;
}

/**
 * Compiles the program as it is shipped and the guest's own: from source, a third of the guest's time went into compiling.
 * And makes the shipped avatars small, in the home folder `home`.
 * @param avatars ids of shipped ones, and what the small ones are called.
 */
export async function makeCallFolder(avatars: Readonly<Record<string, string>>): Promise<CallFolder> {
  const parent = join(root, 'node_modules', '.cache');
  mkdirSync(parent, { recursive: true });
  const path = mkdtempSync(join(parent, 'musecam-call-'));
  const remove = () => rmSync(path, { recursive: true, force: true });
  try {
    compile(path);
    // What the program looks for beside its code.
    for (const name of ['avatars', 'package.json']) symlinkSync(join(root, name), join(path, name));
    for (const [shipped, id] of Object.entries(avatars))
      await makeSmall(bodyOf(join(root, 'avatars', shipped)), id, path);
  } catch (thrown) {
    remove();
    throw thrown;
  }
  return {
    path,
    guestProgram: join(path, 'test', 'plugins', 'v4l2', 'guest-call.js'),
    picture: async (id) => {
      const body = sharp(bodyOf(join(path, 'home', 'data', 'avatars', id))).removeAlpha();
      return [
        ...(await body
          .resize({ ...LOOK_SIZE, fit: 'fill' })
          .raw()
          .toBuffer()),
      ];
    },
    [Symbol.dispose]: remove,
  };
}

function compile(folder: string): void {
  runNode('scripts/build.mjs', '--to', join(folder, 'src'));
  const config = join(folder, 'tsconfig.json');
  const compilerOptions = { rootDir: root, outDir: folder, declaration: false };
  const include = ['test/plugins/v4l2/guest-call.ts', 'src/**/*.d.ts'].map((path) => join(root, path));
  writeFileSync(config, JSON.stringify({ extends: join(root, 'tsconfig.json'), compilerOptions, include }));
  runNode('node_modules/typescript/bin/tsc', '-p', config);
}

function runNode(script: string, ...args: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, script), ...args], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${script} failed: ${stdout}${stderr}`);
}

async function makeSmall(source: string, id: string, folder: string): Promise<void> {
  const about = [
    '--name',
    id,
    '--depicts',
    'an invented character',
    '--consent',
    'drawn for MuseCam',
    '--licence',
    'CC0',
  ];
  const look = ['--size', `${CALL_SIZE.width}x${CALL_SIZE.height}`, '--framing', 'whole'];
  const made = await runCli(['prepare', source, '--id', id, ...about, ...look], { MUSECAM_HOME: join(folder, 'home') });
  if (made.code !== 0) throw new Error(made.stderr);
}

function bodyOf(avatarFolder: string): string {
  return join(avatarFolder, 'body', '0000.webp');
}
