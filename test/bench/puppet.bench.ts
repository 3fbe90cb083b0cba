import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AvatarRef } from '../../src/api/avatar.ts';
import { rgb24ToI420 } from '../../src/media/color.ts';
import { encodeFields } from '../../src/plugins/puppet/fields-file.ts';
import { IdleLife } from '../../src/plugins/puppet/idle-life.ts';
import { FIELDS_PATH, prepareFields } from '../../src/plugins/puppet/prepare.ts';
import { PuppetAvatar, WEIGHT_COUNT, weightIndex } from '../../src/plugins/puppet/puppet-avatar.ts';
import { drawClip, faceLandmarks, faceSize, paintFace } from '../plugins/puppet/drawn-face.ts';
import type { BenchGroup } from './harness.ts';

const size = { width: faceSize.width * 2, height: faceSize.height * 2 };

/** A picture of {@link faceSize} at twice its size, RGB24. */
function doubled(rgb: Uint8Array): Uint8Array {
  const large = new Uint8Array(size.width * size.height * 3);
  for (let at = 0; at < size.width * size.height; at++) {
    const x = (at % size.width) >> 1;
    const y = Math.floor(at / size.width) >> 1;
    large.set(rgb.subarray((y * faceSize.width + x) * 3, (y * faceSize.width + x) * 3 + 3), at * 3);
  }
  return large;
}

/** A talking, swaying clip at twice its size, its frames on disk as they are while live. */
async function openLargeClip(): Promise<{ avatar: PuppetAvatar; frameCount: number }> {
  const { face } = drawClip();
  const pictures: Uint8Array[] = [];
  for (let frame = 0; frame < face.frameCount; frame++) pictures.push(doubled(await face.pixels(frame)));
  const large = { ...face, ...size, landmarks: face.landmarks.map((value) => value * 2) };
  const fields = await prepareFields(
    { ...large, pixels: async (frame) => pictures[frame]! },
    new AbortController().signal,
  );
  const folder = mkdtempSync(join(tmpdir(), 'musecam-bench-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'puppet'));
  writeFileSync(join(folder, FIELDS_PATH), await encodeFields(fields));
  const bodyPath = join(folder, 'body.i420');
  for (const rgb of pictures) {
    const body = new Uint8Array(size.width * size.height * 1.5);
    rgb24ToI420(rgb, size, body);
    appendFileSync(bodyPath, body);
  }
  const manifest = { ...size, id: 'bench', frameCount: face.frameCount } as AvatarRef['manifest'];
  return {
    avatar: await PuppetAvatar.open({ id: 'bench', folder, manifest, bodyPath }, 1),
    frameCount: face.frameCount,
  };
}

/** The painted test face at twice its size. */
async function openLargeFace(): Promise<PuppetAvatar> {
  const small = faceLandmarks();
  const rgb = paintFace(small);
  const large = doubled(rgb);
  const landmarks = small.map((value) => value * 2);
  const face = {
    ...size,
    pixels: async () => large,
    frameCount: 1,
    landmarks,
    masks: new Uint8Array(0),
    faceBoxes: [],
    passthrough: [],
  };
  const fields = await prepareFields(face, new AbortController().signal);
  const body = new Uint8Array(size.width * size.height * 1.5);
  rgb24ToI420(large, size, body);
  return PuppetAvatar.fromPictures('bench', 1, fields, [body]);
}

/** A frame of the puppet engine at 1280x720: weights to finished I420 patch. */
export async function groups(): Promise<BenchGroup[]> {
  const avatar = await openLargeFace();
  const life = new IdleLife('bench');
  const weights = new Float32Array(WEIGHT_COUNT);
  let frame = 0;
  const draw = (isSpeaking: boolean, isAlive: boolean) => {
    weights.fill(0);
    frame++;
    if (isSpeaking) {
      weights[weightIndex('open')] = 0.5 + 0.5 * Math.sin(frame / 3);
      weights[weightIndex('wide')] = 0.5 + 0.5 * Math.sin(frame / 7);
      weights[weightIndex('close')] = 1;
    }
    if (isAlive) life.add(frame, weights[0]!, 1, weights);
    avatar.draw(weights, 0, frame);
  };
  const clip = await openLargeClip();
  const drawClipFrame = (isSpeaking: boolean, goesOn: boolean) => {
    weights.fill(0);
    frame++;
    if (isSpeaking) weights[weightIndex('open')] = 0.5 + 0.5 * Math.sin(frame / 3);
    clip.avatar.draw(weights, goesOn ? frame % clip.frameCount : 3, frame);
  };
  return [
    {
      title: 'Puppet: one frame of a clip at 720p, face 260 px wide, read from disk',
      runs: 400,
      benches: [
        { name: 'speaking (baseline)', budgetMs: 4, run: () => drawClipFrame(true, true) },
        { name: 'silent: the mouth of the clip shut', budgetMs: 4, run: () => drawClipFrame(false, true) },
        { name: 'speaking, always the same frame: without reading and placing', run: () => drawClipFrame(true, false) },
      ],
    },
    {
      title: 'Puppet: one frame at 720p, face 260 px wide',
      runs: 400,
      benches: [
        { name: 'speaking and alive: mouth, head, eyes, breath (baseline)', budgetMs: 3, run: () => draw(true, true) },
        { name: 'silent and alive', budgetMs: 3, run: () => draw(false, true) },
        { name: 'speaking, otherwise still', budgetMs: 3, run: () => draw(true, false) },
        { name: 'at rest', run: () => draw(false, false) },
      ],
    },
  ];
}
