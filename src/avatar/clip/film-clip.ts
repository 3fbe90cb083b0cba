import type { Rect, Size } from '../../api/media.ts';
import { placePart } from '../cut-frame.ts';
import type { FaceFinder, FaceLandmarks } from '../find-face.ts';
import type { Picture } from '../picture.ts';
import type { QualityMeter } from '../report/quality-meter.ts';
import type { ClipMotion } from './choose-motion.ts';
import type { FaceTrack } from './clip.ts';
import { decodeClip } from './decode-clip.ts';
import { BodyEncoder } from './encode-body.ts';
import { PictureExtender } from './extend-picture.ts';
import { fadePictures } from './fade-loop.ts';
import { MatteFilm } from './matte-film.ts';
import { LANDMARK_BYTES, packLandmarks, unpackLandmarks } from './pack-landmarks.ts';
import type { ProbedClip } from './probe-clip.ts';
import { mapPoints, refineFrame } from './refine-frame.ts';
import type { WorkFolder } from './work-folder.ts';

/** What is filmed: which frames of a clip, framed how. */
export interface FilmPlan {
  readonly clip: ProbedClip;
  /** Of the survey, smoothed. */
  readonly track: FaceTrack;
  readonly motion: ClipMotion;
  /** The part of the clip that fills the frame; may reach beyond it. */
  readonly part: Rect;
  readonly size: Size;
  /** Names the files of this plan in the work folder. */
  readonly key: string;
}

/** What was seen while filming. */
export interface Film {
  /** Landmarks in pixels of the frames, for each frame of the plan's range, in order, not smoothed. */
  readonly track: FaceTrack;
  /** Paths of the encoded files; no matte where person and background could not be told apart. */
  readonly bodyPath: string;
  readonly mattePath: string | undefined;
}

/**
 * Goes through the clip a second time at its final framing: landmarks in final pixels, body and matte encoded, every frame
 * measured. Landmarks that an interrupted run found are not looked for again.
 * @param meter gets every frame of the body.
 * @param onFrame told how many frames are done.
 * @throws AppError what decodeClip, BodyEncoder and MatteFilm throw.
 */
export async function filmClip(
  plan: FilmPlan,
  finder: FaceFinder,
  meter: QualityMeter,
  work: WorkFolder,
  onFrame: (done: number) => void,
  signal: AbortSignal,
): Promise<Film> {
  const { clip, size, motion } = plan;
  const { start, end } = motion.range;
  const { visible, shown } = placePart(clip, plan.part, size);
  const names = filmFiles(plan.key);
  const records = await work.openRecords(names.points, LANDMARK_BYTES);
  const bodyPath = work.fileAt(names.body);
  const mattePath = work.fileAt(names.matte);
  const extender = new PictureExtender(shown, size);
  const loop = fadePictures(motion);
  const found: FaceLandmarks[] = [];
  await using body = await BodyEncoder.open(`${bodyPath}.part`, size, 'colour', signal);
  await using matte = await MatteFilm.open(`${mattePath}.part`, size, signal);
  for await (const decoded of decodeClip(clip, { part: visible, size: shown, firstFrame: start }, signal)) {
    const index = found.length;
    const picture = extender.draw(decoded);
    const landmarks =
      index < records.count ? unpackLandmarks(await records.read(index)) : await lookFor(plan, finder, picture, index);
    if (index >= records.count) await records.append(packLandmarks(landmarks));
    found.push(landmarks);
    const frame = loop(picture, index);
    if (frame) {
      const fault = plan.track.faults[start + index];
      await matte.add(frame.picture, fault === 'no-face' ? undefined : landmarks.points);
      meter.add({ index: frame.index, picture: frame.picture, ...landmarks, fault });
      await body.addRgb(frame.picture.pixels);
    }
    onFrame(found.length);
    if (start + found.length >= end) break;
  }
  await body.finish(signal);
  const isSure = await matte.finish(signal);
  await work.finish(names.body);
  if (isSure) await work.finish(names.matte);
  return { track: filmedTrack(plan, found), bodyPath, mattePath: isSure ? mattePath : undefined };
}

/** What an earlier run filmed to the end; undefined where none did. */
export async function findFilm(plan: FilmPlan, work: WorkFolder): Promise<Film | undefined> {
  const names = filmFiles(plan.key);
  if (!(await work.has(names.body))) return undefined;
  const records = await work.openRecords(names.points, LANDMARK_BYTES);
  const found: FaceLandmarks[] = [];
  while (found.length < records.count) found.push(unpackLandmarks(await records.read(found.length)));
  const mattePath = (await work.has(names.matte)) ? work.fileAt(names.matte) : undefined;
  return { track: filmedTrack(plan, found), bodyPath: work.fileAt(names.body), mattePath };
}

function filmFiles(key: string) {
  return { points: `film-${key}.points`, body: `film-${key}.mp4`, matte: `film-${key}-matte.mp4` };
}

/** The landmarks in final pixels; of a frame without a usable face those of the survey. */
async function lookFor(plan: FilmPlan, finder: FaceFinder, picture: Picture, index: number): Promise<FaceLandmarks> {
  const { clip, track, part, size, motion } = plan;
  const frame = motion.range.start + index;
  const scale = clip.width / track.size.width;
  const length = track.points.length / track.frameCount;
  const seen = track.points.subarray(frame * length, (frame + 1) * length);
  const start = mapPoints(seen, { x: part.x / scale, y: part.y / scale }, (scale * size.width) / part.width);
  if (track.faults[frame] !== undefined) return { points: start, score: track.scores[frame]! };
  return refineFrame(finder, picture, start);
}

/** A clip may hold a frame less than its head says: then the track ends with what there was. */
function filmedTrack({ track, motion, size }: FilmPlan, found: readonly FaceLandmarks[]): FaceTrack {
  const length = track.points.length / track.frameCount;
  const points = new Float32Array(found.length * length);
  found.forEach((landmarks, i) => {
    points.set(landmarks.points, i * length);
  });
  const { start } = motion.range;
  const isInside = (cut: number) => cut > start && cut < start + found.length;
  return {
    size,
    frameCount: found.length,
    points,
    scores: Float32Array.from(found, (landmarks) => landmarks.score),
    faults: track.faults.slice(start, start + found.length),
    cuts: track.cuts.filter(isInside).map((cut) => cut - start),
  };
}
