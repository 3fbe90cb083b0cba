import { build, byId } from './build-element.js';
import { buildFix } from './fix.js';

/** How long a message stays when nobody touches it, in ms. */
const STAY_MS = { fault: 20_000, warning: 9_000, good: 3_500 };
const MAX_TOASTS = 4;

/**
 * Messages in the corner. Faults are read out at once. All leave by themselves, unless the pointer or the focus is on
 * them: what stays broken is shown by the chain.
 */
export function createToasts() {
  const region = byId('toasts');
  const byKey = new Map();

  /** Shows a message; one with the same key is replaced. `tone`: `fault`, `warning` or `good`. */
  function show({ key, tone, title, text, fix }) {
    dismiss(key);
    const close = build('button', { type: 'button', class: 'close', 'aria-label': `Dismiss: ${title}` }, '×');
    const words = build(
      'div',
      {},
      build('p', { class: 'toast-title' }, title),
      text ? build('p', {}, text) : undefined,
    );
    const element = build('div', { class: 'toast', 'data-tone': tone }, words, close, fix ? buildFix(fix) : undefined);
    close.addEventListener('click', () => dismiss(key));
    region.append(element);
    byKey.set(key, { element, timer: undefined });
    leaveLater(key, element, STAY_MS[tone]);
    while (region.children.length > MAX_TOASTS) dismissElement(region.firstElementChild);
    say(tone, [title, text, fix].filter(Boolean).join('. '));
  }

  function leaveLater(key, element, stayMs) {
    const toast = byKey.get(key);
    const wait = () => {
      clearTimeout(toast.timer);
      toast.timer = setTimeout(() => dismiss(key), stayMs);
    };
    for (const type of ['pointerenter', 'focusin']) element.addEventListener(type, () => clearTimeout(toast.timer));
    for (const type of ['pointerleave', 'focusout']) element.addEventListener(type, wait);
    wait();
  }

  function dismiss(key) {
    const toast = byKey.get(key);
    if (!toast) return false;
    clearTimeout(toast.timer);
    byKey.delete(key);
    toast.element.remove();
    return true;
  }

  function dismissElement(element) {
    for (const [key, toast] of byKey) if (toast.element === element) dismiss(key);
  }

  return { show, dismiss };
}

/** Reads a message out: faults interrupt, the rest wait their turn. */
function say(tone, text) {
  byId(tone === 'fault' ? 'say-now' : 'say-politely').textContent = text;
}
