import type { ObsCaller } from './connection.ts';
import { OBS_CODES, obsCodeOf } from './failures.ts';
import { freeName, isMarkedScene, removeInput } from './furniture.ts';
import { hotkeyActions } from './hotkey-actions.ts';

/** Name of the scene whose items are hotkeys, unless it is taken. */
const SCENE_NAME = 'MuseCam hotkeys';
/** Written into the scene's private settings, and with the action's id into the items' sources. */
const MARK = 'musecam_hotkey';
/** A source that costs nothing while it is hidden. OBS keeps old versions of it under names of their own. */
const COLOR_KIND = 'color_source';

/** One item of the hotkey scene. */
interface HotkeyItem {
  /** Id of the {@link hotkeyActions}. */
  readonly action: string;
  readonly itemId: number;
  readonly sourceName: string;
  readonly isShown: boolean;
}

/** The scene that stands in for the script: showing one of its items is a press. */
export interface HotkeyScene {
  readonly name: string;
  readonly items: readonly HotkeyItem[];
}

/** Finds it, whatever it is called by now; undefined where there is none. */
export async function findHotkeyScene(obs: ObsCaller): Promise<HotkeyScene | undefined> {
  const { scenes } = await obs.call('GetSceneList');
  const names = scenes.map(({ sceneName }) => String(sceneName));
  const areOurs = await Promise.all(names.map((name) => isMarkedScene(obs, name, MARK, SCENE_NAME)));
  const name = names.find((_, i) => areOurs[i]);
  if (name === undefined) return undefined;
  const { sceneItems } = await obs.call('GetSceneItemList', { sceneName: name });
  const items = await Promise.all(
    sceneItems.map(async ({ sourceName, sceneItemId, sceneItemEnabled }) => {
      const item = { sourceName: String(sourceName), itemId: Number(sceneItemId), isShown: sceneItemEnabled === true };
      return { ...item, action: await actionOf(obs, item.sourceName) };
    }),
  );
  return { name, items: items.filter((item): item is HotkeyItem => item.action !== undefined) };
}

/** Makes the scene, and what of it is missing; a second time changes nothing. @returns what was made, in words. */
export async function makeHotkeyScene(obs: ObsCaller): Promise<readonly string[]> {
  const made: string[] = [];
  const before = await findHotkeyScene(obs);
  const sceneName = before?.name ?? (await freeName(obs, SCENE_NAME));
  if (!before) {
    await obs.call('CreateScene', { sceneName });
    await obs.call('SetSourcePrivateSettings', { sourceName: sceneName, sourceSettings: { [MARK]: true } });
    made.push(`scene "${sceneName}"`);
  }
  const there = new Set(before?.items.map(({ action }) => action));
  const missing = hotkeyActions.filter(({ id }) => !there.has(id));
  if (missing.length === 0) return made;
  const inputKind = await findColorKind(obs);
  for (const { id, title } of missing) {
    const inputName = await freeName(obs, title);
    const inputSettings = { [MARK]: id, width: 8, height: 8 };
    await obs.call('CreateInput', { sceneName, inputName, inputKind, inputSettings, sceneItemEnabled: false });
    made.push(`item "${inputName}"`);
  }
  return made;
}

/** Takes the scene and its items away. @returns what was removed, in words. */
export async function removeHotkeyScene(obs: ObsCaller): Promise<readonly string[]> {
  const scene = await findHotkeyScene(obs);
  if (!scene) return [];
  const { scenes } = await obs.call('GetSceneList');
  // The scene first: OBS lets go of the sources of a scene that is not on only with the scene itself.
  const isOnly = scenes.length === 1;
  if (!isOnly) await obs.call('RemoveScene', { sceneName: scene.name });
  await Promise.all(scene.items.map(({ sourceName }) => removeIfThere(obs, sourceName)));
  if (isOnly) return [`${scene.items.length} items of scene "${scene.name}", which stays because OBS needs one`];
  return [`scene "${scene.name}" with ${scene.items.length} items`];
}

/** Sources go with the last scene that shows them. */
async function removeIfThere(obs: ObsCaller, inputName: string): Promise<void> {
  try {
    await removeInput(obs, inputName);
  } catch (thrown) {
    if (obsCodeOf(thrown) !== OBS_CODES.noSuchSource) throw thrown;
  }
}

/** Makes an item ready for the next press. */
export async function hideItem(obs: ObsCaller, sceneName: string, sceneItemId: number): Promise<void> {
  await obs.call('SetSceneItemEnabled', { sceneName, sceneItemId, sceneItemEnabled: false });
}

/** The newest version of the kind. */
async function findColorKind(obs: ObsCaller): Promise<string> {
  const { inputKinds } = await obs.call('GetInputKindList', { unversioned: false });
  return (
    inputKinds
      .filter((kind) => kind.startsWith(COLOR_KIND))
      .sort()
      .at(-1) ?? COLOR_KIND
  );
}

async function actionOf(obs: ObsCaller, inputName: string): Promise<string | undefined> {
  try {
    const { inputSettings } = await obs.call('GetInputSettings', { inputName });
    const action = inputSettings[MARK];
    return typeof action === 'string' ? action : undefined;
  } catch (thrown) {
    // Scenes and groups can be items, too, and are no inputs.
    if (obsCodeOf(thrown) === OBS_CODES.noSuchSource || obsCodeOf(thrown) === OBS_CODES.wrongSourceType)
      return undefined;
    throw thrown;
  }
}
