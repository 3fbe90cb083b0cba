/**
 * Sound devices that this program makes, by the names the sound server knows them by. Inputs never listen to them: the
 * voice would go round for ever.
 */
export const OWN_SOUND_DEVICES = {
  /** Where the delayed voice is played to; its monitor feeds the source. */
  sink: 'musecam_mic_sink',
  /** What other programs choose. */
  source: 'musecam_mic',
  /** What people see. */
  title: 'MuseCam Microphone',
} as const;

/** Whether a source of the sound server is one of ours: the microphone itself, or the monitor of its sink. */
export function isOwnSource(name: string): boolean {
  return name === OWN_SOUND_DEVICES.source || name === `${OWN_SOUND_DEVICES.sink}.monitor`;
}
