import { animateFace, type Expression } from './animate-face.ts';
import { type Canvas, drawOver, IN_PLACE, type Placing, startFrame } from './compose-frame.ts';
import { drawHand } from './hand.ts';
import { type Layer, loadPerson, type Person } from './layers.ts';
import { turnHead } from './turn-head.ts';

/** A clip to be drawn. */
export interface Scene {
  readonly frameCount: number;
  /** A frame of 1280x720. */
  readonly draw: (frame: number) => Promise<Canvas>;
}

const DEGREE = Math.PI / 180;
/** The joint of head and neck, px of the canvas. */
const NECK = { x: 640, y: 440 } as const;

const jonas = once(() => loadPerson('jonas', { bounds: [-172, -236, 172, 240], hair: [86, 80, 76] }));
const mira = once(() => loadPerson('mira', { bounds: [-220, -236, 220, 388], hair: [30, 19, 14] }));
const hand = once(drawHand);

/** All clips, by name. The tests know at which frames things happen: change both. */
export const scenes: Readonly<Record<string, Scene>> = {
  // 4 s of speech with slight sway and two blinks: no fault anywhere.
  'still-speech': {
    frameCount: 100,
    draw: async (frame) => {
      const person = await jonas();
      const canvas = startFrame(person.room);
      return drawPerson(canvas, person, frame, { turn: 4 * Math.sin(frame / 17) });
    },
  },
  // Straight until 20, in profile from 45 to 60, straight again from 85.
  turn: {
    frameCount: 105,
    draw: async (frame) => {
      const person = await jonas();
      const turn = 82 * (ramp(frame, 20, 45) - ramp(frame, 60, 85));
      return drawPerson(startFrame(person.room), person, frame, { turn, isSilent: true });
    },
  },
  // To one side, to the other, nearer: never too far.
  lean: {
    frameCount: 100,
    draw: async (frame) => {
      const person = await jonas();
      const side = Math.sin((frame / 50) * Math.PI) * ramp(frame, 0, 10);
      const near = 0.28 * (ramp(frame, 40, 65) - ramp(frame, 80, 98));
      const place = { ...IN_PLACE, angle: 12 * DEGREE * side, moveX: 40 * side, scale: 1 + near, moveY: 150 * near };
      return drawPerson(startFrame(person.room), person, frame, { place });
    },
  },
  // Walks out to the left (half the face is gone at 42), is away, and comes back the same way (half of it is back at 90).
  leave: {
    frameCount: 125,
    draw: async (frame) => {
      const person = await jonas();
      const moveX = -1100 * (ramp(frame, 20, 60) - ramp(frame, 72, 112));
      return drawPerson(startFrame(person.room), person, frame, { place: { ...IN_PLACE, moveX } });
    },
  },
  // Two people; the second one leaves to the right between 30 and 50 and is back at about 80.
  two: {
    frameCount: 100,
    draw: async (frame) => {
      const [left, right] = [await jonas(), await mira()];
      const canvas = startFrame(right.room);
      const away = 560 * (ramp(frame, 28, 50) - ramp(frame, 60, 82));
      drawPerson(canvas, left, frame, { place: { ...IN_PLACE, scale: 0.76, moveX: -290 } });
      return drawPerson(canvas, right, frame + 31, { place: { ...IN_PLACE, scale: 0.76, moveX: 290 + away } });
    },
  },
  // 40 frames of one person in one room, 55 of another in another; a quick move in between that is no cut.
  cut: {
    frameCount: 95,
    draw: async (frame) => {
      const person = await (frame < 40 ? jonas() : mira());
      const jolt = 130 * (ramp(frame, 60, 65) - ramp(frame, 72, 78));
      return drawPerson(startFrame(person.room), person, frame, { place: { ...IN_PLACE, moveX: jolt } });
    },
  },
  // A hand comes up before the mouth: over it from 40 to 65.
  hand: {
    frameCount: 100,
    draw: async (frame) => {
      const person = await jonas();
      const canvas = drawPerson(startFrame(person.room), person, frame, {});
      const up = ramp(frame, 30, 42) - ramp(frame, 62, 74);
      if (up > 0) drawOver(canvas, await hand(), { ...IN_PLACE, moveY: 460 * (1 - up), moveX: 30 * (1 - up) });
      return canvas;
    },
  },
};

/** What a person does beside talking. */
interface Acting {
  readonly place?: Placing;
  /** Of the head, to the right of the picture, degrees. */
  readonly turn?: number;
  readonly isSilent?: boolean;
}

/** Draws a person who talks, blinks and sways a little; `frame` decides about all of it. */
function drawPerson(canvas: Canvas, person: Person, frame: number, { place, turn = 0, isSilent }: Acting): Canvas {
  const expression = { openPx: isSilent ? 0 : mouthAt(frame), blink: blinkAt(frame) };
  const head = headOf(person, expression, turn * DEGREE, 2.5 * DEGREE * Math.sin(frame / 23));
  const sway = {
    ...IN_PLACE,
    about: NECK,
    angle: 1.5 * DEGREE * Math.sin(frame / 29),
    moveX: 3 * Math.sin(frame / 31),
  };
  const where = place ?? IN_PLACE;
  drawOver(canvas, person.body, where);
  drawOver(canvas, head, where, sway);
  return canvas;
}

function headOf(person: Person, expression: Expression, yaw: number, pitch: number): Layer {
  return turnHead(person, animateFace(person, expression), yaw, pitch);
}

/** Syllables of about a fifth of a second, louder and softer, with a pause after two seconds. */
function mouthAt(frame: number): number {
  const pause = frame % 64 > 52 ? 0 : 1;
  const syllable = Math.max(0, Math.sin((frame / 5.2) * Math.PI));
  return pause * syllable * (12 + 8 * Math.sin(frame / 7));
}

/** A blink of 5 frames, of which 3 are closed or nearly so. */
function blinkAt(frame: number): number {
  return [0.5, 1, 1, 0.7, 0.25][(frame + 30) % 56] ?? 0;
}

/** 0 before `from`, 1 after `to`, smooth in between. */
function ramp(frame: number, from: number, to: number): number {
  const t = Math.min(1, Math.max(0, (frame - from) / (to - from)));
  return t * t * (3 - 2 * t);
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
