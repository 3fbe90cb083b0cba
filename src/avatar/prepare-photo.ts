import sharp from 'sharp';
import type { AvatarManifest, PreparedFace } from '../api/avatar.ts';
import type { Rect, Size } from '../api/media.ts';
import { chooseFace } from './choose-face.ts';
import { mapPoints } from './clip/refine-frame.ts';
import { cutFrame } from './cut-frame.ts';
import { decodePhoto, sharpOf } from './decode-photo.ts';
import { boundsOf, faceBoxOf } from './face-box.ts';
import { faceTopology } from './face-topology.ts';
import { FaceFinder } from './find-face.ts';
import { chooseFrame } from './frame-face.ts';
import { frameSizeFor, wholePart } from './framing.ts';
import { drawJawMask } from './jaw-mask.ts';
import { PersonMatte } from './matte/person-matte.ts';
import type { Picture } from './picture.ts';
import { prepareEngines } from './prepare-engines.ts';
import { checkOptions, type PrepareOptions, type PrepareStep } from './prepare-options.ts';
import { drawSheet } from './report/draw-sheet.ts';
import { QualityMeter } from './report/quality-meter.ts';
import { refuseHopeless } from './report/refuse-hopeless.ts';
import { type AvatarContent, writeAvatar } from './write-avatar.ts';

const NO_SIGNAL = new AbortController().signal;

/** What was found in a photo, in pixels of the frame. */
interface StillFace {
  readonly body: Picture;
  /** Float32 `[478, 3]`. */
  readonly points: Float32Array;
  readonly score: number;
  readonly box: Rect;
  /** Uint8 `[box height, box width]`. */
  readonly mask: Uint8Array;
  /** Pixels of the photo per pixel of the body. */
  readonly sourceScale: number;
}

/**
 * Makes a prepared avatar of a photo: decodes it, finds the face, frames it like a webcam, works out landmarks, box, mask
 * and matte, judges it, lets every engine prepare, and writes the folder. Either the whole avatar is there in the end, or
 * nothing.
 * @throws AppError BAD_AVATAR_ID, CONSENT_MISSING, BAD_AVATAR_DETAILS, AVATAR_EXISTS, CLIP_HOPELESS, DISK_FULL,
 * FOLDER_NOT_WRITABLE, and what {@link decodePhoto} and {@link chooseFace} throw.
 */
export async function preparePhoto(options: PrepareOptions): Promise<AvatarManifest> {
  const signal = options.signal ?? NO_SIGNAL;
  const progress = (step: PrepareStep, fraction: number) => {
    signal.throwIfAborted();
    options.onProgress?.({ step, fraction });
  };
  await checkOptions(options);
  const still = await photograph(options, progress);
  progress('report', 0.55);
  const content = await describeStill(options, still);
  const onProgress = (done: number) => progress('engine', 0.65 + 0.2 * done);
  const engines = await prepareEngines(options.engines, preparedFaceOf(still), signal, onProgress, {
    wanted: options.wantedEngines,
    onNote: options.onWarning,
  });
  progress('write', 0.85);
  const manifest = await writeAvatar(options, content, engines, signal);
  options.onProgress?.({ step: 'write', fraction: 1 });
  return manifest;
}

type Progress = (step: PrepareStep, fraction: number) => void;

async function photograph(options: PrepareOptions, progress: Progress): Promise<StillFace> {
  progress('read', 0);
  const photo = await decodePhoto(options.source);
  const size = frameSizeFor(photo, options);
  await using finder = await FaceFinder.open();
  progress('find-face', 0.3);
  const choice = { source: options.source, scale: photo.copyScale, face: options.face };
  const found = await chooseFace(finder, photo.copy, choice);
  progress('frame', 0.5);
  const outline = boundsOf(found.points, faceTopology.faceOval);
  const face = scaleRect(outline, photo.copyScale);
  const part = options.framing === 'whole' ? wholePart(photo, size) : chooseFrame(photo, face, size);
  const body = await cutFrame(photo, part, size);
  // Once more where it counts: in the pixels that will be shown.
  const corner = { x: part.x / photo.copyScale, y: part.y / photo.copyScale };
  const start = mapPoints(found.points, corner, (photo.copyScale * size.width) / part.width);
  let seen = await finder.landmarks(body, { points: start, score: found.score });
  seen = await finder.landmarks(body, seen);
  const { points, score } = await finder.landmarks(body, seen);
  const box = faceBoxOf(points, size);
  return { body, points, score, box, mask: drawJawMask(points, box), sourceScale: part.width / size.width };
}

/** Judges a still and brings it into the form in which it is written. @throws AppError CLIP_HOPELESS. */
async function describeStill({ source, name }: PrepareOptions, still: StillFace): Promise<AvatarContent> {
  const { body, points, score, box, mask, sourceScale } = still;
  const meter = new QualityMeter();
  meter.add({ index: 0, picture: body, points, score });
  const report = meter.finish({ boxes: [box], sourceScale });
  refuseHopeless(report, source);
  await using matter = await PersonMatte.open();
  const matte = await matter.cut(body, points, true);
  return {
    size: { width: body.width, height: body.height },
    frameCount: 1,
    motion: 'still',
    body: { path: 'body/0000.webp', data: await sharpOf(body).webp({ lossless: true, effort: 2 }).toBuffer() },
    points,
    boxes: [box],
    masks: mask,
    passthrough: [],
    matte: matte && { path: 'matte.webp', data: await encodeGrey(matte, body) },
    report,
    sheet: await drawSheet({
      title: name,
      report,
      samples: meter.samples,
      boxes: [box],
      masks: () => mask,
      points: () => points,
      passthrough: [],
    }),
    preview: body,
    faceScore: score,
  };
}

/** One 8-bit plane as a lossless WebP. */
async function encodeGrey(plane: Uint8Array, { width, height }: Size): Promise<Uint8Array> {
  return sharp(plane, { raw: { width, height, channels: 1 } })
    .webp({ lossless: true, effort: 2 })
    .toBuffer();
}

function preparedFaceOf(still: StillFace): PreparedFace {
  return {
    width: still.body.width,
    height: still.body.height,
    // Copies: what an engine does to them must not reach the avatar.
    pixels: async () => still.body.pixels.slice(),
    frameCount: 1,
    landmarks: still.points.slice(),
    masks: still.mask.slice(),
    faceBoxes: [still.box],
    passthrough: [],
  };
}

function scaleRect(rect: Rect, scale: number): Rect {
  return { x: rect.x * scale, y: rect.y * scale, width: rect.width * scale, height: rect.height * scale };
}
