/** What a key pressed in OBS does. */
export interface HotkeyAction {
  /** Names it to the script in OBS, which must agree: musecam-hotkeys.lua. */
  readonly id: string;
  /** As OBS's hotkey settings show it. */
  readonly title: string;
  /** Command that is run at each press. */
  readonly command: string;
  readonly args: Readonly<Record<string, unknown>>;
}

/** How many avatars have a key of their own. */
const NUMBERED_AVATARS = 9;

/** Who presses a key wants to see something at once: no cross-fade. */
const CUT = { fade: false } as const;

/** All actions, as OBS lists them. Switches are turned over at each press: a key has no two sides. */
export const hotkeyActions: readonly HotkeyAction[] = [
  ...Array.from({ length: NUMBERED_AVATARS }, (_, i) => ({
    id: `avatar.${i + 1}`,
    title: `MuseCam: avatar ${i + 1}`,
    command: 'avatar.useNumber',
    args: { number: i + 1, ...CUT },
  })),
  { id: 'avatar.next', title: 'MuseCam: next avatar', command: 'avatar.next', args: CUT },
  { id: 'avatar.previous', title: 'MuseCam: previous avatar', command: 'avatar.previous', args: CUT },
  { id: 'panic', title: 'MuseCam: panic', command: 'show.panic', args: {} },
  { id: 'mouth.rest', title: 'MuseCam: rest mouth', command: 'mouth.rest', args: {} },
  { id: 'mute', title: 'MuseCam: mute', command: 'microphone.mute', args: {} },
];

/** What our hotkeys begin with in OBS's list of names. */
export const HOTKEY_PREFIX = 'musecam.';
