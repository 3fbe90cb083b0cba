import { AppError } from '../../base/errors.ts';
import { findPaths } from '../../base/paths.ts';
import { nearest, parseSetting } from '../../host/settings.ts';
import { settingsPath } from '../load-settings.ts';
import { type SettingEntry, SettingsStore } from '../settings-store.ts';
import { markOf, paint, printJson, printTable } from './terminal.ts';

/** `musecam settings list [WORD]`: all of them, or those with a word in key or description. */
export async function listSettings(word: string | undefined, isJson: boolean): Promise<void> {
  const entries = (await openStore()).entries().filter((entry) => isAbout(entry, word));
  if (isJson) return printJson(entries);
  const mark = ({ source, value }: SettingEntry) => {
    const text = JSON.stringify(value);
    return source === 'default' ? text : paint('bold', `${text} *`);
  };
  printTable(
    entries.map((entry) => [
      entry.key,
      mark(entry),
      entry.applies === 'live' ? 'at once' : 'next start',
      entry.description,
    ]),
  );
  console.log(`\n* from ${settingsPath(findPaths())}`);
}

/** `musecam settings get KEY` */
export async function getSetting(key: string): Promise<void> {
  const store = await openStore();
  const entry = store.entries().find((one) => one.key === key);
  if (!entry) {
    throw new AppError('NO_SUCH_SETTING', `There is no setting ${key}.`, {
      fix: `The nearest is ${nearest(key, store.declared.keys())}; all of them: musecam settings list`,
    });
  }
  printJson(entry.value);
}

/** `musecam settings set KEY VALUE`; a show that runs notices it. */
export async function setSetting(key: string, text: string): Promise<void> {
  const store = await openStore();
  const [, value] = parseSetting(store.declared, `${key}=${text}`);
  tell(await store.set(key, value));
}

/** `musecam settings reset KEY` */
export async function resetSetting(key: string): Promise<void> {
  tell(await (await openStore()).reset(key));
}

/** `musecam settings path` */
export function printSettingsPath(): void {
  console.log(settingsPath(findPaths()));
}

async function openStore(): Promise<SettingsStore> {
  const store = await SettingsStore.open(findPaths(), []);
  for (const warning of store.warnings) console.error(paint('yellow', `! ${warning}`));
  return store;
}

function isAbout({ key, description }: SettingEntry, word = ''): boolean {
  return `${key} ${description}`.toLowerCase().includes(word.toLowerCase());
}

function tell({ key, value, applies }: SettingEntry): void {
  const when = applies === 'live' ? 'at once, also in a show that runs' : 'from the next start on';
  console.log(`${markOf('ready')} ${key} is ${JSON.stringify(value)}, ${when}.`);
}
