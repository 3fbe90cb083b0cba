import { setTimeout as sleep } from 'node:timers/promises';
import type { ObsCaller } from './connection.ts';
import { OBS_CODES, obsCodeOf } from './failures.ts';
import {
  BROWSER_KIND,
  CAMERA_KIND,
  cameraSettings,
  choosePictureSource,
  MEDIA_KIND,
  type PictureSource,
  pageSettings,
  SOURCE_MARK,
  type SourceSettings,
  streamSettings,
} from './picture-source.ts';

/** Names of what is made in OBS, unless they are taken. */
const SCENE_NAME = 'MuseCam';
/** Name of the source that shows the avatar. */
const INPUT_NAME = 'MuseCam picture';
/** Written into our scene's private settings, so that it is found when renamed. */
const MARK = SOURCE_MARK;
/** Kinds of sources that can be ours. */
const OUR_KINDS: readonly string[] = [CAMERA_KIND, MEDIA_KIND, BROWSER_KIND];
/** How each kind is called in a report. */
const VIA: Readonly<Record<string, SetupReport['via']>> = { [CAMERA_KIND]: 'camera', [BROWSER_KIND]: 'page' };

/** How long OBS may take to let go of a source, in ms; one that is still connecting is slow to leave. */
const REMOVAL_DEADLINE_MS = 2_000;

/** A source of ours in OBS. */
interface OwnInput {
  readonly name: string;
  readonly kind: string;
  readonly settings: SourceSettings;
}

/** What of ours there is in OBS. */
export interface Furniture {
  /** Undefined: none. */
  readonly scene: string | undefined;
  readonly inputs: readonly OwnInput[];
}

/** What setting up has come to. */
export interface SetupReport {
  readonly scene: string;
  readonly input: string;
  /** How the picture gets into OBS. */
  readonly via: 'camera' | 'stream' | 'page';
  /** What was made or put right, in words; empty when all was well. */
  readonly changes: readonly string[];
}

/** What taking away has come to. */
export interface RemovalReport {
  readonly removed: readonly string[];
  /** What is left and why, in words. */
  readonly kept: readonly string[];
}

/** Finds what is ours, whatever it is called by now. */
export async function findFurniture(obs: ObsCaller): Promise<Furniture> {
  const [{ scenes }, { inputs }] = await Promise.all([obs.call('GetSceneList'), obs.call('GetInputList')]);
  const candidates = inputs.filter(({ unversionedInputKind: kind }) => OUR_KINDS.includes(String(kind)));
  const looked = await Promise.all(
    candidates.map(async ({ inputName, unversionedInputKind }) => {
      const name = String(inputName);
      const { inputSettings } = await obs.call('GetInputSettings', { inputName: name });
      return { name, kind: String(unversionedInputKind), settings: inputSettings as SourceSettings };
    }),
  );
  const names = scenes.map(({ sceneName }) => String(sceneName));
  const areOurs = await Promise.all(names.map((name) => isMarkedScene(obs, name, MARK, SCENE_NAME)));
  return {
    scene: names.find((_, i) => areOurs[i]),
    inputs: looked.filter(({ settings }) => settings[MARK] === true),
  };
}

/**
 * Makes the scene and the source in it, or puts right what of them has changed; a second time changes nothing.
 * @param wantsPage through the transparent page; a source that shows it already is kept, whatever is wanted.
 * @throws AppError OBS_NO_SOURCE, OBS_NO_BROWSER; what OBS refuses.
 */
export async function setUp(obs: ObsCaller, source: PictureSource, wantsPage = false): Promise<SetupReport> {
  const changes: string[] = [];
  const before = await findFurniture(obs);
  const isPage = wantsPage || before.inputs.some((input) => input.kind === BROWSER_KIND);
  const { kind, settings } = await choosePictureSource(obs, source, isPage);
  const scene = before.scene ?? (await makeScene(obs, changes));
  const found = before.inputs.find((input) => input.kind === kind);
  for (const other of before.inputs) {
    if (other.kind === kind) continue;
    await removeInput(obs, other.name);
    changes.push(`source "${other.name}" removed: the picture comes in another way now`);
  }
  const input = found?.name ?? (await makeInput(obs, scene, kind, settings, changes));
  if (found && (await adjust(obs, found, settings))) changes.push(`source "${input}" adjusted`);
  const { sceneItems } = await obs.call('GetSceneItemList', { sceneName: scene });
  if (!sceneItems.some(({ sourceName }) => sourceName === input)) {
    const { sceneItemId } = await obs.call('CreateSceneItem', { sceneName: scene, sourceName: input });
    await fitToCanvas(obs, scene, sceneItemId);
    changes.push(`source "${input}" put back into scene "${scene}"`);
  }
  return { scene, input, via: VIA[kind] ?? 'stream', changes };
}

/**
 * What the show does by itself when it meets an OBS that was set up before: gives our source its present address. Makes
 * and removes nothing. @returns whether there is anything of ours.
 */
export async function refresh(obs: ObsCaller, source: PictureSource): Promise<boolean> {
  const { inputs } = await findFurniture(obs);
  for (const input of inputs) {
    if (input.kind === MEDIA_KIND) {
      await adjust(obs, input, streamSettings(await source.openStream()));
      await restart(obs, input);
    } else if (input.kind === BROWSER_KIND) {
      await adjust(obs, input, pageSettings(await source.openPage()));
      // A page that was opened while there was no show has never begun: it must be loaded again.
      await obs.call('PressInputPropertiesButton', { inputName: input.name, propertyName: 'refreshnocache' });
    } else if (source.cameraPath) await adjust(obs, input, cameraSettings(source.cameraPath));
  }
  return inputs.length > 0;
}

/** The stream has begun anew: our media sources read it at once. */
export async function reopenStream(obs: ObsCaller): Promise<void> {
  const { inputs } = await findFurniture(obs);
  for (const input of inputs) if (input.kind === MEDIA_KIND) await restart(obs, input);
}

/** Takes away what setting up has made, and nothing else: a scene that holds other things stays. */
export async function takeAway(obs: ObsCaller): Promise<RemovalReport> {
  const removed: string[] = [];
  const kept: string[] = [];
  const { scene, inputs } = await findFurniture(obs);
  for (const { name } of inputs) {
    await removeInput(obs, name);
    removed.push(`source "${name}"`);
  }
  if (scene === undefined) return { removed, kept };
  const own = new Set(inputs.map(({ name }) => name));
  const { sceneItems } = await obs.call('GetSceneItemList', { sceneName: scene });
  const { scenes } = await obs.call('GetSceneList');
  if (sceneItems.some(({ sourceName }) => !own.has(String(sourceName)))) {
    kept.push(`scene "${scene}", because it holds other sources, too`);
  } else if (scenes.length === 1) kept.push(`scene "${scene}", because OBS needs one`);
  else {
    await obs.call('RemoveScene', { sceneName: scene });
    removed.push(`scene "${scene}"`);
  }
  return { removed, kept };
}

/** Otherwise OBS would try again only after its own wait. */
async function restart(obs: ObsCaller, { name: inputName }: OwnInput): Promise<void> {
  const mediaAction = 'OBS_WEBSOCKET_MEDIA_INPUT_ACTION_RESTART';
  await obs.call('TriggerMediaInputAction', { inputName, mediaAction });
}

async function makeScene(obs: ObsCaller, changes: string[]): Promise<string> {
  const { scenes } = await obs.call('GetSceneList');
  if (scenes.some(({ sceneName }) => sceneName === SCENE_NAME)) return SCENE_NAME; // the person's own
  const sceneName = await freeName(obs, SCENE_NAME);
  await obs.call('CreateScene', { sceneName });
  await obs.call('SetSourcePrivateSettings', { sourceName: sceneName, sourceSettings: { [MARK]: true } });
  changes.push(`scene "${sceneName}" made`);
  return sceneName;
}

async function makeInput(
  obs: ObsCaller,
  sceneName: string,
  inputKind: string,
  settings: SourceSettings,
  changes: string[],
): Promise<string> {
  const inputName = await freeName(obs, INPUT_NAME);
  const inputSettings = { ...settings };
  const { sceneItemId } = await obs.call('CreateInput', { sceneName, inputName, inputKind, inputSettings });
  await fitToCanvas(obs, sceneName, sceneItemId);
  changes.push(`source "${inputName}" made in scene "${sceneName}"`);
  return inputName;
}

/** Removes a source; resolves when it is gone from OBS's lists, which takes a moment: until then its name is taken. */
export async function removeInput(obs: ObsCaller, inputName: string): Promise<void> {
  await obs.call('RemoveInput', { inputName });
  const untilMs = performance.now() + REMOVAL_DEADLINE_MS;
  while (performance.now() < untilMs) {
    const { inputs } = await obs.call('GetInputList');
    if (!inputs.some((input) => input.inputName === inputName)) return;
    await sleep(20);
  }
}

/** A name like this that is free. Scenes and sources share their names. */
export async function freeName(obs: ObsCaller, wanted: string): Promise<string> {
  const [{ scenes }, { inputs }] = await Promise.all([obs.call('GetSceneList'), obs.call('GetInputList')]);
  const taken = new Set([...scenes.map(({ sceneName }) => sceneName), ...inputs.map(({ inputName }) => inputName)]);
  let name = wanted;
  for (let i = 2; taken.has(name); i++) name = `${wanted} ${i}`;
  return name;
}

/** @returns whether anything had to be changed. */
async function adjust(obs: ObsCaller, { name, settings: present }: OwnInput, wanted: SourceSettings): Promise<boolean> {
  // OBS does not list settings that were never changed from their defaults: zeros and the like come back as missing.
  if (Object.entries(wanted).every(([key, value]) => present[key] === value)) return false;
  await obs.call('SetInputSettings', { inputName: name, inputSettings: { ...wanted }, overlay: true });
  return true;
}

async function fitToCanvas(obs: ObsCaller, sceneName: string, sceneItemId: number): Promise<void> {
  const { baseWidth, baseHeight } = await obs.call('GetVideoSettings');
  const sceneItemTransform = {
    positionX: 0,
    positionY: 0,
    boundsType: 'OBS_BOUNDS_SCALE_INNER',
    boundsWidth: baseWidth,
    boundsHeight: baseHeight,
  };
  await obs.call('SetSceneItemTransform', { sceneName, sceneItemId, sceneItemTransform });
}

/**
 * Whether a scene is one that was made here, whatever it is called by now.
 * @param mark in its private settings.
 * @param usualName what it is known by in an OBS that has no private settings.
 */
export async function isMarkedScene(
  obs: ObsCaller,
  sourceName: string,
  mark: string,
  usualName: string,
): Promise<boolean> {
  try {
    const { sourceSettings } = await obs.call('GetSourcePrivateSettings', { sourceName });
    return sourceSettings[mark] === true;
  } catch (thrown) {
    // Not in every OBS; and scenes may go while they are being looked at.
    if (obsCodeOf(thrown) === OBS_CODES.unknownRequest) return sourceName === usualName;
    if (obsCodeOf(thrown) === OBS_CODES.noSuchSource) return false;
    throw thrown;
  }
}
