import type { CommandSummary } from '../../api/plugin.ts';
import type { LinkStatus, ShowStatus } from '../../api/status.ts';
import { AppError } from '../../base/errors.ts';
import { findPaths } from '../../base/paths.ts';
import { askDaemon } from '../daemon-address.ts';
import { describeHoldings, engineRows } from './describe-engines.ts';
import { markOf, printJson, printTable } from './terminal.ts';

/** Runs a command of the running daemon and prints its answer. */
export async function runCommand(id: string, argsText: string | undefined, isJson: boolean): Promise<void> {
  const result = await askDaemon(findPaths(), `/api/commands/${encodeURIComponent(id)}`, parseArgs(argsText));
  if (isJson || result !== undefined) printJson(result ?? null);
}

/** `musecam avatars use ID` and `next`. */
export async function swapAvatar(command: 'avatar.use' | 'avatar.next', args: object): Promise<void> {
  const result = (await askDaemon(findPaths(), `/api/commands/${command}`, args)) as { avatarId?: string };
  console.log(`Now showing ${result.avatarId}.`);
}

/** `musecam commands list` */
export async function listCommands(isJson: boolean): Promise<void> {
  const commands = (await askDaemon(findPaths(), '/api/commands')) as CommandSummary[];
  if (isJson) printJson(commands);
  else printTable(commands.map(({ id, title }) => [id, title]));
}

/** `musecam status` */
export async function printStatus(isJson: boolean): Promise<void> {
  const status = (await askDaemon(findPaths(), '/api/status')) as ShowStatus;
  if (isJson) return printJson(status);
  const { frames, latency } = status;
  console.log(`Showing ${status.avatarId} for ${Math.round(status.uptimeSeconds)} s\n`);
  const engines = engineRows(status).map(({ link, role }) => describeLink(link, role));
  const rest = [...status.outputs, ...status.links].map((link) => describeLink(link));
  printTable([describeLink(status.input), ...engines, ...rest]);
  console.log(
    `\nframes   ${frames.freshPerSecond.toFixed(1)} fresh a second, ${frames.repeated} repeated, ${frames.dropped} dropped`,
  );
  console.log(`latency  ${latency.p50Ms.toFixed(0)} ms, p95 ${latency.p95Ms.toFixed(0)} ms`);
  for (const line of describeHoldings(status.engines)) console.log(`engine   ${line}`);
  console.log(`voice    ${status.levelDb.toFixed(0)} dB, ${describeVoice(status)}`);
  if (status.panic) console.log('panic    the picture stands still; go on: musecam run show.panic');
}

function describeLink(link: LinkStatus, role = ''): string[] {
  const counts =
    'sent' in link ? `${String(link.sent)} sent, ${String((link as { dropped?: number }).dropped)} dropped` : role;
  return [markOf(link.state), link.label, link.state, counts, link.detail ?? '', link.fix ? `→ ${link.fix}` : ''];
}

function describeVoice({ muted, panic, speaking }: ShowStatus): string {
  if (panic || muted) return muted ? 'muted; heard again: musecam run microphone.mute' : 'silenced by the panic switch';
  return speaking ? 'speaking' : 'silent';
}

function parseArgs(text: string | undefined): unknown {
  if (text === undefined) return {};
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AppError('BAD_ARGUMENTS', `The arguments are not JSON: ${text}`, {
      cause,
      fix: `For example: musecam run avatar.use '{"id":"mira"}'`,
    });
  }
}
