import { z } from 'zod';
import { messageOf } from '../base/errors.ts';
import type { CommandTable } from '../host/commands.ts';
import type { SettingChange, SettingsStore } from './settings-store.ts';

/** Settings that show at once, with the command that makes them so. */
const LIVE: Readonly<Record<string, (value: unknown) => readonly [string, object]>> = {
  'show.background': (background) => ['background.set', { background }],
  'show.labelText': (text) => ['label.set', { text }],
};

/** Registers how settings are looked at and changed while a show runs. */
export function registerSettingsCommands(commands: CommandTable, store: SettingsStore): void {
  const key = z.string().max(200).describe('key of the setting, for example show.background');
  commands.register({
    id: 'settings.list',
    title: 'All settings with their values',
    args: z.object({}).loose(),
    run: async () => ({ settings: store.entries(), warnings: store.warnings }),
  });
  commands.register({
    id: 'settings.set',
    title: 'Change a setting',
    args: z.object({ key, value: z.unknown().describe('the new value') }),
    run: async ({ key: name, value }) => store.set(name, value),
  });
  commands.register({
    id: 'settings.reset',
    title: 'Set a setting back to its default',
    args: z.object({ key }),
    run: async ({ key: name }) => store.reset(name),
  });
}

/**
 * Applies what changes while the show runs, and says what has to wait for the next start.
 * @param note told in words. @returns dispose to stop.
 */
export function followSettings(
  store: SettingsStore,
  commands: CommandTable,
  note: (words: string) => void,
): Disposable {
  const apply = async ({ key, value, applies }: SettingChange) => {
    if (applies !== 'live') return note(`Settings: ${key} is changed; it counts from the next start.`);
    const live = LIVE[key]?.(value);
    // A plugin's own: it has been told.
    if (!live) return note(`Settings: ${key} is changed.`);
    await commands.run(...live).then(
      () => note(`Settings: ${key} is changed.`),
      (thrown) => note(`Settings: ${key} could not be changed: ${messageOf(thrown)}`),
    );
  };
  const changed = store.onDidChange((changes) => {
    for (const change of changes) void apply(change);
  });
  const warned = store.onDidWarn((warnings) => {
    for (const warning of warnings)
      note(`Settings: ${warning.replace('using the defaults', 'the last good values stay')}`);
  });
  return {
    [Symbol.dispose]() {
      changed[Symbol.dispose]();
      warned[Symbol.dispose]();
    },
  };
}
