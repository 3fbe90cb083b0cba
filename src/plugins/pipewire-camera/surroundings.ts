import { access } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';

/** What the PipeWire camera lives in. Tests bring their own. */
export interface Surroundings {
  readonly platform: NodeJS.Platform;
  readonly environment: NodeJS.ProcessEnv;
  /** Pauses before the camera is made anew, in ms; the last one is repeated. */
  readonly retryDelaysMs: readonly number[];
}

/** This machine. */
export const thisMachine: Surroundings = {
  platform: process.platform,
  environment: process.env,
  retryDelaysMs: [200, 400, 800],
};

/** Where PipeWire's clients look for it; undefined where no place is named. */
export function socketPath({ environment }: Surroundings): string | undefined {
  const name = environment.PIPEWIRE_REMOTE ?? 'pipewire-0';
  if (isAbsolute(name)) return name;
  const folder = environment.PIPEWIRE_RUNTIME_DIR ?? environment.XDG_RUNTIME_DIR;
  return folder ? join(folder, name) : undefined;
}

/** Whether there is a PipeWire server. */
export async function hasServer(around: Surroundings): Promise<boolean> {
  const path = socketPath(around);
  return (
    path !== undefined &&
    (await access(path).then(
      () => true,
      () => false,
    ))
  );
}
