/** What can be moved, in the order of the fields in a fields file. The comment says what weight 1 means. */
export const CONTROLS = [
  /** Mouth as far open as for "aa". */
  'open',
  /** Corners spread as for "ee". */
  'wide',
  /** Corners drawn in as for "oo". */
  'round',
  /** Lips pressed together, thinner. */
  'press',
  /** Upper lip raised off the teeth. */
  'upperUp',
  /** Lower lip lowered off the teeth without the jaw. */
  'lowerDown',
  /** Lower lip tucked up under the upper teeth as for "f". */
  'tuck',
  /** An open mouth of the source brought to closed lips. */
  'close',
  /** Corners up and out. */
  'smile',
  /** Lids shut. */
  'blinkRight',
  'blinkLeft',
  /** Brows up. */
  'brow',
  /** Eyes one iris radius to the picture's right. */
  'gazeX',
  /** Eyes one iris radius down, lids following. */
  'gazeY',
  /** Head by one half mouth width right, down. */
  'headX',
  'headY',
  /** Head turned clockwise in the picture by one radian, about the neck. */
  'roll',
  /** Head turned to the picture's right and down by one radian (small angles). */
  'yaw',
  'pitch',
  /** Shoulders up by a tenth of the half mouth width. */
  'breath',
] as const;

/** The name of one control. */
export type Control = (typeof CONTROLS)[number];
