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

/** What a plugin is and offers. Read before its code: menus, help, pickers and settings come from here alone. */
export const pluginManifestSchema = z.object({
  id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,40}$/, 'lower-case letters, digits, hyphens'),
  title: z.string().min(1).max(80),
  description: z.string().max(400).optional(),
  /** When its code is imported: on first use of what it contributes, or as soon as a show runs. */
  activation: z.enum(['use', 'show']).default('use'),
  contributes: z.object({
    audioInputs: z.array(contributionSchema).default([]),
    faceEngines: z.array(faceEngineSchema).default([]),
    videoOutputs: z.array(contributionSchema).default([]),
    audioOutputs: z.array(contributionSchema).default([]),
    commands: z.array(z.object({ id: thingId, title: z.string().min(1).max(80) })).default([]),
    /** By flat dotted key, which begins with the plugin's id. */
    configuration: z.record(z.string(), settingSchema).default({}),
  }),
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
  /** Checks and types the arguments. */
  readonly args: z.ZodType<Args>;
  run(args: Args): Promise<Result>;
}

/** A command as lists show it. */
export interface CommandSummary {
  readonly id: string;
  readonly title: string;
  /** JSON Schema of its arguments. */
  readonly args: unknown;
}

/** The door to every command. */
export interface CommandRunner {
  /** @throws AppError NO_SUCH_COMMAND, BAD_ARGUMENTS, or what the command throws. */
  run(id: string, args?: unknown): Promise<unknown>;
  list(): readonly CommandSummary[];
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

/** What a plugin gets when it is activated. Nothing is global. */
export interface PluginContext {
  /** What is added here is disposed when the plugin is deactivated, newest first. */
  readonly subscriptions: Scope;
  readonly log: Log;
  /** Values of the plugin's own settings, by full key. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly commands: CommandRunner;
  readonly status: StatusFeed;
  /** Absolute path of a picture of an avatar, for lists; undefined when there is no such avatar. */
  avatarPreview(id: string): string | undefined;
  /** Preparation of new avatars; undefined where no show runs. */
  readonly preparations: PreparationDesk | undefined;
  registerAudioInput(id: string, input: AudioInput): void;
  registerFaceEngine(id: string, engine: FaceEngine): void;
  registerVideoOutput(id: string, output: VideoOutput): void;
  registerAudioOutput(id: string, output: AudioOutput): void;
  registerCommand<Args>(command: Command<Args>): void;
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
