import { AppError } from '../../base/errors.ts';

/** PipeWire is Linux's. */
export function linuxOnly(): AppError {
  return new AppError('PIPEWIRE_LINUX_ONLY', 'PipeWire cameras are there on Linux only', {
    fix: 'Use OBS and its virtual camera: musecam obs setup',
  });
}

/** No server answers. */
export function noServer(): AppError {
  return new AppError('PIPEWIRE_NO_SERVER', 'PipeWire is not running', {
    fix: 'Start it: systemctl --user start pipewire wireplumber',
  });
}

/** GStreamer, which publishes the picture, or its part for PipeWire is not installed. */
export function noGstreamer(missing: string, cause?: unknown): AppError {
  return new AppError('PIPEWIRE_NO_GSTREAMER', `GStreamer is not complete: ${missing} is missing`, {
    fix: 'Install it: sudo apt install gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-pipewire',
    cause,
  });
}
