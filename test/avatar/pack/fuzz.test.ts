import { describe, expect, it } from 'vitest';
import { hasProgram } from '../../fakes/need.ts';
import { type FuzzCounts, fuzzFolders, fuzzPacks } from './fuzz.ts';

/** As many as a test may take; more of them: `npx tsx test/avatar/pack/fuzz-packs.ts --count 100000`. */
const COUNT = 1000;
const SEED = 3;
/** A program is started for each clip that gets far. */
const CLIP_EVERY = hasProgram('ffmpeg') ? 200 : 0;
/** What a process with this many pictures through its hands may have, in bytes: a single bomb would take more. */
const MAX_BYTES = 1_000_000_000;
const LIMIT_MS = 300_000;

/** That the inputs reached every depth: none of these promises holds because nothing was tried. */
function expectReach({ inputs, accepted, refused, peakBytes }: FuzzCounts, codes: readonly string[]): void {
  expect(inputs).toBe(COUNT);
  expect(accepted).toBeGreaterThan(COUNT / 40);
  expect([...refused.keys()]).toEqual(expect.arrayContaining([...codes]));
  expect(peakBytes).toBeLessThan(MAX_BYTES);
}

describe('mutated packs', { timeout: LIMIT_MS }, () => {
  it('are refused in words and leave the shelf as it was, or are sound and load', async () => {
    const counts = await fuzzPacks({ count: COUNT, seed: SEED, clipEvery: CLIP_EVERY });
    expectReach(counts, ['PACK_BROKEN', 'PACK_UNSAFE', 'AVATAR_TOO_NEW', 'CONSENT_MISSING']);
  });
});

describe('mutated folders', { timeout: LIMIT_MS }, () => {
  it('are found broken without being changed, or load', async () => {
    const counts = await fuzzFolders({ count: COUNT, seed: SEED, clipEvery: CLIP_EVERY });
    expectReach(counts, [
      'bad-manifest',
      'wrong-hash',
      'wrong-size',
      'link',
      'not-a-file',
      'bad-picture',
      'bad-report',
    ]);
  });
});
