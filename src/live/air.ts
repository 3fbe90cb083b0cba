import type { FrameIndex } from '../api/media.ts';
import type { PooledFrame } from './frame-pool.ts';
import type { LiveStage, MadeFrame } from './show.ts';

/** How late a beat may be so that a frame begun before a cut can be drawn again, in ms; one that takes longer is left out. */
const LATE_MS = 15;

/** A picture that was drawn a second time. */
type Redrawn = Pick<MadeFrame, 'picture' | 'facts'>;

/**
 * What is on air: every beat shows it until the next picture takes its place. Between two beats it changes only for an
 * avatar that comes with a cut: whoever switches sees that at once, not after the frames that are being made.
 */
export class Air implements AsyncDisposable {
  readonly #stage: LiveStage;
  #picture: PooledFrame;
  #isStill = false;
  /** Id of the avatar that is, or is about to be, shown without the frames that were begun before it. */
  #cutId: string | undefined;
  #cutting: Promise<void> = Promise.resolve();
  #isOver = false;

  /** @param first is on air from now on; owned from now on. */
  constructor(stage: LiveStage, first: PooledFrame) {
    this.#stage = stage;
    this.#picture = first;
  }

  /** The picture that is shown. */
  get picture(): PooledFrame {
    return this.#picture;
  }

  /** Takes a finished picture; false where it is left out. */
  async put(made: MadeFrame): Promise<boolean> {
    const stage = this.#stage;
    const current = this.#isCutAway(made) ? await this.#withoutDelay(made) : made;
    if (!current) return false;
    const { picture, facts } = current;
    if (stage.isPanicking) {
      picture[Symbol.dispose](); // since it was drawn again
      return false;
    }
    changeOver(stage, facts, this.#picture);
    this.#isStill = false;
    stage.fade.mix(picture);
    this.#replace(picture);
    stage.last = facts;
    stage.meter.latency.record(performance.now() - picture.capturedAtMs);
    return true;
  }

  /** Panic: from now on the avatar at rest, as it was at this moment. What was fading is over. */
  async standStill(frame: FrameIndex): Promise<void> {
    if (this.#isStill) return;
    this.#isStill = true;
    const { avatar, painter, fade, onFailure } = this.#stage;
    fade[Symbol.dispose]();
    using _held = avatar.hold?.();
    try {
      const picture = await painter.paste(undefined, avatar.pose(frame), avatar);
      picture.index = frame;
      picture.capturedAtMs = performance.now();
      // Without an engine: the way back from here fades.
      const { last } = this.#stage;
      this.#stage.last = { ...last, frame, heard: undefined, engineId: undefined, patch: undefined, levelDb: -100 };
      this.#replace(picture);
    } catch (thrown) {
      onFailure(thrown); // what is on air stands still, too
    }
  }

  /** The avatar that was put on is shown at once where that is possible, and by the next picture everywhere. */
  cut(): void {
    this.#cutId = this.#stage.avatar.id;
    this.#cutting = this.#cutting.then(() => this.#showAtOnce()).catch((thrown) => this.#stage.onFailure(thrown));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#cutting;
    this.#stage.fade[Symbol.dispose]();
    this.#picture[Symbol.dispose]();
  }

  /** What is on air again, the same moment and the same mouth, with the avatar that was put on. */
  async #showAtOnce(): Promise<void> {
    const stage = this.#stage;
    const { avatar, last } = stage;
    // No longer, where a beat has been faster or something else was wished for meanwhile.
    const isWanted = () => !this.#isOver && !stage.isPanicking && stage.avatar === avatar && stage.last === last;
    if (!isWanted() || avatar.id === last.avatarId) return;
    const { picture, facts } = await this.#again(last, this.#picture.capturedAtMs);
    if (!isWanted()) return picture[Symbol.dispose]();
    picture.index = this.#picture.index;
    picture.isBetween = true;
    stage.fade[Symbol.dispose]();
    stage.cutTo = undefined;
    stage.last = facts;
    this.#replace(picture);
    for (const lane of stage.lanes) lane.offerBetween(picture);
  }

  /** Frames that were begun before a cut still show the avatar before: it would flash up once more. */
  #isCutAway({ facts }: MadeFrame): boolean {
    const { avatar } = this.#stage;
    const isCutAway = this.#cutId === avatar.id && facts.avatarId !== avatar.id;
    if (!isCutAway) this.#cutId = undefined;
    return isCutAway;
  }

  /** The frame with the avatar that was put on; undefined where that takes so long that the beat would be late. */
  async #withoutDelay(made: MadeFrame): Promise<Redrawn | undefined> {
    const { capturedAtMs } = made.picture;
    made[Symbol.dispose]();
    const { clock, onFailure } = this.#stage;
    const again = this.#again(made.facts, capturedAtMs).catch((thrown) => void onFailure(thrown));
    const redrawn = await clock.within(again, LATE_MS);
    if (!redrawn) {
      const gone = again.then((late) => late?.picture[Symbol.dispose]());
      this.#cutting = Promise.all([this.#cutting, gone]).then(() => {});
    }
    return redrawn ?? undefined;
  }

  /** A frame once more, as the avatar that is on now. */
  async #again(facts: MadeFrame['facts'], capturedAtMs: number): Promise<Redrawn> {
    const { avatar, face, painter, isResting, mark } = this.#stage;
    using _held = avatar.hold?.();
    const { frame, heard } = facts;
    const pose = avatar.pose(frame);
    const isDrawn = !pose.isPassthrough && !(isResting && avatar.isStill);
    const ref = { avatarId: avatar.id, index: pose.index, frame };
    const drawn = heard && isDrawn ? await face.draw(heard, ref) : undefined;
    const picture = await painter.paste(drawn?.patch, pose, avatar);
    picture.index = frame;
    picture.capturedAtMs = capturedAtMs;
    mark?.(picture, facts.levelDb);
    const engineId = isDrawn && !drawn ? undefined : heard?.engineId;
    const { id: avatarId } = avatar;
    const { index, isPassthrough } = pose;
    return { picture, facts: { ...facts, avatarId, pose: index, isPassthrough, engineId, patch: drawn?.patch?.rect } };
  }

  #replace(picture: PooledFrame): void {
    this.#picture[Symbol.dispose]();
    this.#picture = picture;
  }
}

/** Whether a picture shows another avatar than the last one, or another engine's face of it. */
function isOtherFace(now: MadeFrame['facts'], last: MadeFrame['facts']): boolean {
  return now.avatarId !== last.avatarId || now.engineId !== last.engineId;
}

/** Begins the fade from what is on air to another face; a cut where one was asked for. */
function changeOver(stage: LiveStage, now: MadeFrame['facts'], onAir: PooledFrame): void {
  if (!isOtherFace(now, stage.last)) return;
  if (now.avatarId === stage.cutTo) stage.fade[Symbol.dispose]();
  else stage.fade.begin(onAir);
  stage.cutTo = undefined;
}
