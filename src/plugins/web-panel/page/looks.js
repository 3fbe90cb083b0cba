import { build, byId, setText } from './build-element.js';

/** What can be behind an avatar. Colours: white, studio grey, and the green that other programs cut out. */
const CHOICES = [
  { value: 'keep', title: 'Keep' },
  { value: 'blur', title: 'Blur' },
  { value: 'transparent', title: 'Transparent' },
  { value: '#ffffff', title: 'White' },
  { value: '#3a3f4b', title: 'Grey' },
  { value: '#00b140', title: 'Green' },
];
const DEFAULT_COLOUR = '#6b4fd8';
const DEFAULT_LABEL = 'AI avatar';

/**
 * How the picture looks: what is behind the avatar, where its matte is known, and the words in the corner.
 * @param run runs a command: `await run(id, args)`; a rejection has been told to the person already.
 */
export function createLooks(run) {
  const group = byId('backgrounds');
  const labelText = byId('label-text');
  const labelOn = byId('label-on');
  let known = new Set();
  let background = 'keep';
  let hasMatte = false;

  const radios = CHOICES.map((choice) => buildSwatch(choice));
  const colour = build('input', { type: 'color', value: DEFAULT_COLOUR, 'aria-label': 'Another colour' });
  const own = buildSwatch({ value: 'own', title: 'Colour' }, colour);
  const picture = buildSwatch({ value: 'picture', title: 'Picture' });
  byId('swatches').replaceChildren(...[...radios, own, picture].map(({ element }) => element));

  function buildSwatch({ value, title }, inside) {
    const radio = build('input', { type: 'radio', name: 'background', value });
    const chip = build('span', { class: 'chip', 'data-kind': value.startsWith('#') ? 'colour' : value });
    if (value.startsWith('#')) chip.style.setProperty('--chip', value);
    if (inside) chip.append(inside);
    const element = build('label', { class: 'swatch' }, radio, chip, build('span', {}, title));
    radio.addEventListener('change', () => choose(value === 'own' ? colour.value : value));
    return { element, radio, chip, value };
  }

  async function choose(wanted) {
    if (wanted === 'picture') return;
    group.setAttribute('aria-busy', 'true');
    await run('background.set', { background: wanted }).catch(() => {});
    group.removeAttribute('aria-busy');
    mark();
  }

  function mark() {
    const named = radios.find(({ value }) => value === background);
    const isColour = /^#[0-9a-f]{6}$/i.test(background);
    const chosen = named ?? (isColour ? own : picture);
    if (isColour && !named) colour.value = background;
    own.chip.style.setProperty('--chip', colour.value);
    picture.element.hidden = chosen !== picture;
    picture.element.title = chosen === picture ? background : '';
    chosen.radio.checked = true;
  }

  function showLabel(text) {
    labelOn.setAttribute('aria-pressed', String(text !== ''));
    setText(labelOn, text === '' ? 'Show' : 'Shown');
    if (text !== '' && document.activeElement !== labelText) labelText.value = text;
  }

  function arrange() {
    group.hidden = !known.has('background.set') || !hasMatte;
    byId('label-form').hidden = !known.has('label.set');
  }

  colour.addEventListener('change', () => choose(colour.value));
  byId('label-form').addEventListener('submit', async (event) => {
    event.preventDefault();
    const isShown = labelOn.getAttribute('aria-pressed') === 'true';
    // Return in the field means: these words. The button means: on or off.
    const isTyping = document.activeElement === labelText;
    const words = labelText.value.trim() || DEFAULT_LABEL;
    await run('label.set', { text: isShown && !isTyping ? '' : words }).catch(() => {});
  });

  return {
    /** Which commands there are. */
    learn(commands) {
      known = commands;
      arrange();
    },
    update(status, changed) {
      if (changed.has('background')) {
        background = status.background;
        mark();
      }
      if (changed.has('labelText')) showLabel(status.labelText);
      if (!changed.has('avatarId') && !changed.has('avatars')) return;
      hasMatte = status.avatars.some(({ id, hasMatte: has }) => id === status.avatarId && has);
      arrange();
    },
  };
}
