/** The words for the five states, the same on every surface of the page. */
export const STATE_WORDS = {
  off: 'Off',
  starting: 'Starting',
  ready: 'Ready',
  degraded: 'Limited',
  failed: 'Failed',
};

/** The output that is a recording: nobody sees it as a camera. */
export const RECORDING = 'recorder.file';

/** How bad a state is, for picking the one to show: higher is worse. */
const WEIGHT = { ready: 0, off: 1, starting: 2, degraded: 3, failed: 4 };

/** The output that stands for the camera in the chain: the worst of all but this page and a recording, if there are any. */
export function cameraOf(outputs) {
  const others = outputs.filter((output) => !isPage(output) && output.id !== RECORDING);
  const worst = others.reduce((bad, one) => (!bad || WEIGHT[one.state] > WEIGHT[bad.state] ? one : bad), undefined);
  if (worst) return worst;
  return {
    id: 'none',
    label: 'No virtual camera',
    state: 'off',
    detail: 'The picture is shown on this page only.',
    fix: 'See how to add a camera: musecam doctor',
  };
}

/** Whether an output is this control page. */
export function isPage(output) {
  return output.id === 'web-panel.page';
}

/** Whether a state is a fault that a person should hear of. */
export function isFault(state) {
  return state === 'degraded' || state === 'failed';
}
