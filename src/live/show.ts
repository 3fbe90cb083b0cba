import { FRAMES_PER_SECOND, type FrameIndex, type Rect, SAMPLES_PER_FRAME, type Sound } from '../api/media.ts';
import { Ahead } from './ahead.ts';
import { Air } from './air.ts';
import type { Clock } from './clock.ts';
import type { CrossFade } from './cross-fade.ts';
import type { Face, HeardFace } from './face.ts';
import type { PooledFrame } from './frame-pool.ts';
import type { Lane } from './lane.ts';
import type { Meter } from './meter.ts';
import type { Pacer } from './pacer.ts';
import type { Painter, ShowAvatar } from './painter.ts';
import { levelDb, type Tape } from './tape.ts';

/** Everything a show is made of. Swapping an avatar is one assignment to `avatar`; it shows on the next frame. */
export interface Stage {
  avatar: ShowAvatar;
  /** Hold still: the avatar at rest, whatever is said. */
  isResting: boolean;
  readonly tape: Tape;
  readonly face: Face;
  readonly painter: Painter;
  readonly lanes: readonly Lane[];
  readonly meter: Meter;
  /** Paints over finished pictures; undefined for nothing. A calibration marks them. */
  mark?: ((picture: PooledFrame, levelDb: number) => void) | undefined;
}

/** What a live show needs besides. */
export interface LiveStage extends Stage {
  readonly clock: Clock;
  readonly pacer: Pacer;
  /** Fades from one avatar to the next, and from one engine's face to another's. */
  readonly fade: CrossFade;
  /** Panic: from the next beat on the avatar at rest as a still picture, and silence, whatever is said or chosen. */
  isPanicking: boolean;
  /** Id of an avatar whose first picture comes without a fade; undefined: each one fades. */
  cutTo?: string | undefined;
  /** Shows the avatar that was put on without waiting for the beat; set while the show runs. See {@link cutIn}. */
  cutNow?: (() => void) | undefined;
  /** A frame that could not be made at all; the last picture stays. */
  readonly onFailure: (thrown: unknown) => void;
  /** What was shown last, for the status. */
  last: MadeFrame['facts'];
}

/** A finished picture and what is known about it. Dispose to give the picture back. */
export interface MadeFrame extends Disposable {
  readonly picture: PooledFrame;
  readonly facts: {
    readonly frame: FrameIndex;
    readonly avatarId: string;
    readonly pose: number;
    /** The pose is shown as it is: its face cannot be driven. */
    readonly isPassthrough: boolean;
    /** Undefined while no engine answers. */
    readonly heard: HeardFace | undefined;
    /** The engine that says what this face is, also where the body's own is right; undefined where none answered. */
    readonly engineId: string | undefined;
    /** Where the face was pasted; undefined for the avatar at rest. */
    readonly patch: Rect | undefined;
    /** Loudness of the frame's own sound in dB of full scale. */
    readonly levelDb: number;
  };
}

/** How many frames may be in work at once: one in the engine, one being pasted. */
export const FRAMES_IN_FLIGHT = 2;

/** One frame, from sound to picture. Everything else in this program serves these lines. */
export async function makeFrame(stage: Stage, frame: FrameIndex, signal: AbortSignal): Promise<MadeFrame> {
  const { tape, face, painter, meter } = stage;
  const heardSound = await tape.around(frame, face.context, signal); // the tape: 16 kHz, with the engine's look-ahead
  const sound = stage.isResting ? silenced(heardSound) : heardSound;
  const start = performance.now();
  const avatar = stage.avatar; // read once, so that no frame mixes two faces
  using _held = avatar.hold?.(); // and kept until this frame is made
  const heard = await face.hear(sound, avatar.id); // hear: what the mouth should be doing
  const heardAt = performance.now();
  const pose = avatar.pose(frame); // pose: one prepared picture
  const ref = { avatarId: avatar.id, index: pose.index, frame };
  const isDrawn = !pose.isPassthrough && !(stage.isResting && avatar.isStill);
  const drawn = heard && isDrawn ? await face.draw(heard, ref) : undefined; // draw: the face, or none in silence
  const drawnAt = performance.now();
  const picture = await painter.paste(drawn?.patch, pose, avatar); // paste: back into the whole picture
  meter.hear.record(heardAt - start);
  meter.draw.record(drawn?.patch ? drawnAt - heardAt : Number.NaN);
  meter.paste.record(performance.now() - drawnAt);
  picture.index = frame;
  picture.capturedAtMs = tape.capturedAtMs((frame + 0.5) * SAMPLES_PER_FRAME);
  const level = levelDb(tape.read(frame * SAMPLES_PER_FRAME, SAMPLES_PER_FRAME));
  stage.mark?.(picture, level);
  return {
    picture,
    facts: {
      frame,
      avatarId: avatar.id,
      pose: pose.index,
      isPassthrough: pose.isPassthrough,
      heard,
      engineId: isDrawn && !drawn ? undefined : heard?.engineId,
      patch: drawn?.patch?.rect,
      levelDb: level,
    },
    [Symbol.dispose]: () => picture[Symbol.dispose](),
  };
}

/** Puts an avatar on: one assignment. It fades in, unless fades take no time. */
export function putOn(stage: LiveStage, avatar: ShowAvatar): void {
  stage.avatar = avatar;
  stage.cutTo = undefined;
  if (stage.fade.frames <= 0) cutIn(stage);
}

/** The avatar that has just been put on comes without a fade: at once in outputs that can, with the next beat in others. */
export function cutIn(stage: LiveStage): void {
  const { id } = stage.avatar;
  if (id === stage.last.avatarId) return;
  stage.cutTo = id;
  stage.cutNow?.();
}

/** What is heard while the face holds still. */
function silenced(sound: Sound): Sound {
  return { ...sound, samples: new Float32Array(sound.samples.length) };
}

/** Runs until aborted: every beat puts the newest finished picture on all lanes; frames are made ahead of the beat. */
export async function runShow(stage: LiveStage, signal: AbortSignal): Promise<void> {
  const { clock, pacer, meter, tape } = stage;
  await using ahead = new Ahead<MadeFrame>({
    first: 0,
    inFlight: FRAMES_IN_FLIGHT,
    newest: () => tape.newestFrame(stage.face.context.after),
    make: (frame, making) => makeAndNote(stage, frame, making),
    onFailure: (thrown) => stage.onFailure(thrown),
  });
  // First: the avatar at rest.
  await using air = new Air(stage, await stage.painter.paste(undefined, stage.avatar.pose(0), stage.avatar));
  stage.cutNow = () => air.cut();
  let soundSent = 0;
  for await (const tick of clock.ticks(signal)) {
    const due = pacer.beat(tick.dueMs);
    clock.slew(due.slewMs / 10);
    const made = ahead.take(due.frame)?.picture;
    let isFresh = false;
    if (stage.isPanicking) {
      made?.[Symbol.dispose]();
      await air.standStill(due.frame); // panic: nothing of what was being made
    } else if (made) isFresh = await air.put(made);
    meter.frames.record(isFresh, tick.lagged, ahead.dropped);
    for (const lane of stage.lanes) lane.offer(air.picture);
    soundSent = sendSound(stage, soundSent, (due.frame + 1) * SAMPLES_PER_FRAME, stage.isPanicking);
  }
  stage.cutNow = undefined;
}

/** The picture for a frame, telling the pacer when it got finished. */
async function makeAndNote(stage: LiveStage, frame: FrameIndex, signal: AbortSignal): Promise<MadeFrame> {
  const made = await makeFrame(stage, frame, signal);
  stage.pacer.record(frame, performance.now());
  return made;
}

/** Gives the lanes the sound up to `until`; returns how far it got. At most a second at once, older sound is left out. */
function sendSound(stage: Stage, sent: number, until: number, isSilent: boolean): number {
  const end = Math.min(until, stage.tape.end);
  if (end <= sent) return sent;
  const start = Math.max(sent, end - FRAMES_PER_SECOND * SAMPLES_PER_FRAME);
  // What was said just before a panic is on the tape and has not been sent yet.
  const samples = isSilent ? new Float32Array(end - start) : stage.tape.read(start, end - start);
  for (const lane of stage.lanes) lane.hear(samples, start);
  return end;
}
