import type { Log } from '../base/log.ts';
import type { NodeEntry } from '../base/node-entry.ts';
import type { SettingValues } from '../host/settings.ts';
import { FaceHost } from '../live/face-host.ts';
import { FaceLadder } from '../live/face-ladder.ts';
import type { EngineChoice } from './choose-engines.ts';

/**
 * Heartbeats of an engine's process may stop for this long, in ms. One with another behind it has longer: on a GPU a new
 * avatar can mean new shaders, whose compiling blocks for seconds, and meanwhile the other one draws.
 */
const HUNG_AFTER_MS = { last: 2000, others: 20_000 } as const;
/** How long opening an engine may take, in ms: one on a GPU compiles its shaders and measures what it can run on. */
const OPEN_DEADLINE_MS = 300_000;

/** What engines are opened with, besides the choice. */
export interface LadderOptions {
  /** The engine host's process. */
  readonly entry: NodeEntry;
  readonly settings: SettingValues;
  /** Folder of the plugin that declares an engine; undefined for those that come with the program. */
  readonly folderOf: (engineId: string) => string | undefined;
  readonly log: Log;
}

/** Starts a process for each engine of a live show, all at once; none is waited for. */
export function openLadder({ engines }: EngineChoice, { entry, settings, log, folderOf }: LadderOptions): FaceLadder {
  const patience = { isLive: true, openDeadlineMs: OPEN_DEADLINE_MS };
  const hosts = engines.map(({ id, title, scheme, lookAheadSeconds, fallback }) => {
    const about = {
      engineId: id,
      engineTitle: title,
      lookAheadSeconds,
      log: log.scope(scheme),
      pluginFolder: folderOf(id),
    };
    const hungAfterMs = fallback ? HUNG_AFTER_MS.others : HUNG_AFTER_MS.last;
    return new FaceHost({ entry, settings, ...about, ...patience, hungAfterMs });
  });
  return new FaceLadder(hosts);
}
