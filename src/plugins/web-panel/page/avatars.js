import { build, byId } from './build-element.js';
import { buildCopyButton } from './fix.js';

/** How long a swap may take to be confirmed by the show before the old highlight comes back, in ms. */
const CONFIRM_MS = 3_000;

/**
 * The strip of avatars: thumbnails with names, number keys 1-9, the current one marked. A swap is shown at once and
 * taken back when the show refuses it.
 * @param use runs the swap: `await use(id)`; a rejection has been told to the person already.
 */
export function createAvatars(use) {
  const list = byId('avatar-list');
  let avatars = [];
  let currentId = '';
  let wantedId;
  let wantedTimer;

  async function choose(id) {
    if (!id || id === (wantedId ?? currentId)) return;
    wantedId = id;
    mark();
    clearTimeout(wantedTimer);
    wantedTimer = setTimeout(giveUp, CONFIRM_MS);
    await use(id).catch(() => wantedId === id && giveUp());
  }

  function giveUp() {
    clearTimeout(wantedTimer);
    wantedId = undefined;
    mark();
  }

  function mark() {
    const shownId = wantedId ?? currentId;
    for (const item of list.children) {
      const button = item.firstElementChild;
      const isShown = button.dataset.id === shownId;
      if (isShown) button.setAttribute('aria-current', 'true');
      else button.removeAttribute('aria-current');
      button.toggleAttribute('data-pending', isShown && wantedId !== undefined);
      if (isShown) bringIntoStrip(list, item);
    }
  }

  function rebuild() {
    list.replaceChildren(...avatars.map((avatar, at) => buildItem(avatar, at, () => choose(avatar.id))));
    byId('avatars-empty').hidden = avatars.length > 0;
    const keys = Math.min(9, avatars.length);
    byId('avatars-hint').textContent = keys > 1 ? `press 1–${keys} to swap` : '';
    mark();
  }

  byId('avatars-empty').querySelector('.command').append(buildCopyButton('musecam prepare photo.jpg --id me'));
  showLoading(list);
  return {
    update(status, changed) {
      if (changed.has('avatarId')) {
        currentId = status.avatarId;
        if (currentId === wantedId) giveUp();
      }
      if (changed.has('avatars')) {
        avatars = status.avatars;
        rebuild();
      } else if (changed.has('avatarId')) mark();
    },
    /** The avatar with number key `digit`. */
    chooseNumber: (digit) => choose(avatars[digit - 1]?.id),
    nameOf: (id) => avatars.find((avatar) => avatar.id === id)?.name ?? id,
  };
}

/** Scrolls the strip, and only the strip, until the item is in sight. */
function bringIntoStrip(list, item) {
  const strip = list.getBoundingClientRect();
  const box = item.getBoundingClientRect();
  if (box.left < strip.left) list.scrollLeft -= strip.left - box.left;
  else if (box.right > strip.right) list.scrollLeft += box.right - strip.right;
}

function buildItem(avatar, at, onClick) {
  const picture = build('img', {
    src: `/api/avatars/${encodeURIComponent(avatar.id)}/preview`,
    alt: '',
    width: 160,
    height: 90,
    loading: 'lazy',
    decoding: 'async',
    draggable: 'false',
  });
  picture.addEventListener('error', () => picture.replaceWith(buildStandIn(avatar)));
  const key = at < 9 ? build('kbd', { 'aria-hidden': 'true' }, String(at + 1)) : undefined;
  const frame = build('span', { class: 'thumb' }, picture, key);
  const name = build('span', { class: 'avatar-name' }, avatar.name);
  const facts = avatar.isResident ? '' : 'not loaded yet';
  const button = build(
    'button',
    {
      type: 'button',
      class: 'avatar',
      'data-id': avatar.id,
      title: `${avatar.name}, ${avatar.width}×${avatar.height}. Shows: ${avatar.depicts}`,
      'aria-keyshortcuts': at < 9 ? String(at + 1) : undefined,
    },
    frame,
    name,
    facts ? build('span', { class: 'avatar-facts' }, facts) : undefined,
  );
  button.addEventListener('click', onClick);
  return build('li', {}, button);
}

/** Shown where an avatar has no picture: its first letter. */
function buildStandIn(avatar) {
  return build('span', { class: 'stand-in', 'aria-hidden': 'true' }, avatar.name.slice(0, 1).toUpperCase());
}

function showLoading(list) {
  const grey = () => build('li', { class: 'loading', 'aria-hidden': 'true' }, build('span', { class: 'thumb' }));
  list.replaceChildren(grey(), grey(), grey());
}
