import { build, byId } from './build-element.js';
import { callCommand } from './call-command.js';
import { holds } from './when.js';

const STORED = 'musecam.shortcuts';
/** Until the show has said which keys there are: its defaults. */
const AT_FIRST = [
  ...Array.from({ length: 9 }, (_, n) => ({
    key: String(n + 1),
    command: 'avatar.useNumber',
    args: { number: n + 1 },
  })),
  ...Object.entries({ n: 'avatar.next', p: 'avatar.previous', h: 'mouth.rest', m: 'microphone.mute', x: 'show.panic' }),
  ...Object.entries({ a: 'page.addAvatar', f: 'page.fullScreen', ',': 'page.settings', '?': 'page.shortcuts' }),
].map((one) => (Array.isArray(one) ? { key: one[0], command: one[1] } : one));
/** Names of keys whose character says nothing. */
const NAMED = { ' ': 'space' };

/**
 * The keys, as the show knows them: defaults and what the user's keybindings.json changes. They rest while a dialog is
 * open, while somebody types, and, those without modifiers, when switched off in the list of shortcuts (for people who
 * speak to their computer or whose hands tremble).
 * @param local commands of this page by id: `{ title, run }`. @param run runs a command of the show.
 * @param status gives the present status, for conditions.
 */
export function createShortcuts({ local, run, status, title }) {
  const help = byId('help');
  const isOn = byId('keys-on');
  let bindings = AT_FIRST;
  /** Keys that the show hears itself, whichever window is in front; the others of its global ones count here. */
  let everywhere = new Set();
  isOn.checked = readStored() !== 'off';
  isOn.addEventListener('change', () => store(isOn.checked ? 'on' : 'off'));
  byId('open-help').addEventListener('click', async () => {
    help.showModal();
    await learn();
  });
  // The file may have been changed in an editor meanwhile.
  window.addEventListener('focus', () => void learn());

  document.addEventListener('keydown', (event) => {
    if (isBusy(event)) return;
    const key = keyOf(event);
    const isPlain = !/^(?:ctrl|alt|meta)\+/.test(key) && !/^f\d/.test(key);
    if (isPlain && (!isOn.checked || isTyping(event))) return;
    const found = bindings.findLast((one) => one.key === key && holds(one.when, status()));
    if (!found) return;
    event.preventDefault();
    if (!(found.global && isHeardEverywhere(key))) perform(found);
  });

  /** Then the show does it, and the page must not do it a second time. */
  function isHeardEverywhere(key) {
    const link = status().links?.find(({ id }) => id === 'hotkeys.link');
    return everywhere.has(key) && (link?.state === 'ready' || link?.state === 'degraded');
  }

  function perform({ command, args }) {
    const own = local[command];
    if (own) own.run(args);
    else void run(command, args ?? {}).catch(() => {});
  }

  /** Asks the show for its keys. */
  async function learn() {
    const answer = await callCommand('keybindings.list').catch(() => undefined);
    if (!answer) return;
    const hotkeys = await callCommand('hotkeys.status').catch(() => undefined);
    const known = hotkeys?.keys ?? [];
    bindings = answer.bindings;
    everywhere = new Set(known.filter(({ refused }) => refused === undefined).map(({ key }) => key));
    byId('keys').replaceChildren(...rowsOf(bindings).map(buildRow));
    byId('keys-warnings').replaceChildren(...answer.warnings.map((warning) => build('p', {}, warning)));
    byId('keys-file').textContent = answer.file;
    byId('keys-hotkeys').textContent = describeHotkeys(hotkeys);
  }

  /** One row a command and argument; the nine avatars are one. */
  function rowsOf(all) {
    const areNine = ({ command, source }) => command === 'avatar.useNumber' && source === 'default';
    const rows = all
      .filter((one) => !areNine(one))
      .map(({ key, command, args, global }) => ({
        key: readable(key),
        words: `${local[command]?.title ?? title(command)}${args ? ` ${JSON.stringify(args)}` : ''}`,
        isEverywhere: global && isHeardEverywhere(key),
      }));
    const nine = [false, true].flatMap((isGlobal) => {
      const keys = all.filter((one) => areNine(one) && Boolean(one.global) === isGlobal).map(({ key }) => key);
      if (keys.length === 0) return [];
      const isEverywhere = isGlobal && keys.some(isHeardEverywhere);
      const rest = keys.length > 1 ? ` – ${keys.at(-1).split('+').at(-1)}` : '';
      return [{ key: readable(keys[0]) + rest, words: 'Swap to that avatar', isEverywhere }];
    });
    return [...nine, ...rows];
  }

  return {
    learn,
    /**
     * The key of a command without arguments, as people read it, the page's own before one that works in every window;
     * undefined where it has none.
     */
    keyOf: (command) => {
      const found = keysOf(command);
      const own = found.findLast(({ global }) => !global) ?? found.at(-1);
      return own && readable(own.key);
    },
    /** The key of a command without arguments that works in every window, as people read it; undefined where none does. */
    hotkeyOf: (command) => {
      const found = keysOf(command).findLast(({ key, global }) => global && isHeardEverywhere(key));
      return found && readable(found.key);
    },
  };

  function keysOf(command) {
    return bindings.filter((one) => one.command === command && one.args === undefined);
  }
}

/** How the keys that work in every window are doing, in a sentence or two. */
function describeHotkeys(hotkeys) {
  if (!hotkeys) return '';
  const { link, why } = hotkeys;
  if (!link) return why ? `No hotkeys: ${why}.` : '';
  return `Hotkeys: ${[link.detail ?? link.state, link.fix].filter(Boolean).join('. ')}`;
}

function buildRow({ key, words, isEverywhere }) {
  const mark = isEverywhere ? build('span', { class: 'soft' }, ' in every window') : undefined;
  return build('div', {}, build('dt', {}, build('kbd', {}, key)), build('dd', {}, words, mark));
}

function readable(key) {
  return key.length === 1
    ? key.toUpperCase()
    : key.replace(/(^|\+)([a-z])/g, (_, plus, letter) => plus + letter.toUpperCase());
}

/** A key event in the words of keybindings.json. */
function keyOf(event) {
  // By position as well: on some keyboards the digits need Shift.
  const digit = /^(?:Digit|Numpad)(\d)$/.exec(event.code)?.[1];
  const key = digit && !event.shiftKey ? digit : (NAMED[event.key] ?? event.key.toLowerCase());
  const isDigit = digit !== undefined && /^\d$/.test(key);
  // Shift that is needed for a character is part of the character.
  const hasShift = event.shiftKey && !isDigit && (key.length > 1 || /\p{L}/u.test(key));
  const parts = [
    [event.ctrlKey, 'ctrl'],
    [hasShift, 'shift'],
    [event.altKey, 'alt'],
    [event.metaKey, 'meta'],
  ];
  return [...parts.filter(([isHeld]) => isHeld).map(([, name]) => name), key].join('+');
}

function isBusy(event) {
  return event.isComposing || event.repeat || document.querySelector('dialog[open]');
}

/** Somebody writes: then plain keys are letters. */
function isTyping(event) {
  return event.target.closest?.('textarea, select, input:not([type="checkbox"], [type="radio"])') !== null;
}

function readStored() {
  try {
    return localStorage.getItem(STORED);
  } catch {
    return null;
  }
}

function store(value) {
  try {
    localStorage.setItem(STORED, value);
  } catch {
    // Private windows without storage: the choice lasts as long as the page.
  }
}
