import { buildArgumentForm } from './argument-form.js';
import { build, byId } from './build-element.js';
import { fetchCommands } from './call-command.js';
import { matchFuzzy } from './fuzzy.js';
import { describeCondition, holds } from './when.js';

const STORED = 'musecam.palette';
/** How many commands are remembered as the last ones used: they come first. */
const REMEMBERED = 6;

/**
 * The command palette: every command of the show and of this page, found by some of its letters, run by Enter. One that
 * wants to know something asks in a form made from the schema of its arguments.
 * @param run runs a command of the show. @param own the page's: `{ id, title, run }`. @param keyOf the key of a command, to be shown.
 * @param hotkeyOf its key that works in every window. @param status gives the present status: what cannot be run now says why.
 */
export function createPalette({ run, toasts, status, own, keyOf, hotkeyOf, suggest }) {
  const dialog = byId('palette');
  const input = byId('palette-input');
  const list = byId('palette-list');
  let commands = own;
  let shown = [];
  let active = 0;
  let listed = Promise.resolve();
  let whatRests = '';

  input.addEventListener('input', () => draw());
  input.addEventListener('keydown', (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
    if (step) {
      event.preventDefault();
      activate(Math.max(0, Math.min(shown.length - 1, active + step)));
    } else if (event.key === 'Enter' && !event.isComposing) {
      event.preventDefault();
      // Who types fast has not to wait for the list.
      void listed.then(() => shown[active] && choose(shown[active].command));
    }
  });
  byId('open-palette').addEventListener('click', open);
  document.addEventListener('keydown', (event) => {
    const isChord = (event.ctrlKey || event.metaKey) && event.shiftKey && event.key.toLowerCase() === 'p';
    if (!isChord && event.key !== 'F1') return;
    event.preventDefault();
    if (!document.querySelector('dialog[open]')) open();
  });

  function open() {
    showList();
    input.value = '';
    say('');
    dialog.showModal();
    draw();
    listed = fill();
  }

  /** All that there are now, found by what has been typed meanwhile. */
  async function fill() {
    commands = [...own, ...(await fetchCommands().catch(() => []))];
    draw();
  }

  function showList() {
    byId('palette-find').hidden = false;
    byId('palette-form').replaceChildren();
  }

  function draw(at = 0) {
    const recent = readRecent();
    const rankOf = ({ id }) => (recent.includes(id) ? recent.indexOf(id) : recent.length);
    shown = commands
      .map((command) => ({ command, match: matchFuzzy(input.value, nameOf(command)) ?? matchId(command) }))
      .filter(({ match }) => match)
      .sort((a, b) => b.match.score - a.match.score || rankOf(a.command) - rankOf(b.command) || compare(a, b));
    whatRests = restingOf(commands);
    list.replaceChildren(...shown.map(buildOption));
    byId('palette-none').hidden = shown.length > 0;
    activate(Math.max(0, Math.min(at, shown.length - 1)));
  }

  /** Found by its id: less than by its title, and nothing to mark. */
  function matchId({ id }) {
    const match = matchFuzzy(input.value, id);
    return match && { score: match.score / 2, at: [] };
  }

  /** Whether a command can be run now. */
  const isOff = ({ enablement }) => !holds(enablement, status());

  function restingOf(all) {
    return all
      .filter(isOff)
      .map(({ id }) => id)
      .join();
  }

  function buildOption({ command, match }, at) {
    const key = keyOf(command.id);
    const hotkey = hotkeyOf(command.id);
    const option = build(
      'div',
      { id: `palette-${at}`, role: 'option', 'aria-disabled': isOff(command) ? 'true' : undefined },
      build('span', { class: 'palette-title' }, ...mark(nameOf(command), match.at, command.category?.length)),
      build('span', { class: 'palette-id soft' }, command.id),
      key && key !== hotkey ? build('kbd', {}, key) : undefined,
      hotkey
        ? build('span', { class: 'palette-hotkey soft' }, build('kbd', {}, hotkey), ' in every window')
        : undefined,
      isOff(command) ? build('span', { class: 'palette-why' }, describeCondition(command.enablement)) : undefined,
    );
    option.addEventListener('click', () => void choose(command));
    option.addEventListener('pointermove', () => at !== active && activate(at));
    return option;
  }

  function activate(at) {
    list.children[active]?.removeAttribute('aria-selected');
    active = at;
    const option = list.children[at];
    option?.setAttribute('aria-selected', 'true');
    option?.scrollIntoView({ block: 'nearest' });
    if (option) input.setAttribute('aria-activedescendant', option.id);
    else input.removeAttribute('aria-activedescendant');
  }

  async function choose(command) {
    // It says why, and the palette stays.
    if (isOff(command)) return say(`${command.title}: ${describeCondition(command.enablement)}`);
    const form = command.args && buildArgumentForm(command, (args) => void perform(command, args), suggest);
    if (!form) return perform(command, {});
    byId('palette-find').hidden = true;
    byId('palette-form').replaceChildren(form);
    form.querySelector('input, select, button').focus();
  }

  async function perform(command, args) {
    dialog.close();
    remember(command.id);
    if (command.run) return command.run();
    const result = await run(command.id, args).catch(() => undefined);
    if (result === undefined) return;
    toasts.show({ key: `command ${command.id}`, tone: 'good', title: command.title, text: describe(result) });
  }

  return {
    /** The status is another: commands may have become possible, or not any more. */
    update() {
      if (dialog.open && restingOf(commands) !== whatRests) draw(active);
    },
  };
}

/** "Avatar: Next avatar", as lists of commands are read. */
function nameOf({ category, title }) {
  return category ? `${category}: ${title}` : title;
}

function say(text) {
  byId('palette-said').textContent = text;
}

/** The name in pieces, its matched letters marked. @param headLength letters of the category before it, which is softer. */
function mark(name, places, headLength = -1) {
  const marked = new Set(places);
  const pieces = [...name].map((letter, at) => (marked.has(at) ? build('mark', {}, letter) : letter));
  return [build('span', { class: 'soft' }, ...pieces.slice(0, headLength + 1)), ...pieces.slice(headLength + 1)];
}

function compare(a, b) {
  return nameOf(a.command).localeCompare(nameOf(b.command));
}

/** What a command answered, in a line. */
function describe(result) {
  if (result === null || typeof result !== 'object') return '';
  const parts = Object.entries(result).map(
    ([name, value]) => `${name}: ${typeof value === 'object' ? JSON.stringify(value) : value}`,
  );
  return parts.join(', ').slice(0, 300);
}

function readRecent() {
  try {
    const ids = JSON.parse(localStorage.getItem(STORED) ?? '[]');
    return Array.isArray(ids) ? ids : [];
  } catch {
    return [];
  }
}

function remember(id) {
  try {
    const ids = [id, ...readRecent().filter((one) => one !== id)].slice(0, REMEMBERED);
    localStorage.setItem(STORED, JSON.stringify(ids));
  } catch {
    // Private windows without storage: nothing is remembered.
  }
}
