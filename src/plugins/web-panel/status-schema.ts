import { z } from 'zod';

// Only describes, for people who write control surfaces: nothing is checked with it. Loose, because a newer show may say more.
const linkSchema = z.looseObject({
  id: z.string().describe('Id of what was contributed, for example microphone.input.'),
  label: z.string().describe('What a person would call it.'),
  state: z.enum(['off', 'starting', 'ready', 'degraded', 'failed']),
  detail: z.string().optional().describe('Why it is in this state, in one sentence.'),
  fix: z.string().optional().describe('What to type or click to repair it.'),
});

const engineSchema = linkSchema.extend({
  restarts: z.number().describe('How often its process was started again.'),
  report: z.looseObject({ detail: z.string(), keepsUp: z.boolean() }).optional(),
});

const outputSchema = linkSchema.extend({
  sent: z.number().describe('Frames handed over.'),
  dropped: z.number().describe('Frames replaced by newer ones while this output was busy.'),
});

const avatarSchema = z.looseObject({
  ...{ id: z.string(), name: z.string(), width: z.number(), height: z.number(), depicts: z.string() },
  isShipped: z.boolean().describe('Comes with the program and cannot be removed.'),
  isResident: z.boolean().describe('Held ready: a swap to it takes the next frame.'),
  frameCount: z.number(),
  hasMatte: z.boolean().describe('Its background can be changed.'),
});

const preparationSchema = z.looseObject({
  id: z.string().describe('Names the job, not the avatar.'),
  ...{ fileName: z.string(), avatarId: z.string(), name: z.string() },
  state: z.enum(['uploading', 'preparing', 'ready', 'failed']),
  step: z.string().describe('What is being done, in words.'),
  fraction: z.number().describe('0 to 1 of the present state.'),
  secondsLeft: z.number().optional(),
});

const percentilesSchema = z.looseObject({ p50Ms: z.number(), p95Ms: z.number() });

/** Everything a surface may show, as `GET /api/status` gives it. */
export const statusSchema = z.looseObject({
  state: linkSchema.shape.state,
  uptimeSeconds: z.number(),
  avatarId: z.string().describe('Whose face is on.'),
  avatars: z.array(avatarSchema),
  preparations: z.array(preparationSchema).describe('Photos and clips on their way to becoming avatars.'),
  background: z.string().describe('keep, blur, transparent, a colour as #rrggbb, or the path of a picture.'),
  labelText: z.string().describe('Words in the corner of the picture; empty for none.'),
  input: linkSchema,
  engine: engineSchema.describe('What draws at this moment.'),
  engines: z.array(engineSchema),
  outputs: z.array(outputSchema),
  links: z.array(linkSchema).describe('What is beside the chain: the virtual microphone, OBS.'),
  levelDb: z.number().describe("Loudness of the last frame's sound in dB of full scale, -100 to 0."),
  speaking: z.boolean(),
  resting: z.boolean().describe('The avatar holds still, whatever is said.'),
  muted: z.boolean(),
  panic: z.boolean().describe('A still picture, and silence.'),
  recording: z.boolean().describe('A recording into a file is being made.'),
  openness: z.number().describe('How far the mouth is open, 0 to 1.'),
  frames: z.looseObject({
    shown: z.number().describe('Ticks of the 25 fps clock so far.'),
    fresh: z.number().describe('Ticks that showed a new picture.'),
    repeated: z.number(),
    dropped: z.number(),
    freshPerSecond: z.number(),
  }),
  latency: percentilesSchema.describe('From the sound to the frame handed to the outputs, over the last ten seconds.'),
  ...{ hear: percentilesSchema, draw: percentilesSchema, paste: percentilesSchema },
  choices: z.array(z.string()).describe('What was picked and why, in words, in order.'),
});
