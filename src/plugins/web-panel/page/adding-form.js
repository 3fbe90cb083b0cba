import { build, byId, setText } from './build-element.js';
import { buildFix } from './fix.js';
import { sizeText } from './size-text.js';

/** Names that cameras give: nothing a person would want to call an avatar. */
const CAMERA_NAME =
  /^(img|dsc|dscn|dscf|pxl|vid|mvi|mov|gopr|dji|p|photo|image|picture|video|clip|screenshot|screen|whatsapp|signal|download|unnamed|untitled)?[\s\d().:-]*$/i;
const MAX_ID = 60;

/**
 * The form for a new avatar: the file, its name, who is shown and who agreed.
 * @param takenIds the ids that are in use. @param onSubmit called with `(file, details)`.
 */
export function createAddingForm(takenIds, onSubmit) {
  const form = byId('adding-form');
  const picker = byId('pick-file');
  const name = byId('new-name');
  let file;
  let isNameTheirs = false;
  let shownUrl;

  function showFile(chosen) {
    file = chosen;
    if (shownUrl) URL.revokeObjectURL(shownUrl);
    shownUrl = undefined;
    byId('pick').toggleAttribute('data-chosen', Boolean(file));
    setText(byId('pick-title'), file?.name ?? 'Choose a photo or clip');
    setText(byId('pick-note'), file ? sizeText(file.size) : byId('pick-note').dataset.empty);
    byId('pick-picture').replaceChildren(...(file?.type.startsWith('image/') ? [buildPicture()] : []));
    byId('pick-picture').dataset.kind = file ? (file.type.startsWith('image/') ? 'photo' : 'clip') : 'none';
    // A file that was dropped is not in the picker.
    picker.required = !file;
    if (file && !isNameTheirs) name.value = nameFrom(file.name);
    showId();
    showError();
  }

  function buildPicture() {
    shownUrl = URL.createObjectURL(file);
    const picture = build('img', { src: shownUrl, alt: '' });
    picture.addEventListener('error', () => picture.remove());
    return picture;
  }

  function showId() {
    setText(byId('new-id'), name.value.trim() ? freeId(name.value, takenIds()) : '–');
  }

  function showError(refused) {
    byId('form-error').replaceChildren(...(refused ? buildError(refused) : []));
  }

  byId('pick-note').dataset.empty = byId('pick-note').textContent;
  picker.addEventListener('change', () => picker.files[0] && showFile(picker.files[0]));
  name.addEventListener('input', () => {
    isNameTheirs = name.value !== '';
    showId();
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (!file) return;
    showError();
    onSubmit(file, {
      avatarId: freeId(name.value, takenIds()),
      name: name.value.trim(),
      depicts: byId('new-depicts').value.trim(),
      consent: byId('new-consent').value.trim(),
    });
  });

  return {
    showFile,
    /** Why it was not taken. */
    showError,
    /** Empty, for the next one. */
    reset() {
      form.reset();
      isNameTheirs = false;
      showFile(undefined);
    },
    /** Puts the focus on the first thing that is missing. */
    focus: () => (file ? (name.value ? byId('new-depicts') : name) : picker).focus(),
  };
}

/** What went wrong, with its fix. */
export function buildError({ message, fix, code }) {
  return [build('p', {}, message), fix ? buildFix(fix) : undefined, build('p', { class: 'error-code' }, code)].filter(
    Boolean,
  );
}

/** A name for people out of the name of a file; empty where only a camera could have thought of it. */
function nameFrom(fileName) {
  const words = fileName
    .replace(/\.[^.]*$/, '')
    .replace(/[_\-\s]+/g, ' ')
    .trim();
  if (CAMERA_NAME.test(words)) return '';
  return words.slice(0, 1).toUpperCase() + words.slice(1, 100);
}

/** An id out of a name: plain letters, digits and hyphens, with a number where it is taken. */
function freeId(name, taken) {
  const plain = name
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '')
    .toLowerCase()
    .replace(/ß/g, 'ss')
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, MAX_ID)
    .replace(/^-+|-+$/g, '');
  const id = plain || 'avatar';
  let free = id;
  for (let number = 2; taken.has(free); number++) free = `${id}-${number}`;
  return free;
}
