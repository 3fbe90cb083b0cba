// Builds dist/ from src/: the paste kernel (AssemblyScript to WebAssembly), TypeScript, and the data files beside the code.
// --kernel: only the kernel; --to FOLDER: into that folder, with the kernel that is there.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, extname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const isKernelOnly = process.argv.includes('--kernel');
const [, elsewhere] = process.argv.slice(process.argv.indexOf('--to'));
const isElsewhere = process.argv.includes('--to') && elsewhere !== undefined;
const dist = isElsewhere ? resolve(elsewhere) : join(root, 'dist');

if (!isElsewhere) buildKernel();
if (!isKernelOnly) {
  rmSync(dist, { recursive: true, force: true });
  run('typescript/bin/tsc', ['-p', 'tsconfig.build.json', '--outDir', dist]);
  copyData(join(root, 'src'));
}

function buildKernel() {
  run('assemblyscript/bin/asc.js', [
    'src/media/kernel/index.ts',
    ...['--outFile', 'src/media/kernel.wasm', '-O3', '--enable', 'simd', '--runtime', 'stub', '--noAssert'],
    ...['--initialMemory', '16'],
  ]);
}

/** Data that code finds beside itself (weights, models, pages, wasm) goes where the compiled code will look for it. */
function copyData(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const from = join(folder, entry.name);
    if (entry.isDirectory()) copyData(from);
    else if (extname(entry.name) !== '.ts') {
      const to = join(dist, relative(join(root, 'src'), from));
      mkdirSync(dirname(to), { recursive: true });
      copyFileSync(from, to);
    }
  }
}

function run(script, args) {
  const path = join(root, 'node_modules', script);
  if (!existsSync(path)) fail(`${script} is not installed; run: npm ci`);
  const { status } = spawnSync(process.execPath, [path, ...args], { cwd: root, stdio: 'inherit' });
  if (status !== 0) fail(`${script} failed with exit code ${status}`);
}

function fail(message) {
  console.error(`build: ${message}`);
  process.exit(1);
}
