import { build, byId, setText } from './build-element.js';
import { callCommand } from './call-command.js';
import { buildFix } from './fix.js';
import { isFault, STATE_WORDS } from './link-state.js';

/** How often the list is asked for while it is open, in ms: plugins fail and recover by themselves. */
const LOOK_EVERY_MS = 1_500;

/**
 * All plugins: how each is doing and why, what it offers; and those from outside can be switched off and on, started anew
 * and taken out. What is refused is said beside the plugin: messages in the corner lie behind a dialog.
 */
export function createPluginsView() {
  const dialog = byId('plugins');
  const rows = new Map();
  let timer;

  byId('open-plugins').addEventListener('click', open);
  dialog.addEventListener('close', () => clearInterval(timer));

  async function open() {
    say('');
    dialog.showModal();
    clearInterval(timer);
    timer = setInterval(look, LOOK_EVERY_MS);
    await look();
  }

  async function look() {
    const answer = await callCommand('plugins.list').catch(() => undefined);
    if (!answer) return;
    const isYours = ({ folder }) => folder !== undefined;
    place(byId('plugins-yours'), answer.plugins.filter(isYours));
    place(
      byId('plugins-own'),
      answer.plugins.filter((one) => !isYours(one)),
    );
    byId('plugins-none').hidden = answer.plugins.some(isYours);
    const there = new Set(answer.plugins.map(({ id }) => id));
    for (const [id, row] of rows) if (!there.has(id)) leave(id, row);
  }

  /** Rows stay where they are, and keep the focus; only what has changed is written. */
  function place(list, plugins) {
    for (const plugin of plugins) {
      const row = rows.get(plugin.id) ?? createRow(act);
      rows.set(plugin.id, row);
      row.show(plugin);
      if (row.element.parentElement !== list) list.append(row.element);
    }
  }

  function leave(id, row) {
    const hadFocus = row.element.contains(document.activeElement);
    row.element.remove();
    rows.delete(id);
    if (hadFocus) byId('plugins-title').focus();
  }

  async function act(row, command, plugin, args = {}) {
    row.setProblem(undefined);
    row.setBusy(true);
    try {
      await callCommand(command, { id: plugin.id, ...args });
      say(DONE[command](plugin, args));
    } catch (refused) {
      row.setProblem(refused);
    }
    row.setBusy(false);
    await look();
  }

  return {
    /** @param known ids of the commands that there are. */
    learn(known) {
      byId('open-plugins').hidden = !known.has('plugins.list');
    },
  };
}

/** What is said when it is done. */
const DONE = {
  'plugins.enable': ({ title }, { on }) => `${title} is ${on ? 'enabled' : 'disabled'}.`,
  'plugins.reload': ({ title }) => `${title} was started anew.`,
  'plugins.remove': ({ title, folder }) =>
    `${title} is out; its folder stays. To have it back: musecam plugins add ${folder}`,
};

function say(text) {
  byId('plugins-said').replaceChildren(...(text.includes(': ') ? [buildFix(text)] : [text]));
}

function createRow(act) {
  const name = build('h4');
  const version = build('span', { class: 'soft' });
  const word = build('span', { class: 'state-word' });
  const more = build('div', { class: 'link-more' });
  const offers = build('ul', { class: 'plugin-offers' });
  const folder = build('p', { class: 'soft plugin-folder' });
  const problem = build('div', { class: 'setting-problem', role: 'alert' });
  const buttons = build('div', { class: 'plugin-buttons' });
  const element = build(
    'li',
    { class: 'plugin' },
    build('div', { class: 'plugin-head' }, name, version, build('span', { class: 'spread' }), word),
    more,
    offers,
    folder,
    buttons,
    problem,
  );
  let plugin;
  let shown = '';

  const button = (text, onClick, tone = undefined) => {
    const made = build('button', { type: 'button', class: tone }, text);
    made.addEventListener('click', onClick);
    return made;
  };
  const isOff = () => isDisabled(plugin);
  const toggle = button('', () => act(row, 'plugins.enable', plugin, { on: isOff() }));
  const reload = button('Start anew', () => act(row, 'plugins.reload', plugin));
  const remove = button('Remove', () => act(row, 'plugins.remove', plugin), 'danger');

  function show(now) {
    const key = JSON.stringify(now);
    if (key === shown) return;
    shown = key;
    plugin = now;
    const { id, title, version: number, state, reason, offers: things } = now;
    element.dataset.state = state;
    setText(name, title);
    setText(version, [id, number].filter(Boolean).join(' '));
    setText(word, wordFor(now));
    more.replaceChildren(...describeState(now));
    offers.replaceChildren(...things.map((thing) => build('li', {}, thing)));
    offers.setAttribute('aria-label', `What ${title} offers`);
    setText(folder, now.folder ?? '');
    if (now.folder === undefined) return;
    setText(toggle, isOff() ? 'Enable' : 'Disable');
    reload.hidden = isOff();
    for (const one of [toggle, reload, remove]) one.setAttribute('aria-label', `${one.textContent} ${title}`);
    if (!buttons.firstChild) buttons.append(toggle, reload, remove);
    if (reason === '') setProblem(undefined);
  }

  function setProblem(refused) {
    const parts = refused ? [build('p', {}, refused.message), refused.fix && buildFix(refused.fix)] : [];
    problem.replaceChildren(...parts.filter(Boolean));
  }

  const row = {
    element,
    show,
    setProblem,
    /** Not disabled: the focus would be lost. */
    setBusy: (isBusy) => element.setAttribute('aria-busy', String(isBusy)),
  };
  return row;
}

function isDisabled({ state, reason }) {
  return state === 'off' && reason === 'disabled';
}

/** One that is off says why in a word or three: "Disabled", "Not used yet". */
function wordFor({ state, reason }) {
  return state === 'off' && reason !== '' ? capitalized(reason) : STATE_WORDS[state];
}

function capitalized(text) {
  return text[0].toUpperCase() + text.slice(1);
}

/** Why a plugin is in its state, and what to do where that is a fault. */
function describeState({ id, folder, state, reason }) {
  if (state === 'off' || reason === '') return [];
  const words = build('p', {}, capitalized(reason));
  if (!isFault(state)) return [words];
  const fix = folder
    ? `Mend what it says, then start it anew here, or: musecam plugins reload ${id}`
    : 'What it said before is in the log, in the terminal where MuseCam runs.';
  return [words, buildFix(fix)];
}
