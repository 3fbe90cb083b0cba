import open from 'open';
import type { ShowStatus } from '../../api/status.ts';
import { anySignal } from '../../base/any-signal.ts';
import { findPaths } from '../../base/paths.ts';
import { Daemon, type DaemonOptions } from '../daemon.ts';
import { openLog } from '../open-log.ts';
import { SettingsStore } from '../settings-store.ts';
import { paint, showCommands } from './terminal.ts';

/** Flags of `musecam start`. */
export interface StartFlags {
  readonly avatar?: string;
  readonly input?: string;
  readonly loop?: boolean;
  readonly output?: string[];
  readonly engine?: string;
  readonly seconds?: number;
  readonly port?: number;
  readonly size?: string;
  readonly open: boolean;
  readonly set: string[];
  readonly verbose?: boolean;
}

/** Runs the daemon until Ctrl-C, `musecam run show.stop`, or the seconds are over. */
export async function start(flags: StartFlags, signal: AbortSignal): Promise<void> {
  const paths = findPaths();
  const sets = flags.size ? [...flags.set, `show.size=${flags.size}`] : flags.set;
  const store = await SettingsStore.open(paths, sets);
  for (const warning of store.warnings) console.error(paint('yellow', `! ${warning}`));
  const log = openLog(flags.verbose ? 'debug' : 'error');
  const seconds = new AbortController();
  const options: DaemonOptions = {
    paths,
    log,
    settings: store.values,
    store,
    onChoice: (why) => console.log(`  ${showCommands(why)}`),
    ...(flags.avatar ? { avatarId: flags.avatar } : {}),
    ...(flags.input ? { input: flags.input } : {}),
    ...(flags.loop ? { loop: true } : {}),
    ...(flags.output ? { outputs: flags.output } : {}),
    ...(flags.engine ? { engine: flags.engine } : {}),
    ...(flags.port === undefined ? {} : { port: flags.port }),
  };
  console.log(paint('bold', 'MuseCam'));
  await using daemon = await Daemon.open(options, anySignal(signal, seconds.signal));
  // They count from the first picture: a slow start is no reason to end before the show began.
  if (flags.seconds !== undefined) setTimeout(() => seconds.abort(), flags.seconds * 1000).unref();
  console.log(`\n  Control page: ${paint('cyan', daemon.url)}`);
  console.log(`  ${paint('dim', showCommands('Ctrl-C stops. Swap avatars: musecam avatars next'))}\n`);
  if (flags.open && hasDesktop()) void open(daemon.url).catch(() => {});
  await daemon.finished;
  console.log(`\n  ${summarise(daemon.status())}`);
}

/** Whether opening a browser window makes sense: a desktop, a person at the terminal, and no CI. */
function hasDesktop(): boolean {
  if (process.env.CI || !process.stdout.isTTY) return false;
  return process.platform !== 'linux' || Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY);
}

function summarise({ frames, latency, uptimeSeconds }: ShowStatus): string {
  const parts = [
    `${frames.shown} frames in ${uptimeSeconds.toFixed(1)} s`,
    `${frames.fresh} fresh`,
    `${frames.repeated} repeated`,
    `${frames.dropped} dropped`,
    `latency ${latency.p50Ms.toFixed(0)} ms (p95 ${latency.p95Ms.toFixed(0)} ms)`,
  ];
  return `Stopped. ${parts.join(', ')}.`;
}
