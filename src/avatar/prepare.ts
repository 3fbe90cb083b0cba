import type { AvatarManifest } from '../api/avatar.ts';
import type { PrepareClipOptions } from './clip/plan-film.ts';
import { prepareClip } from './clip/prepare-clip.ts';
import { recogniseSource } from './clip/recognise-source.ts';
import { checkOptions } from './prepare-options.ts';
import { preparePhoto } from './prepare-photo.ts';

const NO_SIGNAL = new AbortController().signal;

/**
 * Makes a prepared avatar of a photo, a clip, an animated picture or a folder of pictures; which of them it is, its content
 * says, not its name. What only clips know (start, motion, …) does nothing for a photo.
 * @throws AppError what {@link preparePhoto} and {@link prepareClip} throw.
 */
export async function prepareAvatar(options: PrepareClipOptions): Promise<AvatarManifest> {
  await checkOptions(options);
  const kind = await recogniseSource(options.source, options.signal ?? NO_SIGNAL);
  return kind === 'photo' ? preparePhoto(options) : prepareClip(options);
}
