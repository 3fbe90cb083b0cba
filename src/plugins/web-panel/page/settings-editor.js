import { build, byId, setText } from './build-element.js';
import { callCommand } from './call-command.js';

/** What the marks say. */
const WHEN = { live: 'at once', restart: 'from the next start' };

/**
 * The settings, all of them, made from their declarations: found by words, changed in place, checked by the daemon, kept in
 * the user's file. What is not its default has a coloured edge and a way back.
 */
export function createSettingsEditor() {
  const dialog = byId('settings');
  const find = byId('settings-find');
  const list = byId('settings-list');
  let rows = [];

  byId('open-settings').addEventListener('click', open);
  find.addEventListener('input', filter);

  async function open() {
    find.value = '';
    dialog.showModal();
    const { settings, warnings } = await callCommand('settings.list').catch(() => ({ settings: [], warnings: [] }));
    rows = settings.map(buildRow);
    const groups = Map.groupBy ? Map.groupBy(rows, groupOf) : groupBy(rows, groupOf);
    const sections = [...groups].map(([name, some]) => {
      const section = build(
        'section',
        { 'aria-label': name },
        build('h3', {}, name),
        ...some.map(({ element }) => element),
      );
      return section;
    });
    const notes = warnings.map((warning) => build('p', { class: 'setting-problem' }, warning));
    list.replaceChildren(...notes, ...sections);
    filter();
  }

  function filter() {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const { element, text } of rows) element.hidden = !words.every((word) => text.includes(word));
    for (const section of list.querySelectorAll('section')) {
      section.hidden = !section.querySelector('.setting:not([hidden])');
    }
    byId('settings-none').hidden = rows.some(({ element }) => !element.hidden);
  }

  return {
    open,
    /** @param known ids of the commands that there are. */
    learn(known) {
      byId('open-settings').hidden = !known.has('settings.list');
    },
  };
}

function groupOf({ key }) {
  return key.split('.')[0];
}

/** For browsers without Map.groupBy. */
function groupBy(items, nameOf) {
  const groups = new Map();
  for (const item of items) groups.set(nameOf(item), [...(groups.get(nameOf(item)) ?? []), item]);
  return groups;
}

function buildRow(entry) {
  const id = `setting-${entry.key.replaceAll('.', '-')}`;
  const control = buildControl(id, entry);
  const problem = build('p', { class: 'setting-problem', role: 'alert' });
  const reset = build('button', { type: 'button', class: 'quiet' }, 'Default');
  const element = build(
    'div',
    { class: 'setting' },
    build(
      'div',
      { class: 'setting-head' },
      build('label', { for: id }, entry.key),
      build('span', { class: 'setting-when' }, WHEN[entry.applies]),
    ),
    build('p', { id: `${id}-about` }, entry.description),
    build('div', { class: 'setting-value' }, control, reset),
    problem,
  );

  function show({ value, source }) {
    element.dataset.source = source;
    write(control, entry, value);
    reset.hidden = source !== 'file';
    setText(problem, source === 'command line' ? 'Set on the command line: the file counts from the next start.' : '');
  }

  async function change(command, args) {
    try {
      show(await callCommand(command, { key: entry.key, ...args }));
    } catch (refused) {
      setText(problem, refused.message);
      control.setAttribute('aria-invalid', 'true');
      return;
    }
    control.removeAttribute('aria-invalid');
  }

  control.addEventListener('change', () => {
    const value = read(control, entry);
    if (value === undefined) setText(problem, 'That is no value for it.');
    else void change('settings.set', { value });
  });
  reset.addEventListener('click', () => void change('settings.reset', {}));
  show(entry);
  return { key: entry.key, element, text: `${entry.key} ${entry.description}`.toLowerCase() };
}

function buildControl(id, { type, enum: choices, minimum, maximum }) {
  const about = { id, 'aria-describedby': `${id}-about` };
  if (choices) return build('select', about, ...choices.map((choice) => build('option', {}, choice)));
  if (type === 'boolean') return build('input', { ...about, type: 'checkbox' });
  if (type === 'number') return build('input', { ...about, type: 'number', step: 'any', min: minimum, max: maximum });
  if (type === 'object') return build('textarea', { ...about, rows: 3, spellcheck: 'false' });
  return build('input', {
    ...about,
    type: /password/i.test(id) ? 'password' : 'text',
    autocomplete: 'off',
    spellcheck: 'false',
  });
}

function write(control, { type }, value) {
  if (type === 'boolean') control.checked = value === true;
  else control.value = type === 'object' ? JSON.stringify(value, null, 2) : String(value ?? '');
}

/** Undefined: nothing that could be a value. */
function read(control, { type }) {
  if (type === 'boolean') return control.checked;
  if (type === 'number') return control.value === '' || !control.validity.valid ? undefined : Number(control.value);
  if (type !== 'object') return control.value;
  try {
    return JSON.parse(control.value);
  } catch {
    return undefined;
  }
}
