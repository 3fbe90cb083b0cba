import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { FaceEngineContribution } from '../api/plugin.ts';
import { AppError } from '../base/errors.ts';
import type { Paths } from '../base/paths.ts';
import type { PluginHost } from '../host/plugin-host.ts';

/** The engine that needs nothing and runs anywhere. */
export const embeddedEngine = 'puppet';
/** The word for "whatever is best". */
const AUTO = 'auto';

/** Engines picked for a show. */
export interface EngineChoice {
  /** The best first; each draws where the one before cannot. */
  readonly engines: readonly FaceEngineContribution[];
  /** In words. */
  readonly why: string;
}

/**
 * The engines of a live show: the one asked for, or the best one whose model is installed, each with those behind it.
 * @param asked a scheme or `auto`. @throws AppError NO_SUCH_SCHEME.
 */
export function chooseEngines(host: PluginHost, asked: string | undefined, paths: Pick<Paths, 'data'>): EngineChoice {
  if (asked !== undefined && asked !== AUTO) {
    const engines = withFallbacks(host, asked);
    return { engines, why: `Face: ${engines[0]!.title}, as asked${behind(engines)}.` };
  }
  const best = host.contributions('faceEngines').find((engine) => isModelInstalled(engine, paths));
  const engines = withFallbacks(host, best?.scheme ?? embeddedEngine);
  const reason = best ? 'because its model is installed' : 'which needs nothing and runs on any CPU';
  return { engines, why: `Face: ${engines[0]!.title}, ${reason}${behind(engines)}.` };
}

/**
 * The engine of a running show that is meant by a scheme; undefined for `auto`.
 * @throws AppError NO_SUCH_SCHEME, ENGINE_NOT_OPEN.
 */
export function findOpenEngine(host: PluginHost, { engines }: EngineChoice, scheme: string): string | undefined {
  if (scheme === AUTO) return undefined;
  const { id, title } = host.findScheme('faceEngines', scheme);
  if (engines.some((engine) => engine.id === id)) return id;
  throw new AppError('ENGINE_NOT_OPEN', `This show was started without ${title}.`, {
    fix: `Start it anew: musecam start --engine ${scheme}`,
  });
}

/** Whether one of the models that an engine needs is on this machine; false for an engine that needs none. */
function isModelInstalled({ needsModel = [] }: FaceEngineContribution, { data }: Pick<Paths, 'data'>): boolean {
  // The record is the last file of an installation.
  return needsModel.some((id) => existsSync(join(data, 'models', id, 'model.json')));
}

function withFallbacks(host: PluginHost, scheme: string): readonly FaceEngineContribution[] {
  const engines: FaceEngineContribution[] = [];
  for (let next: string | undefined = scheme; next !== undefined; ) {
    const engine: FaceEngineContribution = host.findScheme('faceEngines', next);
    if (engines.includes(engine)) break;
    engines.push(engine);
    next = engine.fallback;
  }
  return engines;
}

function behind([, ...others]: readonly FaceEngineContribution[]): string {
  return others.length === 0 ? '' : `; where it cannot draw: ${others.map(({ title }) => title).join(', ')}`;
}
