import { byId, setText } from './build-element.js';
import { createPreview } from './preview.js';

/** Without a new picture for this long the stage says so, in ms. */
const STILL_MS = 2_500;

/** The big preview with what lies over it: name, speaking, facts, and a curtain with words when there is no picture. */
export function createStage(onRetry) {
  const stage = byId('stage');
  const canvas = byId('preview');
  const retry = byId('curtain-retry');
  let pictureAtMs = Number.NEGATIVE_INFINITY;
  let reason;

  const preview = createPreview(canvas, { onFacts: showFacts, onPicture });
  retry.addEventListener('click', onRetry);

  function onPicture() {
    pictureAtMs = performance.now();
    if (!reason) stage.dataset.picture = 'live';
  }

  function showFacts({ width, height, framesPerSecond }) {
    const isLive = performance.now() - pictureAtMs < STILL_MS;
    setText(byId('stage-facts'), isLive ? `${width}×${height} · ${framesPerSecond} fps` : '');
    if (!reason && !isLive && pictureAtMs > 0)
      drawCurtain('still', 'The picture has stopped', 'Waiting for the next one.');
  }

  function drawCurtain(kind, title, text, canRetry = false) {
    stage.dataset.picture = kind;
    setText(byId('curtain-title'), title);
    setText(byId('curtain-text'), text);
    retry.hidden = !canRetry;
  }

  return {
    update(status, changed, nameOf) {
      if (changed.has('avatarId') || changed.has('avatars')) {
        const name = nameOf(status.avatarId);
        byId('stage-name').hidden = !name;
        setText(byId('stage-name'), name);
        canvas.setAttribute('aria-label', `Live preview of ${name}`);
      }
      if (changed.has('labelText')) stage.dataset.label = status.labelText === '' ? 'off' : 'on';
      if (changed.has('speaking')) byId('stage-speaking').dataset.on = String(status.speaking);
    },
    /** Connected: pictures come. */
    open() {
      reason = undefined;
      pictureAtMs = Number.NEGATIVE_INFINITY;
      drawCurtain('waiting', 'Waiting for the first picture', '');
      preview.start();
    },
    /** Says why there is no picture. */
    close(kind, title, text, canRetry) {
      reason = kind;
      preview.stop();
      setText(byId('stage-facts'), '');
      byId('stage-speaking').dataset.on = 'false';
      drawCurtain(kind, title, text, canRetry);
    },
    toggleFullScreen() {
      if (document.fullscreenElement) void document.exitFullscreen();
      else void stage.requestFullscreen?.().catch(() => {});
    },
  };
}
