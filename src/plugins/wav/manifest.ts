import type { PluginManifestInput } from '../../api/plugin.ts';

/** What the wav plugin offers: a sound file as the voice. */
export const manifest: PluginManifestInput = {
  id: 'wav',
  title: 'Sound file',
  description: 'Plays a WAV file as the voice, at its own pace or as fast as asked, once or in a loop.',
  contributes: { audioInputs: [{ id: 'wav.file', title: 'Sound file', scheme: 'wav' }] },
};
