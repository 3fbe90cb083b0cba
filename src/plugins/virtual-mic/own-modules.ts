import { OWN_SOUND_DEVICES } from '../../api/own-devices.ts';
import { AppError } from '../../base/errors.ts';
import { pactl } from './pactl.ts';

/** Rate of our devices, in Hz: what microphones, browsers and calls use. */
export const DEVICE_RATE_HZ = 48_000;
/** The property that says which process a device belongs to. */
const OWNER = 'musecam.pid';

/** A module of the sound server that this program, in this run or another, has loaded. */
export interface OwnModule {
  readonly index: number;
  readonly role: 'sink' | 'source';
  /** Process id of the MuseCam that loaded it. */
  readonly owner: number;
}

/** Our modules in the output of `pactl list short modules`; nobody else's, whatever their names. */
export function parseOwnModules(text: string): OwnModule[] {
  return text.split('\n').flatMap((line): OwnModule[] => {
    const [index, module, args = ''] = line.split('\t');
    const owner = Number(new RegExp(`\\b${OWNER}=(\\d+)`).exec(args)?.[1]);
    const has = (name: string) => args.split(' ').includes(name);
    if (!owner) return [];
    if (module === 'module-null-sink' && has(`sink_name=${OWN_SOUND_DEVICES.sink}`)) {
      return [{ index: Number(index), role: 'sink', owner }];
    }
    if (module === 'module-remap-source' && has(`source_name=${OWN_SOUND_DEVICES.source}`)) {
      return [{ index: Number(index), role: 'source', owner }];
    }
    return [];
  });
}

/** Our modules that are loaded now. @throws AppError of `pactl`. */
export async function listOwnModules(environment: NodeJS.ProcessEnv): Promise<OwnModule[]> {
  return parseOwnModules(await pactl(environment, 'list', 'short', 'modules'));
}

/**
 * Makes our sink and the microphone that hears it, after what an earlier run left behind has been removed.
 * @throws AppError VIRTUAL_MIC_TAKEN when another MuseCam that is alive has them, or of `pactl`.
 */
export async function loadOwnModules(environment: NodeJS.ProcessEnv): Promise<void> {
  const there = await listOwnModules(environment);
  const rival = there.find(({ owner }) => owner !== process.pid && isAlive(owner));
  if (rival) {
    throw new AppError('VIRTUAL_MIC_TAKEN', `another MuseCam (process ${rival.owner}) offers the microphone already`, {
      fix: 'Stop the other one: musecam run show.stop',
    });
  }
  await unload(environment, there);
  const before = await readDefaults(environment);
  const { sink, source, title } = OWN_SOUND_DEVICES;
  const shape = [`rate=${DEVICE_RATE_HZ}`, 'channels=1', 'channel_map=mono'];
  const properties = (words: string) => `"device.description='${words}' ${OWNER}=${process.pid}"`;
  const sinkArgs = [`sink_name=${sink}`, ...shape, `sink_properties=${properties('MuseCam voice')}`];
  // With rewinding a null sink plays two seconds ahead, and begins so late. Older servers do not know the word.
  await pactl(environment, 'load-module', 'module-null-sink', 'norewinds=1', ...sinkArgs).catch(() =>
    pactl(environment, 'load-module', 'module-null-sink', ...sinkArgs),
  );
  const sourceArgs = [`master=${sink}.monitor`, `source_name=${source}`, 'channels=1', 'channel_map=mono'];
  const sourceProperties = `source_properties=${properties(title)}`;
  await pactl(environment, 'load-module', 'module-remap-source', ...sourceArgs, sourceProperties);
  await keepDefaults(environment, before);
}

/** Names of the devices that programs get who ask for none. */
interface Defaults {
  readonly sink: string | undefined;
  readonly source: string | undefined;
}

async function readDefaults(environment: NodeJS.ProcessEnv): Promise<Defaults> {
  const info = await pactl(environment, 'info');
  const field = (name: string) => new RegExp(`^Default ${name}: (.+)$`, 'm').exec(info)?.[1];
  return { sink: field('Sink'), source: field('Source') };
}

/**
 * Some servers make the newest device the default. Ours are for who chooses them: what the desktop plays does not belong
 * into a call, and our own capture would be moved to our own microphone.
 */
async function keepDefaults(environment: NodeJS.ProcessEnv, { sink, source }: Defaults): Promise<void> {
  const now = await readDefaults(environment);
  // A device that is gone, or a monitor, which was the default for want of a microphone, is not worth having back.
  const setBack = (kind: string, name: string) => pactl(environment, `set-default-${kind}`, name).catch(() => {});
  if (sink && now.sink === OWN_SOUND_DEVICES.sink) await setBack('sink', sink);
  if (source && now.source === OWN_SOUND_DEVICES.source && !source.endsWith('.monitor'))
    await setBack('source', source);
}

/** Removes the modules of this process. A server that is gone has none. */
export async function unloadOwnModules(environment: NodeJS.ProcessEnv): Promise<void> {
  const there = await listOwnModules(environment).catch(() => []);
  await unload(
    environment,
    there.filter(({ owner }) => owner === process.pid),
  );
}

/** The source first: it listens to the sink. */
async function unload(environment: NodeJS.ProcessEnv, modules: readonly OwnModule[]): Promise<void> {
  const order = (role: OwnModule['role']) => modules.filter((module) => module.role === role);
  for (const { index } of [...order('source'), ...order('sink')]) {
    await pactl(environment, 'unload-module', String(index)).catch(() => {});
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'EPERM';
  }
}
