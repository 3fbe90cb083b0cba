import { writeFile } from 'node:fs/promises';
import { silentLog } from '../../base/log.ts';
import { findPaths } from '../../base/paths.ts';
import { openPluginsWithoutShow } from '../builtin-plugins.ts';
import { embeddedEngine } from '../choose-engines.ts';
import { declareInstalled } from '../installed-plugins.ts';
import { defaultAvatarId } from '../open-library.ts';
import { openLog } from '../open-log.ts';
import { render } from '../render.ts';
import { readSettings } from './read-settings.ts';
import { openProgress, printJson } from './terminal.ts';

/** Flags of `musecam render`. */
export interface RenderFlags {
  readonly audio: string;
  readonly avatar?: string;
  readonly out: string;
  readonly engine?: string;
  readonly framesJson?: string;
  readonly size?: string;
  readonly set: string[];
  readonly json?: boolean;
  readonly verbose?: boolean;
}

/** Renders a sound file to a video, off line. */
export async function renderFile(flags: RenderFlags, signal: AbortSignal): Promise<void> {
  const paths = findPaths();
  const values = await readSettings(paths, flags.size ? [...flags.set, `show.size=${flags.size}`] : flags.set);
  const log = flags.verbose ? openLog('debug') : silentLog;
  await using plugins = openPluginsWithoutShow(log, values, declareInstalled(paths, 'process'));
  const startedMs = performance.now();
  let frames: Awaited<ReturnType<typeof render>>;
  {
    using progress = openProgress('Rendering');
    frames = await render(
      {
        paths,
        log,
        settings: values,
        plugins,
        audioPath: flags.audio,
        avatarId: flags.avatar ?? defaultAvatarId,
        outPath: flags.out,
        engine: flags.engine ?? embeddedEngine,
        onProgress: (done, total) => progress.update(done, total, `frame ${done}/${total}`),
      },
      signal,
    );
  }
  if (flags.framesJson) await writeFile(flags.framesJson, JSON.stringify(frames));
  const seconds = (performance.now() - startedMs) / 1000;
  const lengthSeconds = frames.length / 25;
  const facts = {
    out: flags.out,
    frames: frames.length,
    lengthSeconds,
    seconds,
    timesRealTime: lengthSeconds / seconds,
  };
  if (flags.json) printJson(facts);
  else {
    console.log(
      `${flags.out}: ${frames.length} frames, ${lengthSeconds.toFixed(1)} s, rendered in ${seconds.toFixed(1)} s ` +
        `(${facts.timesRealTime.toFixed(1)}x real time)`,
    );
  }
}
