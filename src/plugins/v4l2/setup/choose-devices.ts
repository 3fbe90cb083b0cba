import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { CAMERA_LABEL } from '../failures.ts';
import { optionsElsewhere, setupFailed } from './failures.ts';
import {
  type ConfigFile,
  type ConfiguredDevice,
  devicesOf,
  isOurs,
  type ModuleConfig,
  OUR_OPTION_FILES,
  writeOptions,
} from './module-config.ts';
import type { VideoNode } from './nodes.ts';

/** The number our camera gets if it is free, and the end of those that browsers look at. */
const FIRST_NUMBER = 10;
const END_NUMBER = 64;
/** The module's own 2 are overwritten under a reader that is a single picture late. */
const MAX_BUFFERS = 4;
/** What the other camera of `--second` is called: OBS takes the first device that is free, whatever its name. */
const OTHER_LABEL = 'OBS Virtual Camera';

/** The devices there are to be, and our options file; none where somebody else's options do. */
export interface DeviceChoice {
  readonly devices: readonly ConfiguredDevice[];
  readonly file?: { readonly path: string; readonly text: string };
  readonly notes: readonly string[];
}

/**
 * Chooses numbers and labels. Options of others stay: a camera of theirs that browsers list is used as it is, and with
 * `isSecondWanted` one of ours comes after it. Chosen again, it comes out the same.
 * @param root folder that holds etc. @throws AppError V4L2_OPTIONS_ELSEWHERE, V4L2_SETUP_FAILED.
 */
export async function chooseDevices(
  config: ModuleConfig,
  nodes: readonly VideoNode[],
  isSecondWanted: boolean,
  root: string,
): Promise<DeviceChoice> {
  const ours = config.optionFiles.find((file) => file.isOurs);
  const earlier = ours ? devicesOf(ours.options) : [];
  const others = config.optionFiles.filter((file) => !file.isOurs && file.options);
  const isSecond = isSecondWanted || earlier.length > 1;
  if (others.length > 0 && !isSecond) return useTheirs(others);
  const taken = new Set(nodes.filter(isOfAnotherDriver).map(({ number }) => number));
  const before = isSecond ? devicesBefore(others, earlier, taken) : [];
  const own = earlier.find(({ label }) => label === CAMERA_LABEL) ?? findOwn(nodes);
  const devices = [...before, { number: takeNumber(own?.number, taken), label: CAMERA_LABEL, hasExclusiveCaps: true }];
  const file = { path: await chooseFile(others, root), text: writeOptions(devices, MAX_BUFFERS) };
  return { devices, file, notes: [] };
}

function useTheirs(others: readonly ConfigFile[]): DeviceChoice {
  const devices = theirDevices(others);
  const { path, options } = others.at(-1)!;
  const usable = devices.find(({ hasExclusiveCaps }) => hasExclusiveCaps);
  if (!usable) throw optionsElsewhere(path, options);
  const name = usable.label === undefined ? 'its camera' : `"${usable.label}"`;
  const notes = [
    `${path} configures v4l2loopback already (${options}). That stays, and MuseCam uses ${name}.`,
    'For a camera of its own beside that one: musecam camera setup --second',
  ];
  return { devices, notes };
}

function theirDevices(others: readonly ConfigFile[]): readonly ConfiguredDevice[] {
  return devicesOf(others.map(({ options }) => options).join(' '));
}

/** The devices before ours: those that others configured, as they are, or one for OBS. */
function devicesBefore(
  others: readonly ConfigFile[],
  earlier: readonly ConfiguredDevice[],
  taken: Set<number>,
): readonly ConfiguredDevice[] {
  const forObs = { number: earlier[0]?.number, label: OTHER_LABEL, hasExclusiveCaps: true };
  const wanted = others.length > 0 ? theirDevices(others) : [forObs];
  return wanted.map((device) => ({
    ...device,
    number: takeNumber(device.number, taken),
    label: device.label ?? OTHER_LABEL,
  }));
}

function isOfAnotherDriver({ kind }: VideoNode): boolean {
  return kind === 'hardware' || kind === 'virtual';
}

/** Our camera where somebody has loaded the module by hand: its number can stay. */
function findOwn(nodes: readonly VideoNode[]): { readonly number: number } | undefined {
  return nodes.find(({ kind, number }) => kind === 'musecam' && number < END_NUMBER);
}

/** The wanted number if it is free, else the first free one from 10 on; it is taken then. */
function takeNumber(wanted: number | undefined, taken: Set<number>): number {
  let number = wanted ?? FIRST_NUMBER;
  if (wanted === undefined || taken.has(wanted) || wanted >= END_NUMBER) {
    number = FIRST_NUMBER;
    while (taken.has(number)) number++;
    if (number >= END_NUMBER)
      throw setupFailed(`All of /dev/video${FIRST_NUMBER} to video${END_NUMBER - 1} are taken.`);
  }
  taken.add(number);
  return number;
}

/** Options of several files add up and the last one counts, so ours must be read last. Never a stranger's file. */
async function chooseFile(others: readonly ConfigFile[], root: string): Promise<string> {
  for (const name of OUR_OPTION_FILES) {
    const text = await readFile(join(root, name), 'utf8').catch(() => undefined);
    const isLast = others.every(({ path }) => basename(path) < basename(name));
    if (isLast && (text === undefined || isOurs(text))) return `/${name}`;
  }
  const names = others.map(({ path }) => path).join(', ') || OUR_OPTION_FILES.join(', ');
  throw setupFailed(`Options in ${names} would win over ours; add a device there by hand (devices=2).`);
}
