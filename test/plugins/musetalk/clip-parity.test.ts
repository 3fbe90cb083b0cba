import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OpenFaceEngine } from '../../../src/api/contributions.ts';
import { SAMPLES_PER_FRAME, type Sound } from '../../../src/api/media.ts';
import type { EngineReport } from '../../../src/api/status.ts';
import { silentLog } from '../../../src/base/log.ts';
import { FACE_BYTES, FaceNetworks } from '../../../src/plugins/musetalk/face-networks.ts';
import { musetalkFace } from '../../../src/plugins/musetalk/open-musetalk.ts';
import { makeVoice } from '../../media/voice.ts';
import { CLIP_FRAMES, KEPT_FRAMES, thinned } from './golden-clip.ts';
import { SmallAvatar } from './small-avatar.ts';
import { openReducedHome } from './stand.ts';

let home: Awaited<ReturnType<typeof openReducedHome>>;
let avatar: SmallAvatar;
const before = process.env.MUSECAM_HOME;

beforeAll(async () => {
  home = await openReducedHome();
  process.env.MUSECAM_HOME = home.home;
  avatar = await SmallAvatar.open(CLIP_FRAMES + 2, 'loop');
});
afterAll(async () => {
  if (before === undefined) delete process.env.MUSECAM_HOME;
  else process.env.MUSECAM_HOME = before;
  await avatar[Symbol.asyncDispose]();
  await home[Symbol.asyncDispose]();
});

async function openEngine(settings: Record<string, unknown>, reports: EngineReport[] = []): Promise<OpenFaceEngine> {
  const options = { log: silentLog, isLive: false, onReport: (report: EngineReport) => void reports.push(report) };
  const own = { 'musetalk.provider': 'cpu', 'musetalk.precision': 'fp32', 'musetalk.threads': 2, ...settings };
  return musetalkFace.open({ ...options, settings: own }, new AbortController().signal);
}

/** What a wav file of 16 bits holds. */
const voice = makeVoice(CLIP_FRAMES * SAMPLES_PER_FRAME).map((value) => Math.round(value * 32767) / 32768);

/** The sound around a frame, silence before and behind. */
function soundAround(engine: OpenFaceEngine, frame: number): Sound {
  const start = Math.round(frame * SAMPLES_PER_FRAME - engine.context.before * 16_000);
  const end = Math.round((frame + 1) * SAMPLES_PER_FRAME + engine.context.after * 16_000);
  const samples = Float32Array.from({ length: end - start }, (_, i) => voice[start + i] ?? 0);
  return { frame, start, samples, endsAt: voice.length };
}

describe('a whole clip', () => {
  it('gets the faces that MuseTalk itself makes, from pictures and sound to pixels', { timeout: 120_000 }, async () => {
    // Upstream's own code on the same reduced networks (scripts/musetalk/make-clip-golden.ts).
    const golden = await readFile(new URL('./golden/clip.rgb', import.meta.url));
    await using engine = await openEngine({ 'musetalk.restInSilence': false });
    await engine.load(avatar.ref);
    const faces: Uint8Array[] = [];
    const { make } = FaceNetworks.prototype;
    FaceNetworks.prototype.make = async function (...args) {
      const made = await make.apply(this, args);
      faces.push(made.bytes!.slice(0, FACE_BYTES));
      return made;
    };
    try {
      for (let frame = 0; frame < CLIP_FRAMES; frame++) {
        const heard = await engine.hear(soundAround(engine, frame));
        const patch = await engine.draw(heard, { avatarId: 'small', index: frame, frame });
        expect(patch).toMatchObject({ format: 'i420', rect: avatar.ref.manifest.faceBoxes[frame]! });
      }
    } finally {
      FaceNetworks.prototype.make = make;
    }
    expect(faces).toHaveLength(CLIP_FRAMES);
    for (const [at, frame] of KEPT_FRAMES.entries()) {
      const expected = golden.subarray(at * 12_288, (at + 1) * 12_288);
      const ours = thinned(faces[frame]!);
      let [worst, sum] = [0, 0];
      for (let i = 0; i < ours.length; i++) {
        const difference = Math.abs(ours[i]! - expected[i]!);
        worst = Math.max(worst, difference);
        sum += difference;
      }
      expect(worst, `frame ${frame}`).toBeLessThanOrEqual(2);
      expect(sum / ours.length, `frame ${frame}`).toBeLessThan(0.2);
    }
  });

  it('is heard live, two seconds at a time, and rests where nobody speaks', { timeout: 120_000 }, async () => {
    const reports: EngineReport[] = [];
    await using engine = await openEngine({ 'musetalk.hearing': 'live' }, reports);
    await engine.load(avatar.ref);
    expect(engine.context.after + 0.04).toBeLessThanOrEqual(0.18);
    expect(reports.at(-1)).toMatchObject({
      detail: 'the processor, single precision',
      keepsUp: true,
      residents: [{ avatarId: 'small', place: 'processor' }],
    });
    const drawn: boolean[] = [];
    // The voice, then two seconds of nothing.
    for (let frame = 0; frame < CLIP_FRAMES + 50; frame++) {
      const heard = await engine.hear(soundAround(engine, frame));
      const patch = await engine.draw(heard, { avatarId: 'small', index: frame % 12, frame });
      drawn.push(patch !== undefined);
    }
    expect(drawn.slice(2, CLIP_FRAMES - 2)).not.toContain(false);
    expect(drawn.slice(-25)).not.toContain(true);
  });

  it('keeps latents that it had to make itself for the next time', async () => {
    await using engine = await openEngine({});
    await engine.load(avatar.ref);
    await engine.unload('small');
    const startMs = performance.now();
    await engine.load(avatar.ref);
    expect(performance.now() - startMs).toBeLessThan(5000);
  });
});
