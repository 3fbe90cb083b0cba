import { byId, setText } from './build-element.js';

/** Buttons that stay pressed: their id, the command that turns them, and what the status calls them. */
const SWITCHES = [
  { id: 'hold', command: 'mouth.rest', name: 'resting' },
  { id: 'mute', command: 'microphone.mute', name: 'muted' },
  { id: 'panic', command: 'show.panic', name: 'panic' },
];

/** Holding still, silence, panic: shown as pressed at once, and as the show says it from then on. */
export function createSwitches(run) {
  for (const { id, command } of SWITCHES) byId(id).addEventListener('click', () => toggle(id, command));

  async function toggle(id, command) {
    const on = byId(id).getAttribute('aria-pressed') !== 'true';
    setPressed(id, on);
    await run(command, { on }).catch(() => setPressed(id, !on));
  }

  return {
    update(status, changed) {
      for (const { id, name } of SWITCHES) if (changed.has(name)) setPressed(id, status[name] === true);
      if (changed.has('muted') || changed.has('panic')) showSilence(status);
    },
    /** @param known ids of the commands that there are. */
    learn(known) {
      for (const { id, command } of SWITCHES) byId(id).hidden = !known.has(command);
    },
  };
}

function setPressed(id, isPressed) {
  byId(id).setAttribute('aria-pressed', String(isPressed));
}

/** Over the picture, because the picture alone does not show it. */
function showSilence({ muted, panic }) {
  const tag = byId('stage-silence');
  tag.hidden = !muted && !panic;
  setText(tag, panic ? 'Panic: still and silent' : 'Muted');
}
