import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, type TestContext } from 'vitest';
import { hasPackage, hasProgram, need } from '../../fakes/need.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const rig = fileURLToPath(new URL('../../../scripts/v4l2-vm.sh', import.meta.url));

/** One guest takes 40 to 130 s here; longer where somebody asked for more frames or a longer stall. */
const RUN_LIMIT_S = Number(process.env.MUSECAM_V4L2_LIMIT_S ?? 360);
/** What a person may set for a longer run; the guest gets nothing else of this process's environment. */
const PASSED_ON = ['MUSECAM_V4L2_FRAMES', 'MUSECAM_V4L2_STALL_S'] as const;
/** A steady guest takes 5 min of one core, as long as it takes to get them. */
const STEADY_LIMIT_S = 1500;
/** A test file may have to wait for the guests of others, and the first run builds a kernel module. */
export const HOOK_LIMIT_MS = (2 * RUN_LIMIT_S + 2 * STEADY_LIMIT_S + 180) * 1000;

/** What a shell says of a program that ended by SIGSEGV. */
const SEGMENTATION_FAULT = 139;

/** How a guest is started. */
export interface GuestOptions {
  /** More kernel modules, comma-separated. */
  readonly modules?: string;
  /** Parameters of v4l2loopback. */
  readonly modopts: string;
  /** Memory of the guest, in MiB; default 2048. */
  readonly memoryMib?: number;
  /** A guest whose clock goes by its instructions: slow, but equally fast on a busy machine. */
  readonly isSteady?: boolean;
  /** Variables of the program's environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Gives the result of a step; skips the test where there is no guest. */
export type ResultOf = <T>(context: TestContext, name: string) => T;

/** Runs a program of this folder (or the path of a compiled one) in a guest, if this machine can have one, and collects what its steps say. */
export async function runGuest(program: string, options: GuestOptions): Promise<ResultOf> {
  const missing = findMissing();
  const results = missing === undefined ? await collectGuest(program, options) : new Map<string, unknown>();
  return <T>(context: TestContext, name: string) => {
    need(context, missing === undefined, `a v4l2loopback virtual machine: ${missing}`);
    const result = results.get(name);
    expect(result, `the step ${name} ran`).toBeDefined();
    expect(result).not.toHaveProperty('thrown');
    return result as T;
  };
}

/** Runs a program of this folder in a guest; what its steps say, by name. */
export async function collectGuest(program: string, guest: GuestOptions): Promise<ReadonlyMap<string, unknown>> {
  let run = await runOnce(program, guest);
  // On the emulated processor Node itself crashes now and then (2 of 7 runs once); that says nothing about the camera.
  for (let tries = 1; run.code === SEGMENTATION_FAULT && tries < 3; tries++) run = await runOnce(program, guest);
  if (run.code !== 0) throw new Error(`v4l2-vm.sh ended with ${run.code}:\n${run.complaints}\n${run.output}`);
  const lines = run.output.trim().split('\n');
  return new Map(
    lines.map((line) => {
      const { name, result } = JSON.parse(line) as { name: string; result: unknown };
      return [name, result];
    }),
  );
}

async function runOnce(
  program: string,
  { modules, modopts, memoryMib, isSteady, env = {} }: GuestOptions,
): Promise<{ readonly code: unknown; readonly output: string; readonly complaints: string }> {
  const limitSeconds = isSteady ? STEADY_LIMIT_S : RUN_LIMIT_S;
  const options = ['--timeout', String(limitSeconds), '--modopts', modopts];
  if (modules) options.push('--modules', modules);
  if (memoryMib) options.push('--memory', String(memoryMib));
  if (isSteady) options.push('--steady');
  const settings = PASSED_ON.flatMap((name) => (process.env[name] ? [`${name}=${process.env[name]}`] : []));
  settings.push(...Object.entries(env).map(([name, value]) => `${name}=${value}`));
  const file = program.endsWith('.ts') ? ['--import', 'tsx', `test/plugins/v4l2/${program}`] : [program];
  const command = ['env', ...settings, process.execPath, ...file];
  const run = spawn(rig, [...options, '--', ...command], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let complaints = '';
  run.stdout.on('data', (text) => (output += text));
  run.stderr.on('data', (text) => (complaints += text));
  const code = await new Promise((resolve) => run.once('close', resolve));
  return { code, output, complaints };
}

/** Why this machine can have no guest; undefined where it can. */
export function findMissing(): string | undefined {
  if (process.platform !== 'linux') return 'it needs Linux';
  const check = spawnSync('bash', [rig, '--check'], { encoding: 'utf8' });
  if (check.status !== 0) return check.stdout.trim();
  if (!hasProgram('ffmpeg')) return 'ffmpeg, as another program that writes';
  if (!hasPackage('koffi')) return 'the package koffi';
  return undefined;
}
