import { build, byId, setText } from './build-element.js';
import { callCommand } from './call-command.js';
import { buildFix } from './fix.js';
import { STATE_WORDS } from './link-state.js';

/** The connection's id among the links. */
const OBS = 'obs.link';
/** How often scenes are asked for while OBS is there: it tells nobody of new ones. In ms. */
const LOOK_EVERY_MS = 5_000;

/** OBS: its connection, which avatar each of its scenes shows, and the buttons that set it up. */
export function createObsCard(run, toasts) {
  let isKnown = false;
  let avatars = [];
  let seen = '';
  let report;

  byId('obs-setup').addEventListener('click', () => setUp(run, toasts).then(look));
  byId('obs-camera').addEventListener('click', async () => {
    const on = byId('obs-camera').getAttribute('aria-pressed') !== 'true';
    await run('obs.camera', { on }).catch(() => {});
    await look();
  });

  setInterval(() => report && !document.hidden && look(), LOOK_EVERY_MS);

  /** Asks OBS anew what scenes there are. Where it cannot say, there are none to choose for. */
  async function look() {
    report = await callCommand('obs.status').catch(() => undefined);
    draw();
  }

  function draw() {
    const isConnected = report?.scenes !== undefined;
    byId('obs-buttons').hidden = !isConnected;
    const camera = byId('obs-camera');
    camera.hidden = report?.camera === undefined;
    camera.setAttribute('aria-pressed', String(report?.camera === true));
    const rows = (report?.scenes ?? []).map((scene, at) => buildRow(scene, at));
    // What somebody is choosing from must not be taken from under the hand.
    if (!byId('obs-scenes').contains(document.activeElement)) byId('obs-scenes').replaceChildren(...rows);
  }

  function buildRow(scene, at) {
    const id = `obs-scene-${at}`;
    const mapped = report.map[scene] ?? '';
    const options = [
      build('option', { value: '' }, 'as it is'),
      ...avatars.map(({ id: value, name }) => build('option', { value }, name)),
    ];
    const select = build('select', { id }, ...options);
    select.value = mapped;
    select.addEventListener('change', async () => {
      const avatar = select.value;
      const done = avatar ? run('obs.map', { scene, avatar }) : run('obs.unmap', { scene });
      await done.catch(() => {
        select.value = mapped;
      });
      select.blur();
      await look();
    });
    return build(
      'li',
      { 'data-on': String(scene === report.scene) },
      build('label', { for: id, title: scene }, scene),
      select,
    );
  }

  return {
    update(status, changed) {
      if (changed.has('avatars')) {
        avatars = status.avatars;
        if (report) draw();
      }
      if (!isKnown) return;
      const link = (status.links ?? []).find(({ id }) => id === OBS);
      const now = JSON.stringify(link ?? null);
      if (now === seen) return;
      seen = now;
      showLink(link);
      // Scenes that come, go or are renamed change the link's words, or are found the next time it does.
      if (link?.state === 'ready' || link?.state === 'degraded') void look();
      else {
        report = undefined;
        draw();
      }
    },
    /** @param known ids of the commands that there are. */
    learn(known) {
      isKnown = known.has('obs.status');
      byId('obs').hidden = !isKnown;
      seen = '';
    },
  };
}

function showLink(link) {
  const card = byId('obs');
  card.dataset.state = link?.state ?? 'off';
  setText(byId('obs-word'), link ? STATE_WORDS[link.state] : 'Off');
  setText(byId('obs-detail'), link?.detail ?? 'MuseCam leaves OBS alone: the setting obs.enabled is off.');
  byId('obs-fix').replaceChildren(...(link?.fix ? [buildFix(link.fix)] : []));
}

async function setUp(run, toasts) {
  const button = byId('obs-setup');
  button.disabled = true;
  try {
    const { scene, input } = await run('obs.setup', {});
    toasts.show({
      key: 'obs setup',
      tone: 'good',
      title: 'Set up in OBS',
      text: `Scene "${scene}", source "${input}".`,
    });
  } catch {
    // Told by run.
  } finally {
    button.disabled = false;
  }
}
