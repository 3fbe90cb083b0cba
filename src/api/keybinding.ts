/** A key and what it does, as in VS Code's keybindings.json. */
export interface Keybinding {
  /** Canonical: `ctrl+shift+p`, `n`, `1`, `space`. */
  readonly key: string;
  readonly command: string;
  readonly args?: unknown;
  /** Only while this holds: names of the status's switches with `!`, `&&`, `||`. */
  readonly when?: string;
  /** Counts whichever program is in front; without it only on the control page. */
  readonly global?: boolean;
  readonly source: 'default' | 'user';
}

/**
 * Whether a condition holds: names of the status's switches, each negated or not, joined by && and ||, the former first.
 * What the status does not know is false. The page has the same rules in its when.js; one test holds them together.
 * @param status any object; only values that are `true` count.
 */
export function holds(when: string | undefined, status: object): boolean {
  if (!when) return true;
  const isOn = (name: string) => (status as Readonly<Record<string, unknown>>)[name] === true;
  return when.split('||').some((part) =>
    part.split('&&').every((word) => {
      const name = word.trim();
      return name.startsWith('!') ? !isOn(name.slice(1).trim()) : isOn(name);
    }),
  );
}

/** What a key does at this moment: of several that hold, the last. A key has one meaning, on the page and elsewhere. */
export function findBinding(bindings: readonly Keybinding[], key: string, status: object): Keybinding | undefined {
  return bindings.findLast((one) => one.key === key && holds(one.when, status));
}

/** Keys that may do something in every window: those with a global entry that no later entry always covers. */
export function findGlobalKeys(bindings: readonly Keybinding[]): readonly string[] {
  const covered = new Set<string>();
  const found = new Set<string>();
  for (const { key, when, global } of [...bindings].reverse()) {
    if (covered.has(key)) continue;
    if (global) found.add(key);
    if (!when) covered.add(key);
  }
  return [...found].reverse();
}
