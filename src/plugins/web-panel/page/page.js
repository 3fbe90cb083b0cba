import { createAdding } from './adding.js';
import { createAvatarMenu } from './avatar-menu.js';
import { createAvatars } from './avatars.js';
import { build, byId, setText } from './build-element.js';
import { callCommand, fetchCommands } from './call-command.js';
import { createChain } from './chain.js';
import { clockText } from './clock-text.js';
import { connect } from './connection.js';
import { createDropAnywhere } from './drop-anywhere.js';
import { createFaultWatch } from './fault-watch.js';
import { createInStep } from './in-step.js';
import { isFault } from './link-state.js';
import { createLooks } from './looks.js';
import { createMeters } from './meters.js';
import { createNumbers } from './numbers.js';
import { createObsCard } from './obs-card.js';
import { createOutputs } from './outputs.js';
import { createPalette } from './palette.js';
import { createPluginPanels } from './plugin-panels.js';
import { createPluginsView } from './plugins-view.js';
import { createRecord } from './record.js';
import { createSettingsEditor } from './settings-editor.js';
import { createShortcuts } from './shortcuts.js';
import { createStage } from './stage.js';
import { createSwitches } from './switches.js';
import { createToasts } from './toasts.js';

/** Buttons that run a command as it is; shown only where the command exists. */
const BUTTONS = { previous: 'avatar.previous', next: 'avatar.next', stop: 'show.stop' };
/** The show's states as the header says them. */
const ON_AIR_WORDS = {
  off: 'Stopped',
  starting: 'Starting',
  ready: 'On air',
  degraded: 'On air, limited',
  failed: 'Failed',
};

const toasts = createToasts();
const faults = createFaultWatch(toasts);
const chain = createChain(byId('chain'));
const meters = createMeters();
const numbers = createNumbers();
const outputs = createOutputs();
const stage = createStage(() => connection.retryNow());
const looks = createLooks(run);
const switches = createSwitches(run);
const inStep = createInStep(run, toasts);
const obsCard = createObsCard(run, toasts);
const settingsEditor = createSettingsEditor();
const pluginsView = createPluginsView();
const panels = createPluginPanels();
const record = createRecord(run, toasts);
const adding = createAdding(run, toasts);
const avatars = createAvatars((id) => run('avatar.use', { id }), createAvatarMenu(run), adding);
/** Titles of the show's commands by id. */
let titles = new Map();
let newest = {};
let shortcuts;
let palette;
let isStopping = false;
let isLost = false;

const connection = connect({ onOpen, onStatus, onLost, onRefused });
wireControls();

/** Runs a command; what the daemon refuses is told with its fix and thrown on. */
async function run(id, args) {
  try {
    return await callCommand(id, args);
  } catch (refused) {
    toasts.show({
      key: `command ${id}`,
      tone: 'fault',
      title: 'That did not work',
      text: refused.message,
      fix: refused.fix,
    });
    throw refused;
  }
}

async function onOpen() {
  document.body.dataset.connection = 'open';
  stage.open();
  if (isLost) toasts.show({ key: 'connection', tone: 'good', title: 'Connected again' });
  isLost = false;
  isStopping = false;
  const commands = await fetchCommands().catch(() => []);
  titles = new Map(commands.map(({ id, title }) => [id, title]));
  const known = new Set(titles.keys());
  for (const [id, command] of Object.entries(BUTTONS)) byId(id).hidden = !known.has(command);
  avatars.learn(known);
  looks.learn(known);
  switches.learn(known);
  inStep.learn(known);
  obsCard.learn(known);
  settingsEditor.learn(known);
  pluginsView.learn(known);
  record.learn(known);
  await shortcuts.learn();
}

function onStatus(status, changed) {
  newest = status;
  adding.update(status, changed);
  avatars.update(status, changed);
  looks.update(status, changed);
  stage.update(status, changed, avatars.nameOf);
  meters.update(status);
  chain.update(status, changed);
  numbers.update(status, changed);
  outputs.update(status, changed);
  faults.update(status, changed);
  if (changed.has('choices')) showChoices(status.choices);
  switches.update(status, changed);
  inStep.update(status, changed);
  obsCard.update(status, changed);
  record.update(status, changed);
  panels.update(status, changed);
  palette?.update();
  showOnAir(status);
  document.title = titleOf(status);
}

function onLost(retryInMs) {
  document.body.dataset.connection = 'lost';
  rest('off', isStopping ? 'Stopped' : 'Not connected');
  if (isStopping) {
    stage.close('stopped', 'The show has ended', 'Start it again with: musecam start', true);
    return;
  }
  const seconds = Math.max(1, Math.round(retryInMs / 1_000));
  stage.close(
    'lost',
    'Lost the connection to MuseCam',
    `Trying again in ${seconds} s. Does it still run in its terminal?`,
    true,
  );
  if (!isLost)
    toasts.show({
      key: 'connection',
      tone: 'warning',
      title: 'Lost the connection',
      text: 'Trying to reach MuseCam again.',
    });
  isLost = true;
}

function onRefused() {
  document.body.dataset.connection = 'refused';
  rest('off', 'Not connected');
  const text = 'It was started anew, with a new key. Open the address that it printed in its terminal.';
  stage.close('refused', 'This page does not belong to the running MuseCam', text);
  toasts.dismiss('connection');
}

/** Nothing is known any more: what moved comes to rest. */
function rest(state, word) {
  meters.rest();
  numbers.rest();
  byId('on-air').dataset.state = state;
  setText(byId('on-air-word'), word);
  setText(byId('uptime'), '');
  document.title = `${word} · MuseCam`;
}

function showOnAir({ state, uptimeSeconds }) {
  byId('on-air').dataset.state = state;
  setText(byId('on-air-word'), ON_AIR_WORDS[state]);
  setText(byId('uptime'), clockText(uptimeSeconds));
}

/** What the browser's tab says: the fault where there is one, else who is shown. */
function titleOf(status) {
  const broken = [status.input, status.engine, ...status.outputs].find((link) => isFault(link.state));
  return `${broken ? `⚠ ${broken.label}` : avatars.nameOf(status.avatarId)} · MuseCam`;
}

function showChoices(choices) {
  const items = choices.length > 0 ? choices : ['Nothing had to be picked.'];
  byId('choices').replaceChildren(...items.map((choice) => build('li', {}, choice)));
}

async function stopAfterAsking() {
  const dialog = byId('stop-dialog');
  dialog.returnValue = 'keep';
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener('close', resolve, { once: true }));
  if (dialog.returnValue !== 'stop') return;
  isStopping = true;
  await run('show.stop').catch(() => {
    isStopping = false;
  });
}

function wireControls() {
  const actions = {
    next: () => run('avatar.next').catch(() => {}),
    previous: () => run('avatar.previous').catch(() => {}),
    stop: stopAfterAsking,
    'full-screen': stage.toggleFullScreen,
  };
  for (const [id, action] of Object.entries(actions)) byId(id).addEventListener('click', action);
  const press = (id) => () => !byId(id).hidden && byId(id).click();
  // What a key or the palette does here is what the button does, so that both are shown alike.
  const local = {
    'avatar.next': { title: 'Next avatar', run: press('next') },
    'avatar.previous': { title: 'Previous avatar', run: press('previous') },
    'avatar.useNumber': { title: 'Swap to the avatar', run: ({ number }) => avatars.chooseNumber(number) },
    'mouth.rest': { title: 'Hold still: the mouth rests', run: press('hold') },
    'microphone.mute': { title: 'Mute: nobody hears you', run: press('mute') },
    'show.panic': { title: 'Panic: a still picture and silence, at once', run: press('panic') },
    'recorder.start': { title: 'Start recording', run: press('record') },
    'recorder.stop': { title: 'Stop recording', run: press('record') },
    'page.addAvatar': { title: 'Add an avatar', run: () => avatars.mayAdd() && adding.open() },
    'page.fullScreen': { title: 'Preview in full screen', run: press('full-screen') },
    'page.settings': { title: 'Settings', run: press('open-settings') },
    'page.plugins': { title: 'Plugins', run: press('open-plugins') },
    'page.shortcuts': { title: 'Keyboard shortcuts', run: press('open-help') },
  };
  shortcuts = createShortcuts({ local, run, status: () => newest, title: (id) => titles.get(id) ?? id });
  palette = createPalette({
    run,
    toasts,
    status: () => newest,
    own: Object.entries(local)
      .filter(([id]) => id.startsWith('page.'))
      .map(([id, one]) => ({ id, category: 'Page', ...one })),
    keyOf: shortcuts.keyOf,
    hotkeyOf: shortcuts.hotkeyOf,
    suggest: (_, name) => (name === 'id' || name === 'avatar' ? avatars.choices() : undefined),
  });
  const isWelcome = () =>
    avatars.mayAdd() &&
    document.body.dataset.connection === 'open' &&
    !document.querySelector('dialog[open]:not(#adding)');
  createDropAnywhere(isWelcome, (file) => adding.open(file));
}
