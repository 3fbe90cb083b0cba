import { byId, setText } from './build-element.js';
import { clockText } from './clock-text.js';
import { RECORDING } from './link-state.js';

const FRAMES_PER_SECOND = 25;

/** The button that records, with how long it has been recording; where the file is, is told when it begins and ends. */
export function createRecord(run, toasts) {
  const button = byId('record');
  let isRecording;
  let file = '';
  button.addEventListener('click', () => void toggle());

  async function toggle() {
    if (button.getAttribute('aria-busy') === 'true') return;
    button.setAttribute('aria-busy', 'true');
    // What is refused is told by run.
    await run(isRecording ? 'recorder.stop' : 'recorder.start').catch(() => {});
    button.removeAttribute('aria-busy');
  }

  /** Whoever turned it: this page, a key in another window, a program. */
  function tell(now) {
    const isFirst = isRecording === undefined;
    isRecording = now;
    button.setAttribute('aria-pressed', String(now));
    if (isFirst) return;
    const title = now ? 'Recording' : 'The recording has ended';
    toasts.show({ key: 'recording', tone: 'good', title, text: file });
  }

  return {
    update(status, changed) {
      const output = status.outputs?.find(({ id }) => id === RECORDING);
      if (output) file = output.label;
      if (changed.has('recording') && (status.recording === true) !== isRecording) tell(status.recording === true);
      // Pictures that were left out are in the file, too: the one before them is repeated.
      const pictures = output ? output.sent + output.dropped : 0;
      setText(byId('record-time'), isRecording ? clockText(pictures / FRAMES_PER_SECOND) : '');
    },
    /** @param known ids of the commands that there are. */
    learn(known) {
      button.hidden = !known.has('recorder.start') || !known.has('recorder.stop');
    },
  };
}
