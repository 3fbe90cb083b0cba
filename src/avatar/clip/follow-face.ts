import { AppError } from '../../base/errors.ts';
import { findFaces, heightOf, noseOf } from '../choose-face.ts';
import type { FaceFinder, FaceLandmarks } from '../find-face.ts';
import type { Picture, Point } from '../picture.ts';
import { compareLooks, lookOf } from './face-look.ts';
import { type FollowedFrame, MAX_OTHERS, type SeenFace } from './followed-frame.ts';
import { judgeFace } from './judge-face.ts';
import { lookNear } from './look-near.ts';
import { isSceneCut, thumbnailOf } from './see-cut.ts';

/** Which face is followed. */
export interface FollowOptions {
  /** How the clip is called in messages. */
  readonly source: string;
  /** Which one of several faces, from the left, beginning with 1. */
  readonly face?: number | undefined;
  /** Pixels of the source per pixel of the pictures that are looked at. */
  readonly scale: number;
}

/** While the face is lost the detector looks again after this many frames: it costs ten times as much as the mesh. */
const LOOK_AGAIN_FRAMES = 5;
/** Where there are other faces the detector keeps an eye on them this often, in frames. */
const LOOK_ROUND_FRAMES = 25;
/** The mesh's own limit for "this is still a face". */
const MIN_TRACK_SCORE = 0.5;
/** How much a face may grow or shrink in 1/25 s, and how far it may move as a share of its height. */
const MAX_GROWTH = 1.35;
const MAX_STEP = 0.6;
/** How far a lost face may have moved, in face heights: at once, and more for every frame it has been lost. */
const REACH = { least: 0.6, perFrame: 0.15 } as const;
/** After this many frames the reach grows no more. */
const MAX_REACH_FRAMES = 16;
/** Looks (compareLooks) that are the same face where others are about; where nobody else was seen; certainly not the same. */
const SAME_LOOK = 14;
const STRANGER_LOOK = 20;
const OTHER_LOOK = 40;
/** Faces smaller than a 25th of the picture's longer side are of no use: see detectFaces. */
const FINEST_TILES = 2;

/**
 * Follows one face through the frames of a clip, given in order: one look of the mesh a frame, starting from the landmarks
 * of the frame before; the detector only at the beginning, after a cut and while the face is lost. All its state follows
 * from the frames it returned, so it can be resumed from them. Owns nothing.
 */
export class FaceFollower {
  readonly #finder: FaceFinder;
  readonly #options: FollowOptions;
  #last: FollowedFrame | undefined;
  /** The face where it was last seen, and how it looked when it was last seen well. */
  #ours: SeenFace | undefined;
  #others: readonly SeenFace[] = [];
  #framesLost = 0;
  #hasFaceInShot = false;
  /** Frames since the detector looked; infinite where it must look now. */
  #framesSinceLook = Infinity;

  constructor(finder: FaceFinder, options: FollowOptions) {
    this.#finder = finder;
    this.#options = options;
  }

  /** A follower that goes on as if it had followed these frames itself. */
  static resume(finder: FaceFinder, options: FollowOptions, framesBefore: Iterable<FollowedFrame>): FaceFollower {
    const follower = new FaceFollower(finder, options);
    for (const frame of framesBefore) follower.#remember(frame);
    return follower;
  }

  /**
   * The face in the next frame.
   * @throws AppError SEVERAL_FACES when the first faces of the clip are several and none was chosen.
   */
  async follow(picture: Picture): Promise<FollowedFrame> {
    const thumbnail = thumbnailOf(picture);
    const isCut = this.#last !== undefined && isSceneCut(this.#last.thumbnail, thumbnail);
    if (isCut) this.#startShot();
    let face = isCut ? undefined : await this.#track(picture);
    let others: readonly SeenFace[] | undefined;
    if (this.#framesSinceLook >= (face ? this.#roundFrames() : LOOK_AGAIN_FRAMES)) {
      const faces = await findFaces(this.#finder, picture, FINEST_TILES);
      const seen = faces.map((one) => seenFace(picture, one));
      const chosen = face ? nearestTo(seen, face) : this.#choose(seen);
      others = this.#othersOf(seen, chosen);
      face ??= chosen === undefined ? undefined : faces[chosen];
    }
    const before = isCut ? undefined : this.#last?.fault;
    const frame: FollowedFrame = {
      points: face?.points,
      score: face?.score ?? 0,
      fault: face ? judgeFace(face, picture, before, this.#options.scale) : 'no-face',
      isCut,
      thumbnail,
      look: face && lookOf(picture, face.points),
      others,
    };
    this.#remember(frame);
    return frame;
  }

  /** Everything the next frame depends on; nothing may be kept that does not go through here. */
  #remember(frame: FollowedFrame): void {
    if (frame.isCut) this.#startShot();
    const { points, look } = frame;
    if (points && look) {
      // A hand or a profile shall not become the look the face is recognised by.
      const kept = frame.fault && this.#ours ? this.#ours.look : look;
      this.#ours = { ...noseOf({ points }), height: heightOf(points), look: kept };
    }
    if (frame.others) this.#others = frame.others;
    this.#framesSinceLook = frame.others ? 1 : this.#framesSinceLook + 1;
    this.#framesLost = points ? 0 : this.#framesLost + 1;
    this.#hasFaceInShot ||= points !== undefined;
    this.#last = frame;
  }

  #startShot(): void {
    this.#others = [];
    this.#hasFaceInShot = false;
    this.#framesSinceLook = Infinity;
  }

  #roundFrames(): number {
    return this.#others.length > 0 ? LOOK_ROUND_FRAMES : Infinity;
  }

  /** The face near where it was in the frame before; undefined where it is lost. */
  async #track(picture: Picture): Promise<FaceLandmarks | undefined> {
    const points = this.#last?.points;
    if (!points) return undefined;
    const found = await lookNear(this.#finder, picture, points);
    if (isPlausible(found, points) && !this.#isOther(picture, found)) return found;
    this.#framesSinceLook = Infinity;
    return undefined;
  }

  /** Whether the mesh slid onto somebody else: somebody who was seen looks much more like it than our face did. */
  #isOther(picture: Picture, face: FaceLandmarks): boolean {
    if (this.#others.length === 0 || !this.#ours) return false;
    const look = lookOf(picture, face.points);
    const like = compareLooks(this.#ours.look, look);
    return like > SAME_LOOK && this.#others.some((other) => compareLooks(other.look, look) < like / 2);
  }

  /** Which of these faces is the one to follow; undefined where none is. */
  #choose(seen: readonly SeenFace[]): number | undefined {
    if (!this.#ours) return this.#chooseFirst(seen);
    const ours = this.#ours;
    if (this.#hasFaceInShot) return bestOf(seen, (face) => this.#costOf(face, ours));
    // In a new shot the place says nothing. Who asked for one of several persons wants no other one.
    const limit = this.#options.face === undefined ? Infinity : STRANGER_LOOK;
    return bestOf(seen, (face) => costWithin(compareLooks(ours.look, face.look), limit));
  }

  #chooseFirst(seen: readonly SeenFace[]): number | undefined {
    const { face, source } = this.#options;
    if (face !== undefined) return seen[face - 1] ? face - 1 : undefined;
    if (seen.length <= 1) return seen.length === 1 ? 0 : undefined;
    const places = seen.map((one, i) => `${i + 1} at ${Math.round(one.x)},${Math.round(one.y)}`);
    throw new AppError('SEVERAL_FACES', `${seen.length} faces were found in ${source} (${places.join('; ')}).`, {
      fix: `Say which one, counted from the left: --face 1 … --face ${seen.length}; or cut the clip so that one is seen`,
    });
  }

  /** How unlike a face is to ours, lost in this shot; undefined where it cannot be ours. */
  #costOf(face: SeenFace, ours: SeenFace): number | undefined {
    const unlike = compareLooks(ours.look, face.look);
    const othersUnlike = Math.min(...this.#others.map((other) => compareLooks(other.look, face.look)));
    if (unlike <= (this.#others.length > 0 ? SAME_LOOK : STRANGER_LOOK) && unlike < othersUnlike) return unlike;
    const frames = Math.min(this.#framesLost, MAX_REACH_FRAMES);
    const reach = (REACH.least + REACH.perFrame * frames) * Math.max(face.height, ours.height);
    const growth = Math.max(face.height, ours.height) / Math.min(face.height, ours.height);
    const away = distance(face, ours);
    const isOthers = this.#others.some((other) => distance(face, other) < away);
    return away <= reach && growth <= MAX_GROWTH ** 2 && !isOthers ? costWithin(unlike, OTHER_LOOK) : undefined;
  }

  /**
   * The other faces as they are now. While ours is lost only those known before: a face not known may be ours, come back
   * where it was not expected.
   */
  #othersOf(seen: readonly SeenFace[], ours: number | undefined): readonly SeenFace[] {
    const rest = seen.filter((_, i) => i !== ours);
    if (ours !== undefined || !this.#hasFaceInShot) return rest.slice(0, MAX_OTHERS);
    return this.#others.map((other) => {
      const now = bestOf(rest, (face) => costWithin(distance(face, other) / other.height, REACH.least * 2));
      return now === undefined ? other : rest[now]!;
    });
  }
}

/** Which of these is the face that is being followed; undefined where the detector did not see it. */
function nearestTo(seen: readonly SeenFace[], face: FaceLandmarks): number | undefined {
  const limit = heightOf(face.points) * MAX_STEP;
  return bestOf(seen, (one) => costWithin(distance(one, noseOf(face)), limit));
}

function seenFace(picture: Picture, { points }: Pick<FaceLandmarks, 'points'>): SeenFace {
  return { ...noseOf({ points }), height: heightOf(points), look: lookOf(picture, points) };
}

/** Whether these landmarks can be those of the same face 1/25 s later, and are a face at all. */
function isPlausible(face: FaceLandmarks, before: Float32Array): boolean {
  if (!(face.score >= MIN_TRACK_SCORE)) return false;
  const height = heightOf(face.points);
  const heightBefore = heightOf(before);
  const growth = height / heightBefore;
  const step = distance(noseOf(face), noseOf({ points: before }));
  return growth < MAX_GROWTH && growth > 1 / MAX_GROWTH && step < MAX_STEP * heightBefore;
}

/** The index of what costs least, among what costs anything. */
function bestOf<T>(things: readonly T[], costOf: (thing: T) => number | undefined): number | undefined {
  let best: number | undefined;
  let least = Infinity;
  things.forEach((thing, i) => {
    const cost = costOf(thing);
    if (cost === undefined || cost >= least) return;
    least = cost;
    best = i;
  });
  return best;
}

function costWithin(cost: number, limit: number): number | undefined {
  return cost <= limit ? cost : undefined;
}

function distance(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
