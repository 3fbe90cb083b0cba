import { AVATAR_LIMITS } from '../api/avatar.ts';
import type { Size } from '../api/media.ts';
import {
  type PluginManifest,
  type PluginManifestInput,
  pluginManifestSchema,
  type SettingDeclaration,
} from '../api/plugin.ts';
import { AppError } from '../base/errors.ts';
import type { Paths } from '../base/paths.ts';
import { declaredSettings, type SettingValues } from '../host/settings.ts';
import { MAX_FADE_FRAMES } from '../live/cross-fade.ts';
import { builtinPlugins } from './builtin-plugins.ts';
import { readInstalledPlugins } from './installed-plugins.ts';

/** The settings of the show itself, declared like those of plugins. */
const coreManifests: readonly PluginManifestInput[] = [
  {
    id: 'show',
    title: 'Show',
    contributes: {
      configuration: {
        'show.size': {
          type: 'string',
          default: 'auto',
          description:
            'Size of the picture: auto is that of the first avatar, or for example 1280x720. Avatars of other sizes are scaled, with black bars where the shapes differ.',
        },
        'show.crossFadeFrames': {
          type: 'number',
          default: 5,
          minimum: 0,
          maximum: MAX_FADE_FRAMES,
          description: 'Over how many frames one avatar fades into the next; 0 is a cut.',
        },
        'show.background': {
          type: 'string',
          default: 'keep',
          applies: 'live',
          description:
            'What is behind the avatar: keep, blur, transparent, a colour as #rrggbb, or the path of a picture.',
        },
        'show.labelText': {
          type: 'string',
          default: '',
          applies: 'live',
          description: 'Words in the corner of the picture, for example "AI avatar". Empty: none.',
        },
      },
    },
  },
  {
    id: 'avatars',
    title: 'Avatars',
    contributes: {
      configuration: {
        'avatars.memoryMegabytes': {
          type: 'number',
          default: 500,
          minimum: 50,
          maximum: 100_000,
          description:
            'How much memory avatars that are ready to be swapped in may take; the one used longest ago leaves first.',
        },
      },
    },
  },
];

/** Every setting of the program itself: those of the show, then those of the plugins that come with it. */
export const allSettings = declaredSettings(
  [...coreManifests, ...builtinPlugins.map(({ manifest }) => manifest)].map((one) => pluginManifestSchema.parse(one)),
);

/** Every setting that is known on this machine: the program's own, then those of plugins from outside, enabled or not. */
export function knownSettings(paths: Pick<Paths, 'config'>): ReadonlyMap<string, SettingDeclaration> {
  return new Map([...allSettings, ...declaredSettings(manifestsFromOutside(paths))]);
}

function manifestsFromOutside(paths: Pick<Paths, 'config'>): readonly PluginManifest[] {
  try {
    return readInstalledPlugins(paths).flatMap((one) => one.package?.manifest ?? []);
  } catch {
    // A damaged list is told by those who need the plugins.
    return [];
  }
}

/** Checked values of the show's own settings. */
export interface CoreSettings {
  /** Undefined: that of the first avatar. */
  readonly size: Size | undefined;
  readonly crossFadeFrames: number;
  readonly background: string;
  readonly labelText: string;
  readonly memoryBytes: number;
}

/** Reads the show's own settings. @throws AppError BAD_SETTING for a size that is none. */
export function readCoreSettings(values: SettingValues): CoreSettings {
  const value = <T>(key: string) => (values[key] ?? allSettings.get(key)?.default) as T;
  return {
    size: parseSize(value<string>('show.size')),
    crossFadeFrames: Math.round(value<number>('show.crossFadeFrames')),
    background: value<string>('show.background'),
    labelText: value<string>('show.labelText'),
    memoryBytes: value<number>('avatars.memoryMegabytes') * 1e6,
  };
}

function parseSize(text: string): Size | undefined {
  if (text === 'auto') return undefined;
  const [, width, height] = (/^(\d{2,5})x(\d{2,5})$/.exec(text) ?? []).map(Number);
  const { minWidth, maxWidth, minHeight, maxHeight } = AVATAR_LIMITS;
  const fits = (length: number | undefined, least: number, most: number): length is number =>
    length !== undefined && length % 2 === 0 && length >= least && length <= most;
  if (fits(width, minWidth, maxWidth) && fits(height, minHeight, maxHeight)) return { width, height };
  throw new AppError('BAD_SETTING', `show.size = ${text} is no size for a show.`, {
    fix: `Even numbers from ${minWidth}x${minHeight} to ${maxWidth}x${maxHeight}, for example --set show.size=1280x720, or auto`,
  });
}
