import type { Log } from '../base/log.ts';
import type { NodeEntry } from '../base/node-entry.ts';
import type { SettingValues } from '../host/settings.ts';
import { FaceHost } from '../live/face-host.ts';
import { FaceLadder } from '../live/face-ladder.ts';
import type { EngineChoice } from './choose-engines.ts';

/** Heartbeats of an engine's process may stop for this long, in ms. */
const HUNG_AFTER_MS = 2000;
/** How long opening an engine may take, in ms: one on a GPU compiles its shaders and measures what it can run on. */
const OPEN_DEADLINE_MS = 300_000;

/** What engines are opened with, besides the choice. */
export interface LadderOptions {
  /** The engine host's process. */
  readonly entry: NodeEntry;
  readonly settings: SettingValues;
  readonly log: Log;
}

/** Starts a process for each engine of a live show, all at once; none is waited for. */
export function openLadder({ engines }: EngineChoice, { entry, settings, log }: LadderOptions): FaceLadder {
  const patience = { isLive: true, hungAfterMs: HUNG_AFTER_MS, openDeadlineMs: OPEN_DEADLINE_MS };
  const hosts = engines.map(({ id, title, scheme, lookAheadSeconds }) => {
    const about = { engineId: id, engineTitle: title, lookAheadSeconds, log: log.scope(scheme) };
    return new FaceHost({ entry, settings, ...about, ...patience });
  });
  return new FaceLadder(hosts);
}
