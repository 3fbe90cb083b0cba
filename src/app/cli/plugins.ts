import { resolve } from 'node:path';
import { AppError } from '../../base/errors.ts';
import { silentLog } from '../../base/log.ts';
import { findPaths } from '../../base/paths.ts';
import { openPluginsWithoutShow } from '../builtin-plugins.ts';
import { askDaemon } from '../daemon-address.ts';
import {
  addPlugin,
  declareInstalled,
  declarePlugin,
  enablePlugin,
  findInstalled,
  removePlugin,
} from '../installed-plugins.ts';
import { listPlugins as listAll, type PluginSummary } from '../plugin-desk.ts';
import { createPlugin } from './new-plugin.ts';
import { markOf, paint, printJson, printTable, showCommands } from './terminal.ts';

/** So many are listed by name. */
const FEW_COMMANDS = 3;

/** A command of the running daemon may have to wait until a plugin that hangs was ended, in ms. */
const ANSWER_LIMIT_MS = 30_000;

/** `musecam plugins list`: as the running show has them; without one from manifests alone, no plugin's code runs. */
export async function listPlugins(isJson: boolean): Promise<void> {
  const told = (await askShow('plugins.list', {})) as { readonly plugins: readonly PluginSummary[] } | undefined;
  const plugins = told?.plugins ?? (await listWithoutShow());
  if (isJson) return printJson(plugins);
  printTable(
    plugins.map(({ id, title, version, folder, state, reason, offers }) => {
      const mark = folder === undefined || state === 'off' ? ' ' : markOf(state);
      const note = folder === undefined || state === 'ready' || reason === '' ? '' : reason;
      return [mark, id, [title, version].filter(Boolean).join(' '), shorten(offers), note];
    }),
  );
}

/** `musecam plugins add FOLDER`: from now on, also in a show that runs. */
export async function addFromFolder(folder: string, isJson: boolean): Promise<void> {
  const path = resolve(folder);
  const summary = (await askShow('plugins.add', { path })) as PluginSummary | undefined;
  const id = summary?.id ?? checkedAdd(path);
  if (isJson) return printJson(summary ?? { id, folder: path });
  console.log(`${markOf('ready')} ${paint('bold', id)} was added from ${path}.`);
  if (summary) console.log(`  The show that runs has it: ${summary.offers.join(', ')}.`);
  console.log(
    paint('dim', '  It runs with your rights, as any program that you start. Out again: ') +
      showCommands(`musecam plugins remove ${id}`),
  );
}

/** `musecam plugins remove ID` */
export async function removeById(id: string): Promise<void> {
  if ((await askShow('plugins.remove', { id })) === undefined) removePlugin(findPaths(), id);
  console.log(`${markOf('ready')} ${id} was taken out; its folder is as it was.`);
}

/** `musecam plugins enable ID` and `disable ID` */
export async function setEnabled(id: string, on: boolean): Promise<void> {
  if ((await askShow('plugins.enable', { id, on })) === undefined) enablePlugin(findPaths(), id, on);
  console.log(`${markOf('ready')} ${id} is ${on ? 'enabled' : 'disabled'}.`);
}

/** `musecam plugins reload ID`: for those who write one. */
export async function reload(id: string): Promise<void> {
  findInstalled(findPaths(), id);
  await askDaemon(findPaths(), '/api/commands/plugins.reload', { id }, ANSWER_LIMIT_MS);
  console.log(`${markOf('ready')} ${id} was started anew.`);
}

/** `musecam plugins new ID`: a plugin that works at once, with its test. */
export async function newPlugin(id: string, directory: string | undefined): Promise<void> {
  const folder = await createPlugin(id, directory ?? process.cwd());
  console.log(`${markOf('ready')} ${paint('bold', id)} is in ${folder}\n`);
  for (const line of [`cd ${folder} && npm test`, `musecam plugins add ${folder}`, `musecam run ${id}.say`]) {
    console.log(`  ${paint('cyan', line)}`);
  }
}

/** Without a show: refused here if it takes what another plugin has, as a show would refuse it. */
function checkedAdd(path: string): string {
  const paths = findPaths();
  const read = addPlugin(paths, path);
  const { id } = read.manifest;
  const others = declareInstalled(paths, 'process').filter(({ manifest }) => manifest.id !== id);
  const host = openPluginsWithoutShow(silentLog, {}, others);
  try {
    host.add(declarePlugin(read, 'process'));
  } catch (thrown) {
    removePlugin(paths, id);
    throw thrown;
  }
  return id;
}

/** Many commands would hide all the rest. */
function shorten(offers: readonly string[]): string {
  const commands = offers.filter((offer) => offer.startsWith('command '));
  if (commands.length <= FEW_COMMANDS) return offers.join(', ');
  return [...offers.filter((offer) => !commands.includes(offer)), `${commands.length} commands`].join(', ');
}

async function listWithoutShow(): Promise<readonly PluginSummary[]> {
  const paths = findPaths();
  await using host = openPluginsWithoutShow(silentLog, {}, declareInstalled(paths, 'process'));
  return listAll(paths, host);
}

/** Undefined where no show runs. */
async function askShow(command: string, args: object): Promise<unknown> {
  try {
    return await askDaemon(findPaths(), `/api/commands/${command}`, args, ANSWER_LIMIT_MS);
  } catch (thrown) {
    if (thrown instanceof AppError && thrown.code === 'NOT_RUNNING') return undefined;
    throw thrown;
  }
}
