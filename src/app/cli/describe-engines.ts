import type { EngineStatus, ShowStatus } from '../../api/status.ts';

/** An engine's row in the table of links: which one draws stands where outputs have their counters. */
export function engineRows({ engine, engines }: Pick<ShowStatus, 'engine' | 'engines'>): readonly EngineRow[] {
  // A lone engine says all there is to say by itself.
  if (engines.length < 2) return [{ link: engine, role: '' }];
  return engines.map((link) => ({ link, role: link.id === engine.id ? roleOf(link) : '' }));
}

/** One engine and what it does in the show. */
export interface EngineRow {
  readonly link: EngineStatus;
  readonly role: string;
}

/** What the engines hold in memory: networks, and avatars with their place; one line for each that says so. */
export function describeHoldings(engines: readonly EngineStatus[]): readonly string[] {
  return engines.flatMap(({ label, report }) => {
    if (!report) return [];
    const avatars = report.residents.map(
      ({ avatarId, bytes, place }) => `${avatarId} ${sizeOf(bytes)} ${place === 'gpu' ? 'on the GPU' : 'in memory'}`,
    );
    return [`${label}: ${[`networks ${sizeOf(report.networkBytes)}`, ...avatars].join(', ')}`];
  });
}

function roleOf({ state }: EngineStatus): string {
  if (state === 'ready') return 'draws';
  return state === 'starting' ? '' : 'avatar at rest';
}

function sizeOf(bytes: number): string {
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}
