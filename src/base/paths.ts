import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where this program keeps things on this machine. */
export interface Paths {
  /** settings.json, keybindings.json */
  readonly config: string;
  /** prepared avatars, models */
  readonly data: string;
  /** the running daemon's address and token */
  readonly state: string;
  /** what can be made again: unpacked avatars */
  readonly cache: string;
}

/**
 * The platform's folders (XDG on Linux, Application Support on macOS, AppData on Windows); `MUSECAM_HOME` overrides
 * all of them with one folder, for tests and portable installs.
 */
export function findPaths(environment: NodeJS.ProcessEnv = process.env, platform = process.platform): Paths {
  const home = environment.MUSECAM_HOME;
  if (home)
    return {
      config: join(home, 'config'),
      data: join(home, 'data'),
      state: join(home, 'state'),
      cache: join(home, 'cache'),
    };
  const user = homedir();
  if (platform === 'darwin') {
    const support = join(user, 'Library', 'Application Support', 'MuseCam');
    const cache = join(user, 'Library', 'Caches', 'MuseCam');
    return { config: support, data: support, state: support, cache };
  }
  if (platform === 'win32') {
    const local = join(environment.LOCALAPPDATA ?? join(user, 'AppData', 'Local'), 'MuseCam');
    return { config: local, data: local, state: local, cache: join(local, 'Cache') };
  }
  return {
    config: join(environment.XDG_CONFIG_HOME ?? join(user, '.config'), 'musecam'),
    data: join(environment.XDG_DATA_HOME ?? join(user, '.local', 'share'), 'musecam'),
    state: join(environment.XDG_STATE_HOME ?? join(user, '.local', 'state'), 'musecam'),
    cache: join(environment.XDG_CACHE_HOME ?? join(user, '.cache'), 'musecam'),
  };
}
