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
const SHIPPED = ['mira', 'jonas'];
/** The avatars there are: shown first, and swapped for. */
export const CALL_AVATARS: readonly string[] = SHIPPED.map(nameSmall);
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
 * Its shipped avatars are small ones.
 */
export async function makeCallFolder(): Promise<CallFolder> {
  const parent = join(root, 'node_modules', '.cache');
  mkdirSync(parent, { recursive: true });
  const path = mkdtempSync(join(parent, 'musecam-call-'));
  const remove = () => rmSync(path, { recursive: true, force: true });
  try {
    compile(path);
    symlinkSync(join(root, 'package.json'), join(path, 'package.json'));
    for (const shipped of SHIPPED) await makeSmall(shipped, path);
  } catch (thrown) {
    remove();
    throw thrown;
  }
  return {
    path,
    guestProgram: join(path, 'test', 'plugins', 'v4l2', 'guest-call.js'),
    picture: async (id) => {
      const body = sharp(bodyOf(path, id)).removeAlpha();
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

/** Prepares a shipped avatar anew from its picture. */
async function makeSmall(shipped: string, folder: string): Promise<void> {
  const id = nameSmall(shipped);
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
  const look = [
    '--size',
    `${CALL_SIZE.width}x${CALL_SIZE.height}`,
    '--framing',
    'whole',
    '--into',
    join(folder, 'avatars'),
  ];
  const made = await runCli(['prepare', bodyOf(root, shipped), '--id', id, ...about, ...look], {
    MUSECAM_HOME: join(folder, 'home'),
  });
  if (made.code !== 0) throw new Error(made.stderr);
}

function bodyOf(folder: string, id: string): string {
  return join(folder, 'avatars', id, 'body', '0000.webp');
}

function nameSmall(shipped: string): string {
  return `small-${shipped}`;
}
