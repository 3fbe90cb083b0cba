import { z } from 'zod';
import { AppError } from '../base/errors.ts';
import type { CommandTable } from '../host/commands.ts';
import type { AvatarCast } from './avatar-cast.ts';
import type { CornerLabel } from './corner-label.ts';
import type { ShowSwitches } from './show-switches.ts';

/** What the core commands act on. */
export interface CommandTargets {
  readonly cast: AvatarCast;
  readonly switches: Pick<ShowSwitches, 'isResting' | 'isMuted' | 'isPanicking'>;
  /** The avatar that has just been put on comes without a fade. */
  cutIn(): void;
  readonly label: Pick<CornerLabel, 'text' | 'set' | 'turn'>;
  /** Leaves out better face engines than this one; `auto`: none. @throws AppError NO_SUCH_SCHEME, ENGINE_NOT_OPEN. */
  useEngine(name: string): void;
  stop(): void;
}

const nothing = z.object({}).loose();

/** Of a switch; without `on` it is turned over, as one key does. */
const onOrOver = (what: string) =>
  z.object({ on: z.boolean().optional().describe(`${what}; left out: the other way`) });

const fade = z.boolean().default(true).describe('false: without a cross-fade and at once, whatever the settings say');

/** Registers the core actions of a running show. */
export function registerShowCommands(
  commands: CommandTable,
  { cast, switches, cutIn, label, useEngine, stop }: CommandTargets,
): void {
  const swap = async (using: Promise<string>, isFading: boolean) => {
    const avatarId = await using;
    if (!isFading) cutIn();
    return { avatarId };
  };
  commands.register({
    id: 'avatar.use',
    title: 'Show an avatar',
    args: z.object({ id: z.string().describe('id of the avatar'), fade }),
    run: (args) => swap(cast.use(args.id), args.fade),
  });
  commands.register({
    id: 'avatar.useNumber',
    title: 'Show the avatar at a place of the list',
    args: z.object({ number: z.number().int().min(1).describe('1: the first one'), fade }),
    run: async (args) => swap(cast.use(idAt(cast, args.number)), args.fade),
  });
  commands.register({
    id: 'avatar.next',
    title: 'Show the next avatar',
    args: z.object({ fade }),
    run: async (args) => swap(cast.step(1), args.fade),
  });
  commands.register({
    id: 'avatar.previous',
    title: 'Show the previous avatar',
    args: z.object({ fade }),
    run: async (args) => swap(cast.step(-1), args.fade),
  });
  commands.register({
    id: 'avatar.refresh',
    title: 'Look again which avatars there are',
    args: nothing,
    run: async () => {
      await cast.refresh();
      return { avatars: cast.summaries.length };
    },
  });
  commands.register({
    id: 'background.set',
    title: 'Change what is behind the avatar',
    args: z.object({
      background: z.string().describe('keep, blur, transparent, a colour as #rrggbb, or the path of a picture'),
    }),
    run: async ({ background }) => {
      await cast.setBackground(background);
      return { background: cast.background };
    },
  });
  commands.register({
    id: 'label.set',
    title: 'Show words in the corner of the picture',
    args: z.object({ text: z.string().describe('the words; empty for none') }),
    run: async ({ text }) => {
      label.set(text);
      return { text };
    },
  });
  commands.register({
    id: 'label.show',
    title: 'Show or hide the words in the corner',
    args: onOrOver('true: the words that were there last; false: none'),
    run: async ({ on = label.text === '' }) => {
      label.turn(on);
      return { text: label.text };
    },
  });
  commands.register({
    id: 'mouth.rest',
    title: 'Hold the face still',
    args: onOrOver('true: hold still; false: speak again'),
    run: async ({ on = !switches.isResting }) => {
      switches.isResting = on;
      return { on };
    },
  });
  commands.register({
    id: 'microphone.mute',
    title: 'Silence the voice',
    args: onOrOver('true: silence; false: the voice'),
    run: async ({ on = !switches.isMuted }) => {
      switches.isMuted = on;
      return { on };
    },
  });
  commands.register({
    id: 'show.panic',
    title: 'Still picture and silence, at once',
    args: onOrOver('true: the avatar stands still and silent; false: go on'),
    run: async ({ on = !switches.isPanicking }) => {
      switches.isPanicking = on;
      return { on };
    },
  });
  commands.register({
    id: 'engine.use',
    title: 'Choose the face engine',
    args: z.object({ engine: z.string().describe('musetalk, puppet, …; auto: the best one that can draw') }),
    run: async ({ engine }) => {
      useEngine(engine);
      return { engine };
    },
  });
  commands.register({
    id: 'show.stop',
    title: 'Stop the show',
    args: nothing,
    run: async () => {
      // After the answer is on its way, so that whoever asked learns that it worked.
      setTimeout(stop, 50);
      return { stopping: true };
    },
  });
}

/** @param number place in the list, from 1. */
function idAt({ summaries }: AvatarCast, number: number): string {
  const summary = summaries[number - 1];
  if (summary) return summary.id;
  throw new AppError('NO_SUCH_AVATAR', `There is no avatar number ${number}: there are ${summaries.length}.`, {
    fix: 'List them: musecam avatars list',
  });
}
