import { build, byId } from './build-element.js';

/** Space between the button and its menu, and to the window's edge, in CSS pixels. */
const GAP_PX = 6;

/**
 * The menu of an avatar: rename, move, remove. Only what the daemon can do and what is allowed for this one is in it.
 * @param run runs a command: `await run(id, args)`; a rejection has been told to the person already.
 */
export function createAvatarMenu(run) {
  const menu = byId('avatar-menu');
  let known = new Set();
  let opener;

  function itemsFor(avatar, place, count) {
    const mayMove = known.has('avatar.move');
    const move = (by) => () => run('avatar.move', { id: avatar.id, place: place + by }).catch(() => {});
    return [
      known.has('avatar.rename') && !avatar.isShipped && ['Rename …', () => rename(avatar)],
      mayMove && place > 1 && ['Move to the left', move(-1)],
      mayMove && place < count && ['Move to the right', move(1)],
      known.has('avatar.remove') && !avatar.isShipped && ['Remove …', () => remove(avatar)],
    ].filter(Boolean);
  }

  function open(button, items) {
    opener = button;
    menu.replaceChildren(...items.map(([title, action]) => buildItem(title, action)));
    menu.setAttribute('aria-label', button.getAttribute('aria-label'));
    menu.showPopover();
    placeBeside(button);
    menu.firstElementChild.focus();
  }

  function buildItem(title, action) {
    const item = build('button', { type: 'button', role: 'menuitem', tabindex: '-1', class: 'menu-item' }, title);
    item.addEventListener('click', () => {
      menu.hidePopover();
      action();
    });
    return item;
  }

  function placeBeside(button) {
    const box = button.getBoundingClientRect();
    const { width, height } = menu.getBoundingClientRect();
    const left = Math.min(box.left, innerWidth - width - GAP_PX);
    const isRoomBelow = box.bottom + GAP_PX + height < innerHeight;
    menu.style.left = `${Math.max(GAP_PX, left)}px`;
    menu.style.top = `${isRoomBelow ? box.bottom + GAP_PX : Math.max(GAP_PX, box.top - GAP_PX - height)}px`;
  }

  async function rename({ id, name }) {
    byId('rename-title').textContent = `Rename ${name}`;
    byId('rename-name').value = name;
    if ((await ask('rename')) !== 'rename') return;
    const wanted = byId('rename-name').value.trim();
    if (wanted && wanted !== name) await run('avatar.rename', { id, name: wanted }).catch(() => {});
  }

  async function remove({ id, name }) {
    byId('remove-title').textContent = `Remove ${name}?`;
    if ((await ask('remove')) === 'remove') await run('avatar.remove', { id }).catch(() => {});
  }

  menu.addEventListener('keydown', (event) => {
    const items = [...menu.children];
    const at = items.indexOf(document.activeElement);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (event.key === 'Tab') menu.hidePopover();
    if (next === undefined) return;
    event.preventDefault();
    items[(next + items.length) % items.length].focus();
  });
  menu.addEventListener('toggle', (event) => {
    opener?.setAttribute('aria-expanded', String(event.newState === 'open'));
    if (event.newState === 'closed' && document.activeElement === document.body) opener?.focus();
  });
  byId('rename-form').addEventListener('keydown', (event) => {
    // Enter means the second button, not the first one.
    if (event.key !== 'Enter' || event.target.id !== 'rename-name') return;
    event.preventDefault();
    byId('rename-form').querySelector('[value="rename"]').click();
  });

  return {
    /** Which commands there are. */
    learn(commands) {
      known = commands;
    },
    /** The button that opens the menu of an avatar at a place (1 = first); undefined where it would be empty. */
    buildButton(avatar, place, count) {
      if (itemsFor(avatar, place, count).length === 0) return undefined;
      const button = build(
        'button',
        {
          type: 'button',
          class: 'more',
          'aria-haspopup': 'menu',
          'aria-expanded': 'false',
          'aria-label': `More about ${avatar.name}`,
        },
        '⋯',
      );
      button.addEventListener('click', () => open(button, itemsFor(avatar, place, count)));
      return button;
    },
  };
}

/** Opens a dialog and waits for its answer: the value of the button, or `keep`. */
async function ask(id) {
  const dialog = byId(id);
  dialog.returnValue = 'keep';
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener('close', resolve, { once: true }));
  return dialog.returnValue;
}
