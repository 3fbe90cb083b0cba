import { readFileSync } from 'node:fs';

/** 852 triangles over the 468 points of the MediaPipe face mesh; eyes and mouth are left open. */
export const FACE_TRIANGLES: readonly (readonly number[])[] = (
  JSON.parse(readFileSync(new URL('./tessellation.json', import.meta.url), 'utf8')) as { triangles: number[][] }
).triangles;
