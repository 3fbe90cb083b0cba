import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { checkAvatar } from '../../../src/avatar/check-avatar.ts';
import { AvatarLibrary, type AvatarShelf } from '../../../src/avatar/library.ts';
import { loadAvatar } from '../../../src/avatar/load-avatar.ts';
import { importAvatar } from '../../../src/avatar/pack/import-avatar.ts';
import { AppError } from '../../../src/base/errors.ts';
import { writeTestAvatar } from '../write-test-avatar.ts';
import { buildZip, type ZipItem } from './build-zip.ts';
import {
  type AvatarFilesInMemory,
  mutateBytes,
  mutateHeader,
  mutateItems,
  mutateJson,
  mutateSigned,
  Random,
} from './mutate.ts';

/** What became of the inputs. */
export interface FuzzCounts {
  inputs: number;
  /** Found sound, checked again and loaded. */
  accepted: number;
  /** Refused, by the code of the error or problem. */
  readonly refused: Map<string, number>;
  /** The most memory this process had, in bytes. */
  peakBytes: number;
  /** The longest that one input took, in ms. */
  slowestMs: number;
}

/** How much is tried. */
export interface FuzzOptions {
  readonly count: number;
  readonly seed: number;
  /** Number of the first input: with `count` 1 a single one is tried again. */
  readonly first?: number;
  /** Every how many inputs a clip takes the place of the still; 0: never. Takes ffmpeg. */
  readonly clipEvery: number;
  readonly onProgress?: (counts: FuzzCounts) => void;
}

/** One input may take this long before it counts as hung, in ms. */
const HUNG_AFTER_MS = 60_000;

/** A fuzz run's folders and sound avatars. */
class Bench implements AsyncDisposable {
  readonly home: string;
  readonly shelf: string;
  readonly cache: string;
  readonly still: AvatarFilesInMemory;
  readonly clip: AvatarFilesInMemory;

  private constructor(home: string, still: AvatarFilesInMemory, clip: AvatarFilesInMemory) {
    this.home = home;
    this.shelf = join(home, 'shelf');
    this.cache = join(home, 'cache');
    this.still = still;
    this.clip = clip;
  }

  static async open(withClip: boolean): Promise<Bench> {
    const home = await mkdtemp(join(tmpdir(), 'musecam-fuzz-'));
    const still = await readAvatar(await writeTestAvatar(join(home, 'sound'), 'anna'));
    const clip = withClip ? await readAvatar(await writeTestAvatar(join(home, 'sound'), 'clip', 4)) : still;
    const bench = new Bench(home, still, clip);
    await mkdir(bench.shelf);
    await mkdir(bench.cache);
    return bench;
  }

  /** What lies beside the shelf: has to stay the same whatever is tried. */
  async surroundings(): Promise<string> {
    return [...(await readdir(this.home)), ...(await readdir(join(this.home, 'sound'), { recursive: true }))].join();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.home, { recursive: true, force: true });
  }
}

/** Imports mutated packs. @throws Error naming the input that broke a promise. */
export async function fuzzPacks(options: FuzzOptions): Promise<FuzzCounts> {
  await using bench = await Bench.open(options.clipEvery > 0);
  const path = join(bench.home, 'a.musecam');
  await writeFile(path, '');
  const around = await bench.surroundings();
  return await runInputs(options, async (random, isClip) => {
    await writeFile(path, makePack(new Map(isClip ? bench.clip : bench.still), random));
    const isReplacing = random.below(4) === 0;
    if (isReplacing) await writeFiles(join(bench.shelf, 'anna'), bench.still);
    const code = await importOne(path, bench, await snapshot(bench.shelf));
    if ((await bench.surroundings()) !== around) throw new Error('something was written outside the shelf');
    for (const name of await readdir(bench.shelf)) await rm(join(bench.shelf, name), { recursive: true });
    return code;
  });
}

async function importOne(path: string, bench: Bench, before: string): Promise<string | undefined> {
  try {
    const { folder } = await importAvatar(path, { folder: bench.shelf, replace: true });
    await expectSound(folder, bench.cache);
    return undefined;
  } catch (thrown) {
    if (!(thrown instanceof AppError)) throw thrown;
    if ((await snapshot(bench.shelf)) !== before) throw new Error(`the shelf is not as it was after ${thrown.code}`);
    return thrown.code;
  }
}

/** Checks, lists and loads mutated folders. @throws Error naming the input that broke a promise. */
export async function fuzzFolders(options: FuzzOptions): Promise<FuzzCounts> {
  await using bench = await Bench.open(options.clipEvery > 0);
  const around = await bench.surroundings();
  const shelves = [{ folder: bench.shelf, isShipped: false }];
  return await runInputs(options, async (random, isClip) => {
    const folder = join(bench.shelf, isClip ? 'clip' : 'anna');
    await writeMutated(folder, new Map(isClip ? bench.clip : bench.still), random);
    const before = await snapshot(bench.shelf);
    const code = await lookAt(folder, shelves, bench.cache);
    if ((await snapshot(bench.shelf)) !== before) throw new Error('looking at an avatar has changed it');
    if ((await bench.surroundings()) !== around) throw new Error('something was written outside the cache');
    await rm(folder, { recursive: true });
    return code;
  });
}

async function lookAt(
  folder: string,
  shelves: readonly AvatarShelf[],
  cacheFolder: string,
): Promise<string | undefined> {
  const library = new AvatarLibrary(shelves, { cacheFolder });
  if ((await library.list()).length !== 1) throw new Error('it is not listed');
  const { ok, problems } = await checkAvatar(folder, { deep: true });
  if (ok) await expectSound(folder, cacheFolder);
  else await expectRefused(folder, cacheFolder, problems[0]!.code);
  return problems[0]?.code;
}

/** What was accepted passes every check and can be shown. */
async function expectSound(folder: string, cacheFolder: string): Promise<void> {
  // Loading runs every check again, and decodes everything.
  await using avatar = await loadAvatar(folder, { cacheFolder }).catch((thrown) => {
    throw new Error(`accepted, but it does not load: ${thrown}`, { cause: thrown });
  });
  const { width, height } = avatar.manifest;
  await avatar.pose(0).readBody(new Uint8Array((width * height * 3) / 2));
}

/** What was found broken is either refused in words, or shown all the same where only its depths are broken. */
async function expectRefused(folder: string, cacheFolder: string, code: string): Promise<void> {
  try {
    await using _ = await loadAvatar(folder, { cacheFolder });
  } catch (thrown) {
    if (thrown instanceof AppError) return;
    throw new Error(`loading what has the problem ${code} threw ${thrown}`, { cause: thrown });
  }
}

async function runInputs(
  { count, seed, first = 0, clipEvery, onProgress }: FuzzOptions,
  tryOne: (random: Random, isClip: boolean) => Promise<string | undefined>,
): Promise<FuzzCounts> {
  const counts: FuzzCounts = { inputs: 0, accepted: 0, refused: new Map(), peakBytes: 0, slowestMs: 0 };
  for (let input = first; input < first + count; input++) {
    const startMs = performance.now();
    const isClip = clipEvery > 0 && input % clipEvery === 0;
    const code = await inTime(tryOne(new Random(Math.imul(seed, 0x9e3779b1) + input), isClip)).catch((thrown) => {
      throw new Error(`seed ${seed}, input ${input}: ${thrown}`, { cause: thrown });
    });
    counts.inputs++;
    if (code === undefined) counts.accepted++;
    else counts.refused.set(code, (counts.refused.get(code) ?? 0) + 1);
    counts.slowestMs = Math.max(counts.slowestMs, performance.now() - startMs);
    if (input % 64 === 0) counts.peakBytes = Math.max(counts.peakBytes, process.memoryUsage.rss());
    onProgress?.(counts);
  }
  return counts;
}

async function inTime<T>(doing: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const hung = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('it hangs')), HUNG_AFTER_MS);
  });
  try {
    return await Promise.race([doing, hung]);
  } finally {
    clearTimeout(timer);
  }
}

function makePack(files: AvatarFilesInMemory, random: Random): Buffer {
  const kind = random.below(8);
  if (kind === 0 || kind === 1) mutateManifest(files, random);
  if (kind === 2 || kind === 3) mutateSigned(files, random);
  let items: ZipItem[] = [...files].map(([name, data]) => ({ name, data, deflate: random.below(3) === 0 }));
  if (kind === 4 || kind === 5) items = mutateItems(items, random);
  const pack = buildZip(items);
  if (kind === 6) return mutateBytes(pack, random);
  return kind === 7 ? mutateHeader(pack, random) : pack;
}

async function writeMutated(folder: string, files: AvatarFilesInMemory, random: Random): Promise<void> {
  const path = random.pick([...files.keys()]);
  const kind = random.below(6);
  if (kind === 0 || kind === 1) mutateManifest(files, random);
  if (kind === 2 || kind === 3) mutateSigned(files, random);
  if (kind === 4) files.set(path, mutateBytes(files.get(path)!, random));
  await writeFiles(folder, files);
  if (kind !== 5) return;
  const full = join(folder, path);
  await rm(full);
  const other = random.below(4);
  if (other === 0) await symlink('/etc/hostname', full);
  if (other === 1) await mkdir(full);
  if (other === 2) spawnSync('mkfifo', [full]);
}

function mutateManifest(files: AvatarFilesInMemory, random: Random): void {
  files.set('avatar.json', Buffer.from(mutateJson(files.get('avatar.json')!.toString(), random)));
}

async function writeFiles(folder: string, files: AvatarFilesInMemory): Promise<void> {
  for (const [path, data] of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), data);
  }
}

/** The files of an avatar, avatar.json first. */
async function readAvatar(folder: string): Promise<AvatarFilesInMemory> {
  const files: AvatarFilesInMemory = new Map([['avatar.json', await readFile(join(folder, 'avatar.json'))]]);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) files.set(path.slice(folder.length + 1), await readFile(path));
  }
  return files;
}

/** Everything under a folder, hidden or not: names, kinds, and what avatar.json says. */
async function snapshot(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const lines = await Promise.all(
    entries.map(async (entry) => {
      const path = join(entry.parentPath, entry.name);
      const text = entry.isFile() && entry.name === 'avatar.json' ? await readFile(path, 'latin1') : '';
      return `${path} ${entry.isFile()} ${text}`;
    }),
  );
  return lines.sort().join('\n');
}
