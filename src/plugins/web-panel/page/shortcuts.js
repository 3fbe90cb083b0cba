import { build, byId } from './build-element.js';

const STORED = 'musecam.shortcuts';

/**
 * Single-key shortcuts. They rest while a dialog is open, while somebody types, with modifier keys, and when switched off
 * in the list of shortcuts (for people who speak to their computer or whose hands tremble).
 * @param keys by key: `{ title, run }`. @param onDigit called with 1 … 9.
 */
export function createShortcuts(keys, onDigit) {
  const help = byId('help');
  const isOn = byId('keys-on');
  isOn.checked = readStored() !== 'off';
  isOn.addEventListener('change', () => store(isOn.checked ? 'on' : 'off'));
  const rows = [['1 – 9', 'Swap to that avatar'], ...Object.entries(keys).map(([key, { title }]) => [key, title])];
  byId('keys').replaceChildren(
    ...rows.map(([key, title]) => build('div', {}, build('dt', {}, build('kbd', {}, key)), build('dd', {}, title))),
  );
  byId('open-help').addEventListener('click', () => help.showModal());

  document.addEventListener('keydown', (event) => {
    if (!isOn.checked || isBusy(event)) return;
    // By position as well: on some keyboards the digits need Shift.
    const digit = /^(?:Digit|Numpad)([1-9])$/.exec(event.code)?.[1] ?? /^[1-9]$/.exec(event.key)?.[0];
    const action = keys[event.key.toUpperCase()];
    if (!digit && !action) return;
    event.preventDefault();
    if (digit) onDigit(Number(digit));
    else action.run();
  });
}

function isBusy(event) {
  const isModified = event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat;
  return isModified || document.querySelector('dialog[open]') || event.target.closest?.('input, textarea, select');
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
