import sharp from 'sharp';
import { DaemonProcess } from './daemon-process.ts';
import { type Fact, percentile } from './harness.ts';
import { type PreviewPicture, PreviewReader } from './preview-reader.ts';
import { watchPacing } from './watch-pacing.ts';

const COLD_STARTS = 3;
const SWAPS = 10;
/** How long each thing is watched, in s. `MUSECAM_BENCH_SECONDS` makes it longer: the design's pacing is over ten minutes. */
const WATCH_SECONDS = Number(process.env.MUSECAM_BENCH_SECONDS ?? 8);
/** Mean difference of two thumbnails, 0 … 255, from which they show different avatars; one that speaks differs by 1 to 3. */
const OTHER_AVATAR = 12;
/** A swap shows within this time or counts as lost, in ms. */
const SWAP_DEADLINE_MS = 700;

type Group = (name: string, value: number, unit: Fact['unit'], budget?: number, moonshot?: number) => Fact;

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const hasProc = process.platform === 'linux';

/** The compiled daemon, watched from outside: start, cost, latency, pace, swaps. */
export async function facts(): Promise<Fact[]> {
  return [...(await watchColdStarts()), ...(await watchRunning()), ...(await watchSink())];
}

function groupOf(group: string): Group {
  return (name, value, unit, budget, moonshot) => ({
    ...{ group, name, value, unit },
    ...(budget === undefined ? {} : { budget }),
    ...(moonshot === undefined ? {} : { moonshot }),
  });
}

async function watchColdStarts(): Promise<Fact[]> {
  const fact = groupOf(`Daemon: cold start, median of ${COLD_STARTS} (from the process's start)`);
  const [address, picture, live, chosen]: [number[], number[], number[], number[]] = [[], [], [], []];
  for (let run = 0; run < COLD_STARTS; run++) {
    await using daemon = await DaemonProcess.open();
    address.push(performance.now() - daemon.startedMs);
    await using preview = new PreviewReader(daemon);
    const first = await preview.first(() => true);
    picture.push(first.atMs - daemon.startedMs);
    // The avatar at rest is the same picture each time; the first other one was drawn by the engine.
    const drawn = await preview.first(({ jpeg }) => !jpeg.equals(first.jpeg));
    live.push(drawn.atMs - daemon.startedMs);
  }
  for (let run = 0; run < COLD_STARTS; run++) {
    await using daemon = await DaemonProcess.open([]);
    await using preview = new PreviewReader(daemon);
    chosen.push((await preview.first(() => true)).atMs - daemon.startedMs);
  }
  return [
    fact('address of the control page printed', percentile(address, 0.5), 'ms'),
    fact('first picture in the preview', percentile(picture, 0.5), 'ms', 1000, 500),
    fact('first picture, microphone looked for first', percentile(chosen, 0.5), 'ms', 1000, 500),
    fact('first picture with a moving face', percentile(live, 0.5), 'ms', 3000, 1500),
  ];
}

async function watchRunning(): Promise<Fact[]> {
  await using daemon = await DaemonProcess.open();
  await sleep(6000); // both avatars resident, first garbage gone, pacer settled
  const alone = await watchCost(daemon, 'nobody watches the preview');
  await using preview = new PreviewReader(daemon);
  await sleep(1000);
  const from = preview.pictures.length;
  const watched = await watchCost(daemon, 'the preview is watched, 640 px at 25 fps');
  const gaps = gapsOf(preview.pictures.slice(from));
  const fact = groupOf('Daemon: preview pictures as a viewer gets them');
  return [
    ...alone,
    ...watched,
    fact('gap between two, p99', percentile(gaps, 0.99), 'ms'),
    fact('gap between two, longest', Math.max(...gaps), 'ms'),
    ...(await watchSwaps(daemon, preview)),
  ];
}

async function watchCost(daemon: DaemonProcess, how: string): Promise<Fact[]> {
  const fact = groupOf(`Daemon: 25 fps, 1280x720, puppet, speaking; ${how}`);
  const [startMs, before] = [performance.now(), hasProc ? daemon.cpuMs() : undefined];
  const earlier = (await daemon.status()).frames;
  await sleep(WATCH_SECONDS * 1000);
  const found: Fact[] = [];
  if (before) {
    const [after, memory, share] = [daemon.cpuMs(), daemon.residentMb(), 100 / (performance.now() - startMs)];
    const cpu = { daemon: (after.daemon - before.daemon) * share, engine: (after.engine - before.engine) * share };
    found.push(
      fact('processor: share of one core, both processes', cpu.daemon + cpu.engine, '%', 30, 15),
      fact('  of it the daemon', cpu.daemon, '%'),
      fact('  of it the engine host', cpu.engine, '%'),
      fact('memory: resident, both processes', memory.daemon + memory.engine, 'MB', 600, 400),
      fact('  of it the daemon', memory.daemon, 'MB'),
      fact('  of it the engine host', memory.engine, 'MB'),
    );
  }
  const { latency, hear, draw, paste, frames } = await daemon.status();
  return [
    ...found,
    fact('latency, sound captured to picture handed out, p50', latency.p50Ms, 'ms'),
    fact('latency, sound captured to picture handed out, p95', latency.p95Ms, 'ms', 140, 100),
    fact('  hear, p95', hear.p95Ms, 'ms'),
    fact('  draw, p95', draw.p95Ms, 'ms'),
    fact('  paste, p95', paste.p95Ms, 'ms'),
    fact(
      'beats without a new picture',
      (100 * (frames.repeated - earlier.repeated)) / (frames.shown - earlier.shown),
      '%',
    ),
  ];
}

/** From the request to the first changed picture at a viewer, and whether a gap came with it. */
async function watchSwaps(daemon: DaemonProcess, preview: PreviewReader): Promise<Fact[]> {
  const [swaps, gaps, stale]: [number[], number[], number[]] = [[], [], []];
  for (let swap = 0; swap < SWAPS; swap++) {
    await sleep(100 + 37 * swap); // at every phase of the clock
    const from = preview.pictures.length - 1;
    const askedMs = performance.now();
    await daemon.run('avatar.use', { id: swap % 2 === 0 ? 'jonas' : 'mira' });
    await sleep(SWAP_DEADLINE_MS);
    const pictures = preview.pictures.slice(from);
    const changed = await firstOther(pictures);
    swaps.push(changed ? changed.atMs - askedMs : Number.POSITIVE_INFINITY);
    stale.push(pictures.filter(({ atMs }) => atMs > askedMs && changed && atMs < changed.atMs).length);
    gaps.push(...gapsOf(pictures));
  }
  const fact = groupOf(`Daemon: avatar swap, ${SWAPS} times, both avatars resident`);
  return [
    fact('POST avatar.use to the first picture of the other avatar, p50', percentile(swaps, 0.5), 'ms', 40),
    fact('POST avatar.use to the first picture of the other avatar, max', Math.max(...swaps), 'ms'),
    fact('pictures of the old avatar that still come, p50', percentile(stale, 0.5), 'frames'),
    fact('pictures of the old avatar that still come, max', Math.max(...stale), 'frames'),
    fact('longest gap between two pictures around a swap', Math.max(...gaps), 'ms'),
  ];
}

/** The first picture that shows another avatar than the first one. */
async function firstOther(pictures: readonly PreviewPicture[]): Promise<PreviewPicture | undefined> {
  const thumbnails = await Promise.all(
    pictures.map(({ jpeg }) => sharp(jpeg).resize(16, 9, { fit: 'fill' }).raw().toBuffer()),
  );
  const first = thumbnails[0];
  return pictures.find((_, index) => first && meanDifference(first, thumbnails[index]!) > OTHER_AVATAR);
}

function meanDifference(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((sum, value, at) => sum + Math.abs(value - b[at]!), 0) / a.length;
}

function gapsOf(pictures: readonly PreviewPicture[]): number[] {
  return pictures.slice(1).map(({ atMs }, index) => atMs - pictures[index]!.atMs);
}

/** The show's own pace, without preview, socket and viewer: an output inside the process. */
async function watchSink(): Promise<Fact[]> {
  const { gapsMs, latenciesMs, repeated } = await watchPacing(WATCH_SECONDS);
  const fact = groupOf(`Show: pace at an output, over ${WATCH_SECONDS} s`);
  return [
    fact('gap between two pictures, p50', percentile(gapsMs, 0.5), 'ms'),
    fact('gap between two pictures, p99', percentile(gapsMs, 0.99), 'ms', 60),
    fact('gap between two pictures, p99.9', percentile(gapsMs, 0.999), 'ms', undefined, 48),
    fact('gap between two pictures, longest', Math.max(...gapsMs), 'ms', 100),
    fact('latency, sound captured to picture at the output, p95', percentile(latenciesMs, 0.95), 'ms', 140, 100),
    fact('pictures shown twice', repeated, 'frames'),
  ];
}
