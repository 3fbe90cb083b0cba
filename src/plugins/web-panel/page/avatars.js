import { buildRating } from './adding-result.js';
import { build, byId } from './build-element.js';
import { buildCopyButton } from './fix.js';
import { createJobCards } from './job-cards.js';

/** How long a swap may take to be confirmed by the show before the old highlight comes back, in ms. */
const CONFIRM_MS = 3_000;
const FRAMES_PER_SECOND = 25;

/**
 * The strip of avatars: thumbnails with names, number keys 1-9, the current one marked; after them what is on its way to
 * become one, and the card that adds one. A swap is shown at once and taken back when the show refuses it.
 * @param use runs the swap: `await use(id)`; a rejection has been told to the person already.
 * @param menu builds the button of an avatar's menu. @param adding opens the form or a job.
 */
export function createAvatars(use, menu, adding) {
  const list = byId('avatar-list');
  const jobs = createJobCards((id) => adding.openJob(id));
  const addItem = buildAddItem(() => adding.open());
  let avatars = [];
  let items = [];
  let currentId = '';
  let mayAdd = false;
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
    for (const item of items) {
      const button = item.firstElementChild;
      const isShown = button.dataset.id === shownId;
      if (isShown) button.setAttribute('aria-current', 'true');
      else button.removeAttribute('aria-current');
      button.toggleAttribute('data-pending', isShown && wantedId !== undefined);
      if (isShown) bringIntoStrip(list, item);
    }
  }

  function rebuild() {
    items = avatars.map((avatar, at) =>
      buildItem(avatar, at, () => choose(avatar.id), menu.buildButton(avatar, at + 1, avatars.length)),
    );
    arrange();
    byId('avatars-empty').hidden = avatars.length > 0;
    const keys = Math.min(9, avatars.length);
    byId('avatars-hint').textContent = keys > 1 ? `press 1–${keys} to swap` : '';
    mark();
  }

  /** Puts everything into the strip; the focus stays where it was, by avatar and button. */
  function arrange() {
    const focused = list.contains(document.activeElement) ? document.activeElement : undefined;
    const place = list.scrollLeft;
    list.replaceChildren(...items, ...jobs.items, ...(mayAdd ? [addItem] : []));
    list.scrollLeft = place;
    if (!focused || document.activeElement === focused) return;
    const { id } = (focused.closest('li')?.firstElementChild ?? focused).dataset;
    const item = items.find(({ firstElementChild: button }) => button.dataset.id === id);
    if (focused.isConnected) focused.focus();
    else item?.querySelector(focused.classList.contains('more') ? '.more' : '.avatar')?.focus();
  }

  byId('avatars-empty').querySelector('.command').append(buildCopyButton('musecam prepare photo.jpg --id me'));
  showLoading(list);
  return {
    /** Which commands there are. */
    learn(commands) {
      mayAdd = commands.has('preparation.accept');
      menu.learn(commands);
      if (list.querySelector('.loading') === null) rebuild();
    },
    update(status, changed) {
      if (changed.has('avatarId')) {
        currentId = status.avatarId;
        if (currentId === wantedId) giveUp();
      }
      const isOther = changed.has('preparations') && jobs.update(status.preparations);
      if (changed.has('avatars')) {
        avatars = status.avatars;
        rebuild();
      } else {
        if (isOther) arrange();
        if (changed.has('avatarId')) mark();
      }
    },
    /** Whether new ones can be added. */
    mayAdd: () => mayAdd,
    /** The avatar with number key `digit`. */
    chooseNumber: (digit) => choose(avatars[digit - 1]?.id),
    /** All of them, to choose from. */
    choices: () => avatars.map(({ id, name }) => ({ value: id, title: name })),
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

function buildItem(avatar, at, onClick, more) {
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
    buildFacts(avatar),
  );
  button.addEventListener('click', onClick);
  return build('li', {}, button, more);
}

/** What it is made of, whether it is at hand, and how good it is. */
function buildFacts({ frameCount, isResident, verdict }) {
  const kind = frameCount > 1 ? `Clip, ${(frameCount / FRAMES_PER_SECOND).toFixed(1)} s` : 'Photo';
  const words = isResident ? kind : `${kind}, not loaded yet`;
  return build('span', { class: 'avatar-facts' }, words, verdict ? buildRating(verdict) : undefined);
}

/** Shown where an avatar has no picture: its first letter. */
function buildStandIn(avatar) {
  return build('span', { class: 'stand-in', 'aria-hidden': 'true' }, avatar.name.slice(0, 1).toUpperCase());
}

function buildAddItem(onClick) {
  const plus = build('span', { class: 'thumb' }, build('span', { class: 'stand-in', 'aria-hidden': 'true' }, '+'));
  const words = build('span', { class: 'avatar-name' }, 'Add avatar');
  const facts = build('span', { class: 'avatar-facts' }, 'from a photo or clip');
  const button = build(
    'button',
    { type: 'button', class: 'avatar add', 'aria-haspopup': 'dialog' },
    plus,
    words,
    facts,
  );
  button.addEventListener('click', onClick);
  return build('li', {}, button);
}

function showLoading(list) {
  const grey = () => build('li', { class: 'loading', 'aria-hidden': 'true' }, build('span', { class: 'thumb' }));
  list.replaceChildren(grey(), grey(), grey());
}
