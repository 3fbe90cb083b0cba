import type { Paths } from '../../base/paths.ts';
import type { SettingValues } from '../../host/settings.ts';
import { loadSettings } from '../load-settings.ts';
import { paint } from './terminal.ts';

/** The settings for a command; what was wrong with some of them is told on stderr, and their defaults are used. */
export async function readSettings(paths: Paths, overrides: readonly string[]): Promise<SettingValues> {
  const { values, warnings } = await loadSettings(paths, overrides);
  for (const warning of warnings) console.error(paint('yellow', `! ${warning}`));
  return values;
}
