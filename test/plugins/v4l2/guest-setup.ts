import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { askYes } from '../../../src/app/cli/ask-yes.ts';
import { type CameraDoor, removeCamera, setUpCamera } from '../../../src/app/cli/camera.ts';
import { AppError } from '../../../src/base/errors.ts';
import { thisMachine } from '../../../src/plugins/v4l2/scan.ts';
import { readNodes } from '../../../src/plugins/v4l2/setup/nodes.ts';
import { thisSystem } from '../../../src/plugins/v4l2/setup/system.ts';
import { makeBarcodeFrame } from './barcode-frames.ts';
import { never, openCamera } from './guest-camera.ts';

const FILES = ['/etc/modprobe.d/musecam.conf', '/etc/modules-load.d/musecam.conf'];
const SIZE = { width: 640, height: 360 };

/**
 * Runs `musecam camera setup`, `status` and `remove` for real: files in the guest's /etc, modprobe, the kernel. The guest
 * has its module outside of /lib/modules, so it is put where a distribution would have it first (in RAM).
 */
export async function proveSetup(): Promise<unknown> {
  const folder = `/lib/modules/${release()}/updates/dkms`;
  mkdirSync(folder, { recursive: true });
  copyFileSync('/run/v4l2loopback.ko', `${folder}/v4l2loopback.ko`);
  spawnSync('depmod', ['-a']);
  spawnSync('rmmod', ['v4l2loopback']);
  spawnSync('modprobe', ['v4l2loopback', 'video_nr=3']);
  const before = await readNodes(thisMachine);
  const unasked = await runQuietly((door) => setUpCamera({}, never, door));
  const first = await runQuietly((door) => setUpCamera({ yes: true }, never, door));
  const files = FILES.map((path) => readFileSync(path, 'utf8'));
  const after = await readNodes(thisMachine);
  const again = await runQuietly((door) => setUpCamera({ yes: true }, never, door));
  const { output } = await openCamera(undefined, SIZE);
  await output.send(makeBarcodeFrame(0, SIZE));
  const written = await readNodes(thisMachine);
  const whileUsed = await runQuietly((door) => setUpCamera({ yes: true, second: true }, never, door));
  await output[Symbol.asyncDispose]();
  const second = await runQuietly((door) => setUpCamera({ yes: true, second: true }, never, door));
  const both = await readNodes(thisMachine);
  const removed = await runQuietly((door) => removeCamera({ yes: true }, never, door));
  const left = { files: FILES.filter(existsSync), nodes: await readNodes(thisMachine) };
  return { before, unasked, first, files, after, again, written, whileUsed, second, both, removed, left };
}

/** What a command prints, and the code of the error it ends with. Standard output belongs to the steps' results. */
async function runQuietly(run: (door: CameraDoor) => Promise<void>): Promise<unknown> {
  let text = '';
  const print = (line: string) => {
    text += `${line}\n`;
  };
  try {
    await run({ system: thisSystem, ask: askYes, print });
    return { text, code: 'none', message: '' };
  } catch (thrown) {
    if (!(thrown instanceof AppError)) throw thrown;
    return { text, code: thrown.code, message: thrown.message };
  }
}
