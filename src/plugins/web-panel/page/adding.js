import { buildError, createAddingForm } from './adding-form.js';
import { announce, createAddingResult, timeLeftText } from './adding-result.js';
import { byId, setText } from './build-element.js';
import { upload } from './upload.js';

const VIEWS = ['form', 'progress', 'result', 'failed'];

/**
 * The dialog in which a photo or clip becomes an avatar: the form, how far it is, what became of it. What is going on is
 * known from the show's status alone, so that a page that was reloaded goes on where it was; closing the dialog ends
 * nothing.
 * @param run runs a command: `await run(id, args)`; a rejection has been told to the person already.
 */
export function createAdding(run, toasts) {
  const dialog = byId('adding');
  const result = createAddingResult();
  let jobs = [];
  let avatars = [];
  /** The job that the dialog shows; undefined for the form. */
  let jobId;
  /** What this page is sending: `{ avatarId, name, fileName, abort }`. */
  let sending;
  /** What was sent, until the show's status has it too: the answer may be quicker. */
  let arriving;
  let view = '';
  let shownId;

  const takenIds = () => new Set([...avatars.map(({ id }) => id), ...jobs.map(({ avatarId }) => avatarId)]);
  const form = createAddingForm(takenIds, send);

  /** What is sent has no id of its own before it is there; the avatar's id is enough to know it by. */
  function findJob() {
    if (jobId) return jobs.find(({ id }) => id === jobId) ?? (arriving?.id === jobId ? arriving : undefined);
    if (!sending || view === 'form') return undefined;
    const { avatarId, name, fileName } = sending;
    const known = jobs.find((job) => job.avatarId === avatarId);
    return known ?? { avatarId, name, fileName, state: 'uploading', step: 'Uploading', fraction: 0 };
  }

  function show(next) {
    const isNew = view !== next;
    view = next;
    for (const name of VIEWS) byId(`adding-${name}`).hidden = name !== next;
    if (!isNew || !dialog.open) return;
    if (next === 'form') form.focus();
    else byId('adding-title').focus();
  }

  function showJob(job) {
    const { state, name, fileName, step, fraction, secondsLeft } = job;
    const title = {
      uploading: `Sending ${name}`,
      preparing: `Preparing ${name}`,
      ready: name,
      failed: `${name} did not work`,
    };
    setText(byId('adding-title'), title[state]);
    if (state === 'ready') {
      if (shownId !== job.id) result.show(job);
      shownId = job.id;
      return show('result');
    }
    if (state === 'failed') {
      setText(byId('failed-file'), fileName);
      byId('failed-error').replaceChildren(...buildError(job.error ?? { message: 'Nobody knows why.', code: '' }));
      return show('failed');
    }
    setText(byId('progress-file'), fileName);
    byId('progress-bar').value = fraction;
    setText(byId('progress-step'), step);
    setText(byId('progress-left'), [percentText(fraction), timeLeftText(secondsLeft)].filter(Boolean).join(' · '));
    setText(byId('progress-note'), NOTES[state]);
    show('progress');
  }

  async function send(file, details) {
    if (sending) return;
    const { avatarId, name } = details;
    const mine = { avatarId, name, fileName: file.name, abort: new AbortController() };
    sending = mine;
    show('progress');
    refresh();
    try {
      const id = await upload(file, details, mine.abort.signal);
      arriving = { id, avatarId, name, fileName: file.name, ...WAITING };
      forgetArrived();
      if (view !== 'form') jobId ??= id;
      form.reset();
    } catch (refused) {
      if (!mine.abort.signal.aborted) tellRefused(name, refused);
    } finally {
      sending = undefined;
      refresh();
    }
  }

  /** In the form, where it can be put right; in the corner, where the person has gone on to something else. */
  function tellRefused(name, refused) {
    form.showError(refused);
    if (dialog.open && !jobId) return openForm();
    const { message: text, fix } = refused;
    toasts.show({ key: 'adding', tone: 'fault', title: `${name} was not taken`, text, fix });
  }

  function forgetArrived() {
    if (jobs.some(({ id }) => id === arriving?.id)) arriving = undefined;
  }

  /** Brings the dialog up to what is known. */
  function refresh() {
    if (!dialog.open || view === 'form') return;
    const job = findJob();
    if (job) showJob(job);
    // Accepted or discarded, here or elsewhere.
    else dialog.close();
  }

  function openForm() {
    jobId = undefined;
    setText(byId('adding-title'), 'Add an avatar');
    if (!dialog.open) dialog.showModal();
    view = '';
    show('form');
  }

  function openJob(id) {
    jobId = id;
    shownId = undefined;
    view = '';
    const job = findJob();
    if (!job) return;
    if (!dialog.open) dialog.showModal();
    showJob(job);
  }

  async function discard() {
    if (sending && !jobId) {
      sending.abort.abort();
      return dialog.close();
    }
    await run('preparation.discard', { id: jobId }).then(
      () => dialog.close(),
      () => {},
    );
  }

  async function accept(goLive) {
    const job = findJob();
    const buttons = [byId('result-use'), byId('result-keep'), byId('result-discard')];
    for (const button of buttons) button.disabled = true;
    try {
      await run('preparation.accept', { id: job.id, goLive });
      dialog.close();
      toasts.show({ key: 'adding', tone: 'good', title: goLive ? `${job.name} is on` : `${job.name} was added` });
    } catch {
      // Told already; the avatar lies where it was.
    } finally {
      for (const button of buttons) button.disabled = false;
    }
  }

  byId('adding-close').addEventListener('click', () => dialog.close());
  byId('form-cancel').addEventListener('click', () => dialog.close());
  byId('progress-hide').addEventListener('click', () => dialog.close());
  byId('progress-cancel').addEventListener('click', discard);
  byId('result-discard').addEventListener('click', discard);
  byId('result-keep').addEventListener('click', () => accept(false));
  byId('result-use').addEventListener('click', () => accept(true));
  byId('failed-remove').addEventListener('click', discard);
  byId('failed-again').addEventListener('click', async () => {
    const id = jobId;
    openForm();
    await run('preparation.discard', { id }).catch(() => {});
  });
  dialog.addEventListener('close', () => {
    if (!sending) form.showError();
    jobId = undefined;
    shownId = undefined;
  });
  addEventListener('beforeunload', (event) => sending && event.preventDefault());

  return {
    /** Opens the form, with a file where one was dropped. */
    open(file) {
      if (sending && file) {
        toasts.show({
          key: 'adding',
          tone: 'warning',
          title: 'One file at a time',
          text: `${sending.fileName} is still being sent.`,
        });
        return;
      }
      if (sending) {
        view = 'progress';
        if (!dialog.open) dialog.showModal();
        return refresh();
      }
      openForm();
      if (file) {
        form.showFile(file);
        form.focus();
      }
    },
    openJob,
    update(status, changed) {
      avatars = status.avatars;
      if (!changed.has('preparations')) return;
      const before = jobs;
      jobs = status.preparations;
      for (const job of jobs)
        tell(
          job,
          [...before, arriving].find((known) => known?.id === job.id),
        );
      forgetArrived();
      refresh();
    },
  };

  /** Says what has changed about a job that nobody looks at. */
  function tell(job, before) {
    if (!before || before.state === job.state) return;
    const isLookedAt = dialog.open && findJob()?.id === job.id;
    if (job.state === 'ready') {
      const text = 'Choose it among the avatars to look at it.';
      if (isLookedAt) announce(`${job.name} is ready.`);
      else toasts.show({ key: 'adding', tone: 'good', title: `${job.name} is ready`, text });
    }
    if (job.state === 'failed') {
      if (isLookedAt) announce(`${job.name} did not work. ${job.error?.message ?? ''}`);
      else
        toasts.show({
          key: 'adding',
          tone: 'fault',
          title: `${job.name} did not work`,
          text: job.error?.message,
          fix: job.error?.fix,
        });
    }
  }
}

/** How a job stands that has just arrived. */
const WAITING = { state: 'preparing', step: 'Waiting for its turn', fraction: 0 };
/** What a person should know while they wait. */
const NOTES = {
  uploading: 'Keep this page open until the file has been sent.',
  preparing: 'You can close this; it goes on, and the show is not disturbed.',
};

function percentText(fraction) {
  return `${Math.floor(fraction * 100)} %`;
}
