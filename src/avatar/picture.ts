/** An RGB picture in memory, of any size. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  /** RGB24: `width * height * 3` bytes, rows from the top. */
  readonly pixels: Uint8Array;
}

/** A point in a picture, in pixels; (0, 0) is the outer corner of the first pixel. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A turned square in a picture: what a model looks at. */
export interface Square {
  readonly centre: Point;
  /** Length of a side in pixels. */
  readonly side: number;
  /** Clockwise as seen, in radians. */
  readonly angle: number;
}
