import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { notLoopback } from './failures.ts';
import { manifest } from './manifest.ts';

/** Where and how to connect. */
export interface ObsTarget {
  readonly url: string;
  /** Empty: none. */
  readonly password: string;
  /** OBS's own settings say that its server is off. */
  readonly isServerOff: boolean;
}

/** What OBS's own settings say about its server. */
interface ServerSettings {
  readonly isEnabled: boolean;
  readonly port: number;
  readonly password: string;
}

const DEFAULT_URL = String(manifest.contributes.configuration?.['obs.url']?.default);

/**
 * Where OBS is: the settings given here, and where they are silent those of OBS itself. Read anew at each try, so that a
 * password or port changed in OBS is noticed.
 * @throws AppError OBS_NOT_LOOPBACK.
 */
export async function findTarget(
  given: { readonly url: string; readonly password: string },
  folders: readonly string[] = obsFolders(),
): Promise<ObsTarget> {
  const url = checkLoopback(given.url);
  const own = await readServerSettings(folders);
  const isDefault = given.url === DEFAULT_URL;
  return {
    url: own && isDefault ? `ws://127.0.0.1:${own.port}` : url,
    password: given.password || own?.password || '',
    isServerOff: isDefault && own?.isEnabled === false,
  };
}

/** Scenes, microphones and the screen can be taken over through this door: it is only used on this machine. */
function checkLoopback(address: string): string {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const isHere = url !== undefined && /^(?:127(?:\.\d+){3}|localhost|\[::1\])$/.test(url.hostname);
  if (url?.protocol !== 'ws:' || !isHere || url.username !== '' || url.password !== '') throw notLoopback(address);
  return address;
}

/** Folders in which OBS may keep its settings, the likeliest first. */
export function obsFolders(environment: NodeJS.ProcessEnv = process.env, platform = process.platform): string[] {
  const home = environment.HOME ?? homedir();
  if (platform === 'win32') return environment.APPDATA ? [join(environment.APPDATA, 'obs-studio')] : [];
  if (platform === 'darwin') return [join(home, 'Library', 'Application Support', 'obs-studio')];
  return [
    join(environment.XDG_CONFIG_HOME ?? join(home, '.config'), 'obs-studio'),
    join(home, '.var', 'app', 'com.obsproject.Studio', 'config', 'obs-studio'),
  ];
}

async function readServerSettings(folders: readonly string[]): Promise<ServerSettings | undefined> {
  for (const folder of folders) {
    // OBS 30.2 and newer; what an update leaves behind in global.ini is not looked at any more.
    const json = await readText(join(folder, 'plugin_config', 'obs-websocket', 'config.json'));
    const found = json === undefined ? fromIni(await readText(join(folder, 'global.ini'))) : fromJson(json);
    if (found) return found;
  }
  return undefined;
}

function fromJson(text: string): ServerSettings | undefined {
  try {
    const value = JSON.parse(text) as Record<string, unknown>;
    return settingsOf(value.server_enabled !== false, value.server_port, value.auth_required, value.server_password);
  } catch {
    return undefined; // being written at this very moment
  }
}

function fromIni(text: string | undefined): ServerSettings | undefined {
  const section = /^\[OBSWebSocket\]\r?\n((?:(?!\[).*(?:\r?\n|$))*)/m.exec(text ?? '')?.[1];
  if (section === undefined) return undefined;
  const value = (key: string) => new RegExp(`^${key}=(.*?)\\r?$`, 'm').exec(section)?.[1];
  const isRequired = value('AuthRequired') !== 'false';
  return settingsOf(
    value('ServerEnabled') === 'true',
    Number(value('ServerPort')),
    isRequired,
    value('ServerPassword'),
  );
}

function settingsOf(isEnabled: boolean, port: unknown, isRequired: unknown, password: unknown): ServerSettings {
  const isPort = typeof port === 'number' && Number.isInteger(port) && port > 0 && port < 65_536;
  return {
    isEnabled,
    port: isPort ? port : 4455,
    password: isRequired !== false && typeof password === 'string' ? password : '',
  };
}

async function readText(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}
