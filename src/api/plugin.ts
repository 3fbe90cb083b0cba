import { z } from 'zod';
import type { Event } from '../base/event.ts';
import type { Log } from '../base/log.ts';
import type { Scope } from '../base/scope.ts';
import type { AudioInput, AudioOutput, FaceEngine, VideoOutput } from './contributions.ts';
import type { LinkStatus, ShowStatus } from './status.ts';

const thingId = z.string().regex(/^[a-z0-9-]+\.[a-zA-Z0-9.-]+$/, '<plugin>.<thing>');
const scheme = z.string().regex(/^[a-z][a-z0-9-]*$/, 'lower-case letters, digits, hyphens');

/** One thing a plugin offers, as its manifest declares it before any of its code runs. */
const contributionSchema = z.object({
  id: thingId,
  /** What a person would call it. */
  title: z.string().min(1).max(80),
  /** The word before the colon on the command line: `mic`, `wav`, `v4l2`. */
  scheme,
});

/** A face engine, as its manifest declares it. One that may be away names the one that draws meanwhile. */
const faceEngineSchema = contributionSchema.extend({
  /** Scheme of the engine that draws where this one cannot. */
  fallback: scheme.optional(),
  /** Models, by id, of which it needs one; where one is installed the engine is chosen by itself. */
  needsModel: z.array(z.string().min(1)).optional(),
  /** How much sound after a frame it will ask for, in seconds: so the delay is right before it has opened. */
  lookAheadSeconds: z.number().min(0).max(2).optional(),
});

/** A setting a plugin understands; the value is checked against `type` and the limits. An object holds words by name. */
const settingSchema = z.object({
  type: z.enum(['string', 'number', 'boolean', 'object']),
  default: z.union([z.string(), z.number(), z.boolean(), z.record(z.string(), z.string())]),
  description: z.string().min(1),
  enum: z.array(z.string()).optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  /** Whether a change shows at once or after a restart. */
  applies: z.enum(['live', 'restart']).default('restart'),
});

/** A command, as its manifest declares it: in lists, palette and help before its plugin's code runs. */
const commandSchema = z.object({
  id: thingId,
  title: z.string().min(1).max(80),
  /** Heading in lists; the plugin's title where it is left out. */
  category: z.string().min(1).max(40).optional(),
  /** JSON Schema of its arguments, an object; left out: any object. */
  args: z.record(z.string(), z.unknown()).optional(),
  /** Condition on the status under which it can be run, as in keybindings: `!panic && speaking`. */
  enablement: z.string().max(200).optional(),
});

/** A key that a plugin brings along, as in keybindings.json; the user's own keys come after it. */
const keybindingSchema = z.object({
  key: z.string().min(1).max(60),
  command: z.string().min(1).max(100),
  args: z.unknown().optional(),
  when: z.string().max(200).optional(),
  /** Whether it counts in every window of the machine. */
  global: z.boolean().optional(),
});

/** A panel on the control page. */
const pageSchema = z.object({
  id: thingId,
  title: z.string().min(1).max(80),
  /** The HTML file in the plugin's folder; it may use what lies in the same folder and below. */
  path: z.string().regex(/^(?!\/)(?!.*(?:^|\/)\.)[A-Za-z0-9._/-]{1,200}\.html$/, 'a relative path of an .html file'),
});

/** What a plugin adds, by point. */
export const contributesSchema = z.strictObject({
  audioInputs: z.array(contributionSchema).default([]),
  faceEngines: z.array(faceEngineSchema).default([]),
  videoOutputs: z.array(contributionSchema).default([]),
  audioOutputs: z.array(contributionSchema).default([]),
  commands: z.array(commandSchema).default([]),
  keybindings: z.array(keybindingSchema).default([]),
  pages: z.array(pageSchema).default([]),
  /** By flat dotted key, which begins with the plugin's id. */
  configuration: z.record(z.string(), settingSchema).default({}),
});

/** Names a plugin, and begins the id of everything it contributes. */
export const pluginIdSchema = z.string().regex(/^[a-z0-9][a-z0-9-]{0,40}$/, 'lower-case letters, digits, hyphens');

/** What a plugin is and offers. Read before its code: menus, help, pickers and settings come from here alone. */
export const pluginManifestSchema = z
  .object({
    id: pluginIdSchema,
    title: z.string().min(1).max(80),
    description: z.string().max(400).optional(),
    /** When its code is imported: on first use of what it contributes, or as soon as a show runs. */
    activation: z.enum(['use', 'show']).default('use'),
    contributes: contributesSchema,
  })
  .superRefine(({ id, contributes }, context) => {
    const { audioInputs, faceEngines, videoOutputs, audioOutputs, commands, pages, configuration } = contributes;
    const things = { audioInputs, faceEngines, videoOutputs, audioOutputs, commands, pages };
    const names = [
      ...Object.entries(things).flatMap(([point, list]) => list.map((one, n) => [[point, n, 'id'], one.id] as const)),
      ...Object.keys(configuration).map((key) => [['configuration', key], key] as const),
    ];
    for (const [path, name] of names) {
      if (name.startsWith(`${id}.`)) continue;
      context.addIssue({ code: 'custom', path: ['contributes', ...path], message: `must begin with "${id}."` });
    }
  });

/** A checked manifest. */
export type PluginManifest = z.infer<typeof pluginManifestSchema>;
/** A manifest as an author writes it: what has a default may be left out. */
export type PluginManifestInput = z.input<typeof pluginManifestSchema>;
/** One declared contribution. */
export type Contribution = z.infer<typeof contributionSchema>;
/** One declared face engine. */
export type FaceEngineContribution = z.infer<typeof faceEngineSchema>;
/** One declared setting. */
export type SettingDeclaration = z.infer<typeof settingSchema>;

/** An action. Commands are the only way to change anything; every surface is a door to them. */
export interface Command<Args = unknown, Result = unknown> {
  readonly id: string;
  readonly title: string;
  /** Heading in lists; left out: the first part of the id. */
  readonly category?: string | undefined;
  /** Checks and types the arguments. */
  readonly args: z.ZodType<Args>;
  /** Condition on the status under which it can be run; left out: always. */
  readonly enablement?: string | undefined;
  run(args: Args): Promise<Result>;
}

/** The code of a command that a manifest declares; what is left out is taken from there. */
export interface CommandCode<Args = unknown, Result = unknown> {
  readonly id: string;
  readonly title?: string;
  /** Checks and types the arguments. Left out: the manifest's JSON Schema has checked them. */
  readonly args?: z.ZodType<Args>;
  run(args: Args): Result | Promise<Result>;
}

/** A command as lists show it. */
export interface CommandSummary {
  readonly id: string;
  readonly title: string;
  readonly category: string;
  /** JSON Schema of its arguments. */
  readonly args: unknown;
  /** Condition on the status under which it can be run; left out: always. */
  readonly enablement?: string;
}

/** The door to every command. */
export interface CommandRunner {
  /** @throws AppError NO_SUCH_COMMAND, BAD_ARGUMENTS, or what the command throws. */
  run(id: string, args?: unknown): Promise<unknown>;
  list(): readonly CommandSummary[];
  /** Commands have come or gone. */
  readonly onDidChange: Event<void>;
}

/** Read-only view of the show. */
export interface StatusFeed {
  readonly current: ShowStatus;
  readonly onDidChange: Event<ShowStatus>;
}

/** What somebody says about the photo or clip they hand in. */
export interface PreparationDetails {
  /** What the file is called where it comes from. Never used as a path. */
  readonly fileName: string;
  /** What will come, in bytes. */
  readonly bytes: number;
  readonly avatarId: string;
  readonly name: string;
  /** Who is shown, and who agreed to this use. */
  readonly depicts: string;
  readonly consent: string;
}

/** The way in for photos and clips that shall become avatars, for control surfaces. Files stay in the data folder. */
export interface PreparationDesk {
  /**
   * Takes a file in, then prepares it in a process of its own; resolves with the job's id when the file is there.
   * @throws AppError UPLOAD_TOO_LARGE, UPLOAD_TYPE, UPLOAD_INCOMPLETE, CONSENT_MISSING, BAD_AVATAR_ID, AVATAR_EXISTS, DISK_FULL.
   */
  take(details: PreparationDetails, body: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<string>;
  /** Absolute path of a finished job's picture; undefined when there is none. */
  picture(jobId: string, which: 'preview' | 'sheet'): string | undefined;
}

/** What only control surfaces that run in the show's own process get: the way to pictures and new avatars. */
export interface SurfaceContext {
  /** Absolute path of a picture of an avatar, for lists; undefined when there is no such avatar. */
  avatarPreview(id: string): string | undefined;
  /** Preparation of new avatars; undefined where no show runs. */
  readonly preparations: PreparationDesk | undefined;
  /** Panels that plugins from outside contribute, now: the same objects for as long as their plugin is loaded. */
  pages(): readonly PluginPage[];
}

/** A plugin's panel for the control page. */
export interface PluginPage {
  readonly id: string;
  readonly pluginId: string;
  readonly title: string;
  /** Absolute path of its plugin's folder. */
  readonly folder: string;
  /** Absolute path of its HTML file. */
  readonly file: string;
}

/** What a plugin gets when it is activated. Nothing is global. */
export interface PluginContext {
  /** What is added here is disposed when the plugin is deactivated, newest first. */
  readonly subscriptions: Scope;
  readonly log: Log;
  /** Values of the plugin's own settings, by full key. Those that apply live change while it runs. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Tells the keys of own settings that have just changed: only those declared `applies: 'live'`. */
  readonly onDidChangeSettings: Event<readonly string[]>;
  readonly commands: CommandRunner;
  /** The show; reading `current` where none runs throws NO_SHOW. */
  readonly status: StatusFeed;
  /** Only for control surfaces in the show's own process; undefined in a plugin's process. */
  readonly surface?: SurfaceContext;
  registerAudioInput(id: string, input: AudioInput): void;
  registerFaceEngine(id: string, engine: FaceEngine): void;
  registerVideoOutput(id: string, output: VideoOutput): void;
  registerAudioOutput(id: string, output: AudioOutput): void;
  /** The code of a command that the manifest declares. */
  registerCommand<Args>(command: CommandCode<Args>): void;
  /** Says how something beside the chain is doing, such as another program; undefined: nothing to show any more. */
  reportLink(link: LinkStatus | undefined): void;
}

/** A plugin's code: what its main module exports by default. */
export interface Plugin {
  activate(context: PluginContext): void | Promise<void>;
}

/** Types a plugin's main export. */
export function definePlugin(plugin: Plugin): Plugin {
  return plugin;
}
