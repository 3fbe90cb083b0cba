import { spawnSync } from 'node:child_process';
import type { DeviceInfo, HealthReport } from '../../api/contributions.ts';
import { checkAvatar } from '../../avatar/check-avatar.ts';
import { FaceFinder } from '../../avatar/find-face.ts';
import { AppError, messageOf } from '../../base/errors.ts';
import { silentLog } from '../../base/log.ts';
import { findPaths } from '../../base/paths.ts';
import type { PluginHost, Point } from '../../host/plugin-host.ts';
import { FaceHost } from '../../live/face-host.ts';
import { chooseWay } from '../../plugins/hotkeys/choose-way.ts';
import { openPluginsWithoutShow } from '../builtin-plugins.ts';
import { engineHostEntry } from '../daemon.ts';
import { findDaemon } from '../daemon-address.ts';
import { declareInstalled, readInstalledPlugins } from '../installed-plugins.ts';
import { loadSettings } from '../load-settings.ts';
import { openLibrary } from '../open-library.ts';
import { markOf, paint, printJson, showCommands } from './terminal.ts';

/** One finding: which link of the chain it is about, and what was seen. */
export interface Finding extends HealthReport {
  readonly link: string;
}

/** `musecam doctor`: checks every link and prints the command that repairs it. Exit code 1 when one failed. */
export async function runDoctor(isJson: boolean, signal: AbortSignal): Promise<void> {
  const { values, warnings } = await loadSettings(findPaths(), []);
  await using plugins = openPluginsWithoutShow(silentLog, values, declareInstalled(findPaths(), 'process'));
  const findings: Finding[] = [
    checkNode(),
    ...warnings.map((detail): Finding => ({ link: 'Settings', state: 'degraded', detail })),
    ...(await checkContributions(plugins, 'audioInputs', 'Voice', signal)),
    await checkEngine(plugins, values),
    ...(await checkContributions(plugins, 'faceEngines', 'Face', signal)),
    ...(await checkAvatars()),
    await checkFaceFinder(),
    ...(await checkContributions(plugins, 'videoOutputs', 'Camera', signal)),
    ...(await checkContributions(plugins, 'audioOutputs', 'Sound', signal)),
    checkFfmpeg(),
    checkHotkeys(values),
    ...checkPlugins(),
    await checkRunning(),
  ];
  if (isJson) printJson(findings);
  else findings.forEach(printFinding);
  if (findings.some(({ state }) => state === 'failed')) process.exitCode = 1;
}

function printFinding({ link, state, detail, fix }: Finding): void {
  console.log(`${markOf(state)} ${paint('bold', link.padEnd(9))} ${detail ?? state}`);
  if (fix) console.log(`            ${paint('cyan', '→')} ${showCommands(fix)}`);
}

function checkNode(): Finding {
  const major = Number(process.versions.node.split('.')[0]);
  const detail = `Node ${process.versions.node}`;
  if (major >= 20) return { link: 'Node', state: 'ready', detail };
  return { link: 'Node', state: 'failed', detail, fix: 'Install Node 20 or newer: https://nodejs.org' };
}

async function checkContributions(
  plugins: PluginHost,
  point: Point,
  link: string,
  signal: AbortSignal,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { id, scheme } of plugins.contributions(point)) {
    try {
      const record = await plugins.record(point, id);
      for (const report of (await record.check?.(signal)) ?? []) findings.push({ link, ...report });
      if ('list' in record && point === 'audioInputs' && scheme === 'mic')
        findings.push(...describeMicrophones(await record.list(signal)));
    } catch (thrown) {
      findings.push(failed(link, thrown));
    }
  }
  return findings;
}

function describeMicrophones(devices: readonly DeviceInfo[]): Finding[] {
  if (devices.length > 0) {
    return devices.map(({ label, state, detail, fix, isDefault }) => ({
      link: 'Voice',
      state: state === 'ready' ? 'ready' : 'degraded',
      detail: `${label}${isDefault ? ' (default)' : ''}${detail ? `: ${detail}` : ''}`,
      ...(fix ? { fix } : {}),
    }));
  }
  const detail = 'no microphone was found: the bundled speech is used';
  return [{ link: 'Voice', state: 'degraded', detail, fix: 'Plug one in; on Linux see: pactl list short sources' }];
}

async function checkEngine(plugins: PluginHost, settings: Readonly<Record<string, unknown>>): Promise<Finding> {
  const { id, title } = plugins.findScheme('faceEngines', 'puppet');
  const startedMs = performance.now();
  await using face = new FaceHost({
    entry: engineHostEntry,
    engineId: id,
    engineTitle: title,
    settings,
    log: silentLog,
    isLive: true,
    hungAfterMs: 5000,
    openDeadlineMs: 20_000,
  });
  try {
    await face.ready;
    return {
      link: 'Face',
      state: 'ready',
      detail: `${title} opened in ${Math.round(performance.now() - startedMs)} ms`,
    };
  } catch (thrown) {
    return failed('Face', thrown);
  }
}

async function checkAvatars(): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { id, folder } of await openLibrary(findPaths()).list()) {
    const report = await checkAvatar(folder);
    if (report.ok) findings.push({ link: 'Avatar', state: 'ready', detail: `${id} is in order` });
    for (const { message, fix } of report.problems.slice(0, 1)) {
      findings.push({ link: 'Avatar', state: 'failed', detail: `${id}: ${message}`, ...(fix ? { fix } : {}) });
    }
  }
  if (findings.length > 0) return findings;
  return [
    {
      link: 'Avatar',
      state: 'failed',
      detail: 'there is no avatar',
      fix: 'Prepare one: musecam prepare PHOTO --id me',
    },
  ];
}

async function checkFaceFinder(): Promise<Finding> {
  try {
    await using _finder = await FaceFinder.open();
    return { link: 'Prepare', state: 'ready', detail: 'photos can be prepared' };
  } catch (thrown) {
    return failed('Prepare', thrown);
  }
}

function checkFfmpeg(): Finding {
  const { stdout, status } = spawnSync('ffmpeg', ['-version'], { encoding: 'utf8' });
  if (status === 0) return { link: 'Recording', state: 'ready', detail: stdout.split(' Copyright')[0] ?? 'ffmpeg' };
  return {
    link: 'Recording',
    state: 'degraded',
    detail: 'ffmpeg is not on PATH: no recording and no rendering to mp4',
    fix: 'Install it: sudo apt install ffmpeg (macOS: brew install ffmpeg, Windows: winget install ffmpeg)',
  };
}

function checkHotkeys(values: Readonly<Record<string, unknown>>): Finding {
  const link = 'Hotkeys';
  if (values['hotkeys.enabled'] === false) return { link, state: 'off', detail: 'off by the setting hotkeys.enabled' };
  const chosen = chooseWay(String(values['hotkeys.via']), process.platform, process.env);
  if (!chosen.way) return { link, state: 'off', detail: chosen.why };
  const how = { keyboard: 'heard from the keyboard', portal: 'through the desktop portal' }[chosen.way];
  return { link, state: 'ready', detail: `${how}; how they are doing in a show that runs: musecam run hotkeys.status` };
}

/** Plugins from outside, from their manifests alone. */
function checkPlugins(): Finding[] {
  const link = 'Plugin';
  try {
    return readInstalledPlugins(findPaths()).map(({ id, enabled, package: read, problem }) => {
      if (problem) return failed(link, problem);
      return { link, state: enabled ? 'ready' : 'off', detail: `${id} ${read?.version}${enabled ? '' : ', disabled'}` };
    });
  } catch (thrown) {
    return [failed(link, thrown)];
  }
}

async function checkRunning(): Promise<Finding> {
  try {
    const { url } = await findDaemon(findPaths());
    return { link: 'Daemon', state: 'ready', detail: `running at ${url}` };
  } catch {
    return { link: 'Daemon', state: 'off', detail: 'not running', fix: 'Start it: npm start' };
  }
}

function failed(link: string, thrown: unknown): Finding {
  const fix = thrown instanceof AppError ? thrown.fix : undefined;
  return { link, state: 'failed', detail: messageOf(thrown), ...(fix ? { fix } : {}) };
}
