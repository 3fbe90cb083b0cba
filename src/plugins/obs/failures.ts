import type { LinkState } from '../../api/status.ts';
import { AppError, messageOf } from '../../base/errors.ts';

/** Where the server's switch and password are in OBS. */
const SERVER_SETTINGS = 'Tools → WebSocket Server Settings';

/** Close codes of obs-websocket and request status codes, as its protocol names them. */
export const OBS_CODES = {
  unknownRequest: 204,
  notReady: 207,
  outputRunning: 500,
  outputNotRunning: 501,
  noSuchSource: 600,
  wrongSourceType: 602,
  notAvailable: 604,
  authenticationFailed: 4009,
  unsupportedRpcVersion: 4010,
  kicked: 4011,
} as const;

/** The numeric code of what obs-websocket-js throws; undefined for anything else. */
export function obsCodeOf(thrown: unknown): number | undefined {
  const code = (thrown as { code?: unknown } | null)?.code;
  return typeof code === 'number' ? code : undefined;
}

/** Nobody listens where OBS should. @param isServerOff OBS's own settings say that its server is off. */
export function away(url: string, isServerOff: boolean): AppError {
  return isServerOff
    ? new AppError('OBS_AWAY', "OBS's WebSocket server is switched off.", {
        fix: `In OBS: ${SERVER_SETTINGS} → Enable WebSocket server.`,
      })
    : new AppError('OBS_AWAY', `OBS is not running, or its WebSocket server is off (nobody answers at ${url}).`, {
        fix: `Start OBS, then ${SERVER_SETTINGS} → Enable WebSocket server.`,
      });
}

/** OBS said goodbye. */
export function closed(): AppError {
  return new AppError('OBS_AWAY', 'OBS was closed.', { fix: 'Start OBS again; MuseCam connects by itself.' });
}

/** OBS quit or crashed in the middle of something. */
export function wentAway(): AppError {
  return new AppError('OBS_AWAY', 'OBS went away before it answered.', { fix: 'Start OBS again.' });
}

/** @param hasPassword whether one was sent at all. */
export function wrongPassword(hasPassword: boolean): AppError {
  const what = hasPassword ? 'OBS refuses the password.' : 'OBS asks for a password.';
  return new AppError('OBS_PASSWORD', what, {
    fix: `Copy it from ${SERVER_SETTINGS} → Show Connect Info: musecam start --set obs.password=PASSWORD`,
  });
}

/** @param version what it says of itself. */
export function tooOld(version: string): AppError {
  return new AppError('OBS_TOO_OLD', `${version} is too old; MuseCam needs OBS 28 or newer.`, {
    fix: 'Update OBS: https://obsproject.com/download',
  });
}

/** Something else answers at the port. */
export function notObs(url: string, thrown: unknown): AppError {
  return new AppError('OBS_NOT_OBS', `What answers at ${url} is not OBS 28 or newer: ${messageOf(thrown)}`, {
    fix: `Compare the port in ${SERVER_SETTINGS} with the setting obs.url.`,
    cause: thrown,
  });
}

/** The port is open and silent: a stopped OBS, an obs-websocket 4, or another program. */
export function silent(url: string): AppError {
  return new AppError(
    'OBS_SILENT',
    `${url} takes the connection and says nothing: OBS hangs, or it is older than 28.`,
    {
      fix: 'Restart OBS, or update it: https://obsproject.com/download',
    },
  );
}

/** @param address what was given. */
export function notLoopback(address: string): AppError {
  return new AppError('OBS_NOT_LOOPBACK', `obs.url = ${address} is not on this machine.`, {
    fix: 'Use ws://127.0.0.1:PORT. For OBS on another machine make a tunnel: ssh -L 4455:127.0.0.1:4455 THAT-MACHINE',
  });
}

/** The plugin is switched off by its setting. */
export function switchedOff(): AppError {
  return new AppError('OBS_OFF', 'The connection to OBS is switched off.', {
    fix: 'Start MuseCam with --set obs.enabled=auto',
  });
}

/** OBS said that somebody else ended the session. */
export function kicked(): AppError {
  return new AppError('OBS_KICKED', 'OBS ended the connection: somebody pressed Kick.', {
    fix: 'Connect again: musecam obs setup',
  });
}

/** A request that OBS does not answer. */
export function noAnswer(request: string, afterMs: number): AppError {
  return new AppError('OBS_NO_ANSWER', `OBS did not answer ${request} within ${afterMs / 1000} s.`, {
    fix: 'Look whether OBS shows a message that waits for a click; otherwise restart it.',
  });
}

/** OBS's virtual camera cannot be had (604). */
export function noVirtualCamera(platform: NodeJS.Platform): AppError {
  const fixes: Partial<Record<NodeJS.Platform, string>> = {
    linux: 'sudo apt install v4l2loopback-dkms && sudo modprobe v4l2loopback exclusive_caps=1, then restart OBS.',
    darwin: 'Allow the OBS camera extension in System Settings → General → Login Items & Extensions, then restart OBS.',
    win32: 'Install OBS again with its virtual camera ticked, then restart OBS.',
  };
  const fix = fixes[platform];
  const what = 'OBS has no virtual camera on this machine (604): the driver is missing or not allowed.';
  return new AppError('OBS_NO_CAMERA', what, fix ? { fix } : {});
}

/** The virtual camera was asked to start and did not. */
export function cameraDidNotStart(): AppError {
  return new AppError('OBS_CAMERA_FAILED', "OBS's virtual camera did not start.", {
    fix: 'Another program (MuseCam itself?) may hold the only device: load v4l2loopback with devices=2, or see Help → Log Files in OBS.',
  });
}

/** OBS has no way to take the picture in. */
export function noSource(): AppError {
  return new AppError('OBS_NO_SOURCE', 'This OBS has neither Video Capture Device (V4L2) nor Media Source.', {
    fix: 'Install the plugins of OBS: sudo apt install obs-plugins',
  });
}

/** There is no scene collection that a script could be added to. @param scriptPath where the script lies. */
export function noCollection(scriptPath: string): AppError {
  return new AppError('OBS_NO_COLLECTION', 'OBS was never started here, or keeps its scenes in an unusual place.', {
    fix: `Start OBS; then Tools → Scripts → + → ${scriptPath}`,
  });
}

/** @param file of the scene collection. */
export function brokenCollection(file: string): AppError {
  return new AppError(
    'OBS_COLLECTION_BROKEN',
    `${file} is no scene collection of OBS, or is broken; it was not changed.`,
    {
      fix: 'Start OBS, which has a copy of its own, close it, and try again.',
    },
  );
}

/** The transparent page needs a browser inside OBS. */
export function noBrowserSource(): AppError {
  return new AppError('OBS_NO_BROWSER', 'This OBS has no Browser Source.', {
    fix: 'Use the Media Source, which can be transparent, too: musecam obs setup. OBS from obsproject.com or Flathub has a Browser Source.',
  });
}

/** @param scenes those there are. */
export function noSuchScene(scene: string, scenes: readonly string[]): AppError {
  return new AppError('OBS_NO_SUCH_SCENE', `OBS has no scene "${scene}".`, {
    fix: `There are: ${scenes.map((one) => `"${one}"`).join(', ')}`,
  });
}

/** Anything else OBS refuses. Passes AppErrors through. */
export function refused(request: string, thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  const code = obsCodeOf(thrown);
  return new AppError('OBS_REFUSED', `OBS refused ${request}${code ? ` (${code})` : ''}: ${messageOf(thrown)}`, {
    fix: 'See Help → Log Files in OBS.',
    cause: thrown,
  });
}

/** How bad a failure is for a show that goes on without OBS. */
export function stateFor(error: AppError, isWanted: boolean): LinkState {
  if (error.code !== 'OBS_AWAY') return 'failed';
  return isWanted ? 'degraded' : 'off';
}
