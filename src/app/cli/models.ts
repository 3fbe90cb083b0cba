import { join } from 'node:path';
import { AppError } from '../../base/errors.ts';
import { findPaths } from '../../base/paths.ts';
import type { Precision } from '../../onnx/onnx-graph.ts';
import {
  findInstalled,
  findModel,
  listModels,
  type ModelState,
  measureModel,
  removeModel,
  verifyModel,
} from '../../plugins/musetalk/model-folder.ts';
import { acceptLicences } from './accept-licences.ts';
import { formatBytes, formatSeconds, InstallBars } from './install-progress.ts';
import { markOf, openProgress, paint, printJson, printTable } from './terminal.ts';

/** Flags of `musecam models install`. */
export interface InstallFlags {
  readonly from?: string;
  readonly acceptLicence?: boolean;
  readonly precision: keyof typeof PRECISIONS;
  readonly keepSources?: boolean;
  readonly json?: boolean;
}

const PRECISIONS = {
  fp16: ['float16'],
  fp32: ['float32'],
  both: ['float16', 'float32'],
} as const satisfies Record<string, readonly Precision[]>;
const SHORT = { float16: 'fp16', float32: 'fp32' } as const;

/** A model as the command line shows it. */
interface ListedModel extends ModelState {
  readonly purpose: string;
  readonly precisions: readonly string[];
  /** What lies on the disk of it, an interrupted installation's files too. */
  readonly bytesOnDisk: number;
}

/** `musecam models list` */
export async function printModels(isJson: boolean): Promise<void> {
  const models = await Promise.all((await listModels(modelsFolder())).map(describe));
  if (isJson) return printJson(models);
  printTable(
    models.map((model) => [
      markOf(model.state === 'installed' ? 'ready' : model.state === 'missing' ? 'busy' : 'broken'),
      paint('bold', model.id),
      model.title,
      stateInWords(model),
      model.state === 'installed' ? formatBytes(model.bytes) : `${formatBytes(model.bytes)} to fetch`,
      model.purpose,
    ]),
  );
  for (const { id, state, problem } of models)
    if (state === 'broken' || state === 'outdated')
      console.log(`\n${id}: ${problem ?? 'made by another version'}\n  → musecam models install ${id}`);
}

/** `musecam models install ID` */
export async function installOne(id: string, flags: InstallFlags, signal: AbortSignal): Promise<void> {
  const model = findModel(id);
  const known = await stateOf(id);
  const precisions = PRECISIONS[flags.precision];
  const isThere = precisions.every((one) => known.precisions.includes(SHORT[one])) || model.kind === 'face-parser';
  if (known.state === 'installed' && isThere && flags.from === undefined)
    return tell(known, flags.json, 'was installed already');
  // Whoever has begun an installation has accepted: going on does not ask again.
  const isLicenceAccepted = flags.acceptLicence || known.bytesOnDisk > 0 || (await acceptLicences(model, signal));
  const startMs = performance.now();
  const isLocal = flags.from !== undefined && !/^[a-z]+:\/\//i.test(flags.from);
  const { installModel } = await import('../../plugins/musetalk/install.ts');
  using bars = new InstallBars(isLocal);
  try {
    await installModel({
      ...{ id, root: modelsFolder(), from: flags.from, isLicenceAccepted, precisions, signal },
      keepSources: flags.keepSources,
      onProgress: (progress) => bars.show(progress),
    });
  } catch (thrown) {
    bars[Symbol.dispose]();
    if (signal.aborted)
      console.error(
        isLocal
          ? '\nInterrupted. Your files are as they were: the same command starts again.'
          : '\nInterrupted. What is fetched is kept: the same command goes on from there.',
      );
    throw thrown;
  }
  bars[Symbol.dispose]();
  await tell(await stateOf(id), flags.json, `was installed in ${formatSeconds((performance.now() - startMs) / 1000)}`);
}

/** `musecam models verify [ID]` */
export async function verifyModels(id: string | undefined, isJson: boolean, signal: AbortSignal): Promise<void> {
  const ids = id === undefined ? await installedIds() : [(await findThere(id)).id];
  const results: { readonly id: string; readonly ok: boolean; readonly problems: readonly string[] }[] = [];
  for (const one of ids) {
    using progress = openProgress(`Verifying ${one}`);
    const onProgress = (done: number, total: number) => progress.update(done, total);
    const problems = await verifyModel(modelsFolder(), one, onProgress, signal).catch((thrown) => {
      // One that cannot even be opened does not hide the others.
      if (thrown instanceof AppError && thrown.code === 'MODEL_BROKEN') return [thrown.message];
      throw thrown;
    });
    results.push({ id: one, ok: problems.length === 0, problems });
  }
  const ok = results.every((result) => result.ok);
  if (!ok) process.exitCode = 1;
  if (isJson) return printJson({ ok, models: results });
  if (results.length === 0) console.log('No model is installed; see: musecam models list');
  for (const result of results) {
    console.log(
      `${markOf(result.ok ? 'ready' : 'broken')} ${result.id}${result.ok ? ': every file is as it was' : ''}`,
    );
    for (const problem of result.problems) console.log(`    ${problem}`);
    if (!result.ok) console.log(`  → musecam models remove ${result.id}, then: musecam models install ${result.id}`);
  }
}

/** `musecam models remove ID` */
export async function removeOne(id: string, isJson: boolean): Promise<void> {
  const bytes = await measureModel(modelsFolder(), id);
  if (!(await removeModel(modelsFolder(), id))) throw notInstalled(findModel(id));
  if (isJson) return printJson({ id, removed: true, bytesFreed: bytes });
  console.log(`${id} is gone; ${formatBytes(bytes)} are free again.`);
}

/** `musecam models path ID` */
export async function printPath(id: string, isJson: boolean): Promise<void> {
  const model = await findThere(id);
  if (isJson) return printJson(model);
  console.log(model.folder);
}

function modelsFolder(): string {
  return join(findPaths().data, 'models');
}

async function stateOf(id: string): Promise<ListedModel> {
  const { id: known } = findModel(id);
  const states = await listModels(modelsFolder());
  return describe(states.find((state) => state.id === known)!);
}

/** @throws AppError NO_SUCH_MODEL, MODEL_MISSING. */
async function findThere(id: string): Promise<ListedModel> {
  const state = await stateOf(id);
  if (state.state === 'missing') throw notInstalled(state);
  return state;
}

async function installedIds(): Promise<readonly string[]> {
  return (await listModels(modelsFolder())).filter(({ state }) => state !== 'missing').map(({ id }) => id);
}

async function describe(state: ModelState): Promise<ListedModel> {
  const root = modelsFolder();
  const installed = state.state === 'installed' ? await findInstalled(root, [state.id]) : undefined;
  return {
    ...state,
    purpose: findModel(state.id).purpose,
    precisions: (installed?.precisions ?? []).map((precision) => SHORT[precision]),
    bytesOnDisk: await measureModel(root, state.id),
  };
}

function stateInWords({ state, precisions, bytesOnDisk }: ListedModel): string {
  if (state === 'missing')
    return bytesOnDisk > 0 ? `interrupted, ${formatBytes(bytesOnDisk)} are there` : 'not installed';
  if (state === 'outdated') return 'of another version';
  return precisions.length > 0 ? `${state} (${precisions.join(', ')})` : state;
}

function notInstalled({ id, title }: { readonly id: string; readonly title: string }): AppError {
  return new AppError('MODEL_MISSING', `${title} is not installed.`, { fix: `musecam models install ${id}` });
}

async function tell(model: ListedModel, isJson: boolean | undefined, what: string): Promise<void> {
  if (isJson) return printJson(model);
  const precisions = model.precisions.length > 0 ? `, ${model.precisions.join(' and ')}` : '';
  console.log(`${markOf('ready')} ${model.id} ${what}: ${formatBytes(model.bytes)}${precisions}, in ${model.folder}`);
}
