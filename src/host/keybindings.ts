import { z } from 'zod';
import type { Keybinding } from '../api/keybinding.ts';
import type { PluginManifest } from '../api/plugin.ts';

/** What reading the user's keys gave. */
export interface ReadKeybindings {
  /** In rising order of precedence: of two for the same key that both hold, the later one counts. */
  readonly bindings: readonly Keybinding[];
  /** One sentence each: entries that were left out and why, keys that do two things. */
  readonly warnings: readonly string[];
}

const MODIFIERS = ['ctrl', 'shift', 'alt', 'meta'] as const;
const OTHER_NAMES: Readonly<Record<string, string>> = {
  ...{ control: 'ctrl', cmd: 'meta', command: 'meta', win: 'meta', super: 'meta', option: 'alt', opt: 'alt' },
  ...{ esc: 'escape', return: 'enter', del: 'delete', ' ': 'space', up: 'arrowup', down: 'arrowdown' },
  ...{ left: 'arrowleft', right: 'arrowright' },
};
/** A character, a function key, or one of the keys that have names. */
const KEY =
  /^(?:\S|f\d{1,2}|space|enter|escape|tab|backspace|delete|insert|home|end|pageup|pagedown|arrow(?:up|down|left|right)|numpad\d)$/u;
/** Names, each negated or not, joined. */
const WHEN = /^\s*!?\s*[a-zA-Z]\w*(?:\s*(?:&&|\|\|)\s*!?\s*[a-zA-Z]\w*)*\s*$/;

const entrySchema = z.object({
  key: z.string().min(1).max(60),
  /** With a minus in front: the default that has this key and command is taken away. */
  command: z.string().regex(/^-?[a-z][\w-]*(?:\.[\w-]+)+$/i, 'for example avatar.next, or -avatar.next'),
  args: z.unknown().optional(),
  when: z.string().max(200).optional(),
  global: z.boolean().optional(),
});

/** One way to write a key; undefined for what is none. Modifiers stand in a fixed order, letters are small. */
export function canonicalKey(text: string): string | undefined {
  const parts = text
    .trim()
    .toLowerCase()
    // The plus key itself is written last: ctrl++.
    .split(/\+(?=.)/)
    .map((part) => OTHER_NAMES[part.trim()] ?? part.trim());
  const key = parts.pop() ?? '';
  const isModifier = (part: string) => (MODIFIERS as readonly string[]).includes(part);
  if (!KEY.test(key) || isModifier(key) || !parts.every(isModifier)) return undefined;
  return [...MODIFIERS.filter((modifier) => parts.includes(modifier)), key].join('+');
}

/**
 * The defaults with what the user's file changes: entries come after the defaults, those with `-command` take one away.
 * @param given what the file holds
 */
export function mergeKeybindings(defaults: readonly Keybinding[], given: unknown): ReadKeybindings {
  if (!Array.isArray(given)) return { bindings: defaults, warnings: ['keybindings.json must hold a list.'] };
  let bindings: readonly Keybinding[] = defaults;
  const warnings: string[] = [];
  for (const [n, raw] of given.entries()) {
    const entry = readEntry(raw);
    if (typeof entry === 'string') warnings.push(`keybindings.json, entry ${n + 1}: ${entry}`);
    else if (!entry.command.startsWith('-')) bindings = [...bindings, entry];
    else {
      const name = entry.command.slice(1);
      const left = bindings.filter((one) => one.key !== entry.key || one.command !== name);
      if (left.length === bindings.length) {
        warnings.push(`keybindings.json, entry ${n + 1}: ${name} has no key ${entry.key} to take away.`);
      }
      bindings = left;
    }
  }
  return { bindings, warnings: [...warnings, ...conflictsIn(bindings)] };
}

/**
 * The keys that plugins bring along. They come before the program's own: no plugin takes the panic key away.
 * @param own the program's, to tell which of theirs never count.
 */
export function readPluginKeybindings(
  manifests: readonly Pick<PluginManifest, 'id' | 'contributes'>[],
  own: readonly Keybinding[],
): ReadKeybindings {
  const bindings: Keybinding[] = [];
  const warnings: string[] = [];
  const always = [...own];
  for (const { id, contributes } of manifests) {
    for (const [n, raw] of contributes.keybindings.entries()) {
      const entry = readEntry(raw);
      if (typeof entry === 'string') {
        warnings.push(`The plugin ${id}, keybindings[${n}]: ${entry}`);
        continue;
      }
      const taken = always.find(({ key, when }) => key === entry.key && when === undefined);
      if (taken) warnings.push(`The key ${entry.key} of the plugin ${id} is taken by ${taken.command}.`);
      if (!taken) bindings.push({ ...entry, source: 'default' });
      always.push(entry);
    }
  }
  return { bindings, warnings };
}

/** One entry of the file, or what is wrong with it. */
function readEntry(raw: unknown): Keybinding | string {
  const entry = entrySchema.safeParse(raw);
  if (!entry.success) return z.prettifyError(entry.error).replaceAll('\n', ' ');
  const { key: text, command, args, when, global } = entry.data;
  const key = canonicalKey(text);
  if (key === undefined)
    return `"${text}" is no key; for example "n", "ctrl+alt+1", "f5". Chords of two are not known.`;
  if (when !== undefined && !WHEN.test(when)) return `"${when}" is no condition; for example "!panic && speaking".`;
  const refusal = global ? whyNotGlobal(key, command) : undefined;
  if (refusal) return refusal;
  return {
    ...{ key, command },
    ...(args === undefined ? {} : { args }),
    ...(when ? { when } : {}),
    ...(global ? { global } : {}),
    source: 'user',
  };
}

/** A key that counts in every window must not be one that people type with, and the page's own commands need the page. */
function whyNotGlobal(key: string, command: string): string | undefined {
  if (command.startsWith('page.')) return `${command} happens on the page; it cannot be "global".`;
  const isTyped = !/(?:^|\+)f\d{1,2}$/.test(key) && !/(?:^|\+)(?:ctrl|alt|meta)\+/.test(key);
  if (!isTyped) return undefined;
  const suggestion = `ctrl+alt+${key.replace('shift+', '')}`;
  return `"${key}" is a key for typing; a "global" one needs ctrl, alt or meta, for example "${suggestion}", or is a function key.`;
}

/** Keys that the user has given two commands which both count always: only the later one ever does. */
function conflictsIn(bindings: readonly Keybinding[]): string[] {
  const mine = bindings.filter(({ source, when }) => source === 'user' && when === undefined);
  return mine.flatMap(({ key, command }, n) => {
    const later = mine.slice(n + 1).find((one) => one.key === key);
    return later ? [`The key ${key} is given to ${command} and to ${later.command}; the latter counts.`] : [];
  });
}
