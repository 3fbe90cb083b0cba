import type { ObsCaller } from './connection.ts';
import { noBrowserSource, noSource } from './failures.ts';

/** Written into the settings of our sources, so that they are found when renamed. */
export const SOURCE_MARK = 'musecam';
/** A virtual camera, on Linux. */
export const CAMERA_KIND = 'v4l2_input';
/** A media source: reads the stream. */
export const MEDIA_KIND = 'ffmpeg_source';
/** A browser source: shows the transparent page. Not in every OBS. */
export const BROWSER_KIND = 'browser_source';
/** Pictures a second of the page in OBS: as many as there are. */
const PAGE_FRAMES_PER_SECOND = 25;

/** Settings of a source in OBS. */
export type SourceSettings = Readonly<Record<string, string | number | boolean>>;

/** The transparent page. Its size is that of the show, in pixels. */
export interface PageAddress {
  readonly address: string;
  readonly width: number;
  readonly height: number;
}

/** Where OBS can get the picture from. */
export interface PictureSource {
  /** The virtual camera that is written to, `/dev/video10`; undefined: none, or one that cannot carry what is wanted. */
  readonly cameraPath: string | undefined;
  /** Opens the stream for a media source, where one is needed, and gives its address. */
  readonly openStream: () => Promise<string>;
  /** The same for the transparent page. */
  readonly openPage: () => Promise<PageAddress>;
}

/**
 * How the picture gets into this OBS.
 * @param wantsPage through the transparent page. @throws AppError OBS_NO_SOURCE, OBS_NO_BROWSER.
 */
export async function choosePictureSource(
  obs: ObsCaller,
  source: PictureSource,
  wantsPage: boolean,
): Promise<{ kind: string; settings: SourceSettings }> {
  const { inputKinds } = await obs.call('GetInputKindList', { unversioned: true });
  if (wantsPage) {
    if (!inputKinds.includes(BROWSER_KIND)) throw noBrowserSource();
    return { kind: BROWSER_KIND, settings: pageSettings(await source.openPage()) };
  }
  if (source.cameraPath && inputKinds.includes(CAMERA_KIND)) {
    return { kind: CAMERA_KIND, settings: cameraSettings(source.cameraPath) };
  }
  if (!inputKinds.includes(MEDIA_KIND)) throw noSource();
  return { kind: MEDIA_KIND, settings: streamSettings(await source.openStream()) };
}

/** Settings of a camera source: the device as it is, not buffered. */
export function cameraSettings(path: string): SourceSettings {
  return {
    [SOURCE_MARK]: true,
    device_id: path,
    input: 0,
    pixelformat: -1,
    standard: -1,
    resolution: -1,
    framerate: -1,
    buffering: false,
  };
}

/** Settings of a media source: shown as soon as it arrives, tried again every second, no seconds of reading ahead. */
export function streamSettings(address: string): SourceSettings {
  return {
    [SOURCE_MARK]: true,
    is_local_file: false,
    input: address,
    input_format: 'matroska',
    buffering_mb: 0,
    hw_decode: false,
    reconnect_delay_sec: 1,
    restart_on_activate: false,
    close_when_inactive: false,
    clear_on_media_end: true,
    // OBS lays pictures over each other in linear light: only so a half-transparent edge gets no dark fringe.
    linear_alpha: true,
    ffmpeg_options: 'probesize=32 analyzeduration=0 fflags=nobuffer',
  };
}

/** Settings of a browser source: the page in the show's own size, kept open while its scene is off. */
export function pageSettings({ address, width, height }: PageAddress): SourceSettings {
  return {
    [SOURCE_MARK]: true,
    is_local_file: false,
    url: address,
    width,
    height,
    fps_custom: true,
    fps: PAGE_FRAMES_PER_SECOND,
    shutdown: false,
    restart_when_active: false,
  };
}
