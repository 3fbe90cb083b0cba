import type { PluginManifestInput } from '../../api/plugin.ts';

/** What the pcm plugin offers: raw sound from a pipe. */
export const manifest: PluginManifestInput = {
  id: 'pcm',
  title: 'Raw sound from a pipe',
  description: 'Takes raw sound (s16le, 16 kHz, mono) from standard input or a named pipe: pcm:- or pcm:PATH.',
  contributes: { audioInputs: [{ id: 'pcm.pipe', title: 'Raw sound from a pipe', scheme: 'pcm' }] },
};
