// The README's two commands begin here: `npm start` and `npm test` on a fresh clone. Zero dependencies.
// Installs what is missing or stale, builds what is missing or stale, says what could not be had and what that costs,
// then hands over.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [job = 'start', ...flags] = process.argv.slice(2);
const jobs = { start: runStart, test: runTests, bench: runBench, setup: () => 0 };

checkNode();
await install();
await build();
if (job === 'start') tellWhatIsMissing();
process.exitCode = await (jobs[job] ?? fail(`there is no job "${job}"; use one of ${Object.keys(jobs).join(', ')}`))();

function checkNode() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < 20) fail(`MuseCam needs Node 20 or newer; this is ${process.version}. Get it from https://nodejs.org`);
}

/** Runs `npm ci` unless node_modules was installed from exactly this package-lock.json. */
async function install() {
  const lock = hashOf([join(root, 'package-lock.json')]);
  const stamp = join(root, 'node_modules', '.musecam-lock');
  if (read(stamp) === lock) return;
  await runQuietly('Installing packages (once, a minute or two)', npm(), [
    'ci',
    ...['--no-audit', '--no-fund', '--loglevel=error'],
  ]);
  writeFileSync(stamp, lock);
}

/** Builds dist/ unless it was built from exactly these sources. */
async function build() {
  const sources = [
    ...filesUnder(join(root, 'src')),
    join(root, 'package-lock.json'),
    join(root, 'tsconfig.build.json'),
  ];
  const now = hashOf(sources.filter((path) => !path.endsWith('.wasm')));
  const stamp = join(root, 'dist', '.musecam-built');
  if (read(stamp) === now && existsSync(join(root, 'src', 'media', 'kernel.wasm'))) return;
  await runQuietly('Building', process.execPath, [join(root, 'scripts', 'build.mjs')]);
  writeFileSync(stamp, now);
}

/** Optional parts that are not there, in plain words. */
function tellWhatIsMissing() {
  const require = createRequire(join(root, 'package.json'));
  if (!canLoad(require, 'naudiodon')) {
    const way =
      process.platform === 'linux'
        ? 'parec, pw-record or arecord are used where they are installed'
        : 'no microphone without it';
    say(
      `  PortAudio (naudiodon) could not be built here: ${way}. It needs a C++ toolchain; then: npm rebuild naudiodon`,
    );
  }
  if (spawnSync('ffmpeg', ['-version']).status !== 0) {
    say('  ffmpeg is not on PATH: no recording, no `musecam render`, no avatars of clips. Everything else works.');
  }
}

async function runStart() {
  return runToEnd(process.execPath, [join(root, 'dist', 'app', 'cli.js'), 'start', ...flags]);
}

async function runTests() {
  return runToEnd(process.execPath, [join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run', ...flags]);
}

async function runBench() {
  return runToEnd(process.execPath, ['--import', 'tsx', join(root, 'test', 'bench', 'run.ts'), ...flags]);
}

/** Runs a program on our terminal; signals reach it through the process group, and its exit code becomes ours. */
function runToEnd(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: job === 'start' ? process.cwd() : root, stdio: 'inherit' });
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
    child.on('error', (error) => fail(`${command} could not be started: ${error.message}`));
    child.on('exit', (code, signal) => resolve(code ?? (signal ? 1 : 0)));
  });
}

/** Runs a step with a line that shows it is alive; its output is kept for the case that it fails. */
function runQuietly(title, command, args) {
  return new Promise((resolve) => {
    const startedMs = Date.now();
    const output = [];
    const child = spawn(command, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: process.platform === 'win32',
    });
    child.stdout.on('data', (text) => output.push(text));
    child.stderr.on('data', (text) => output.push(text));
    const timer = process.stderr.isTTY ? setInterval(() => redraw(title, startedMs), 120) : undefined;
    if (!timer) say(`${title} …`);
    child.on('error', (error) => fail(`${title}: ${command} could not be started: ${error.message}`));
    child.on('exit', (code) => {
      clearInterval(timer);
      if (timer) process.stderr.write('\r\x1b[K');
      if (code !== 0) failWithLog(title, code, Buffer.concat(output).toString());
      say(`${title}: done in ${Math.round((Date.now() - startedMs) / 1000)} s`);
      resolve();
    });
  });
}

function redraw(title, startedMs) {
  const seconds = Math.round((Date.now() - startedMs) / 1000);
  const wheel = '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏';
  process.stderr.write(`\r\x1b[K${wheel[Math.floor(Date.now() / 120) % wheel.length]} ${title} … ${seconds} s`);
}

function failWithLog(title, code, text) {
  const log = join(mkdtempSync(join(tmpdir(), 'musecam-')), 'log.txt');
  writeFileSync(log, text);
  const tail = text.trimEnd().split('\n').slice(-12).join('\n');
  fail(`${title} failed (exit code ${code}). The whole output is in ${log}; it ends with:\n${tail}`);
}

function npm() {
  return process.platform === 'win32' ? 'npm.cmd' : 'npm';
}

function canLoad(require, name) {
  try {
    return existsSync(require.resolve(`${name}/package.json`));
  } catch {
    return false;
  }
}

function filesUnder(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

function hashOf(paths) {
  const hash = createHash('sha256');
  for (const path of paths) hash.update(path.slice(root.length)).update(readFileSync(path));
  return hash.digest('hex');
}

function read(path) {
  return existsSync(path) && statSync(path).isFile() ? readFileSync(path, 'utf8') : undefined;
}

function say(text) {
  process.stderr.write(`${text}\n`);
}

function fail(message) {
  say(`✖ ${message}`);
  process.exit(1);
}
