import { build, setText } from './build-element.js';

/** How a job's card says how it stands. */
const FACTS = {
  uploading: ({ fraction }) => `Sending, ${Math.floor(fraction * 100)} %`,
  preparing: ({ fraction, step }) => (fraction > 0 ? `${step}, ${Math.floor(fraction * 100)} %` : step),
  ready: () => 'Ready: have a look',
  failed: () => 'Did not work',
};

/**
 * Cards for what is on its way to become an avatar, after the avatars in the strip.
 * @param open called with a job's id.
 */
export function createJobCards(open) {
  const cards = new Map();

  function createCard(id) {
    const bar = build('progress', { max: '1', 'aria-hidden': 'true' });
    const sign = build('span', { class: 'stand-in', 'aria-hidden': 'true' });
    const thumb = build('span', { class: 'thumb' }, sign, bar);
    const name = build('span', { class: 'avatar-name' });
    const facts = build('span', { class: 'avatar-facts' });
    const button = build(
      'button',
      { type: 'button', class: 'avatar job', 'aria-haspopup': 'dialog' },
      thumb,
      name,
      facts,
    );
    button.addEventListener('click', () => open(id));
    return { element: build('li', {}, button), button, thumb, sign, bar, name, facts, isPictured: false };
  }

  function show(card, job) {
    card.button.dataset.job = job.state;
    setText(card.name, job.name);
    setText(card.facts, FACTS[job.state](job));
    setText(card.sign, job.state === 'failed' ? '!' : job.name.slice(0, 1).toUpperCase());
    card.bar.hidden = job.state === 'ready' || job.state === 'failed';
    card.bar.value = job.fraction;
    if (job.state !== 'ready' || card.isPictured) return;
    card.isPictured = true;
    const picture = build('img', { src: `/api/preparations/${encodeURIComponent(job.id)}/preview`, alt: '' });
    picture.addEventListener('error', () => picture.remove());
    picture.addEventListener('load', () => card.sign.remove());
    card.thumb.prepend(picture);
  }

  return {
    /** List items, in order; the same ones for the same jobs, so that the focus stays. @returns whether any came or went. */
    update(jobs) {
      const ids = new Set(jobs.map(({ id }) => id));
      let isOther = jobs.length !== cards.size;
      for (const id of cards.keys()) if (!ids.has(id)) cards.delete(id);
      for (const job of jobs) {
        if (!cards.has(job.id)) {
          cards.set(job.id, createCard(job.id));
          isOther = true;
        }
        show(cards.get(job.id), job);
      }
      return isOther;
    },
    get items() {
      return [...cards.values()].map(({ element }) => element);
    },
  };
}
