import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { HealthReport, VideoOutput } from '../../api/contributions.ts';
import { AppError, messageOf, systemCodeOf } from '../../base/errors.ts';
import { PipewireCamera } from './camera.ts';
import { linuxOnly, noGstreamer, noServer } from './failures.ts';
import { CAMERA_TITLE, NODE_NAME } from './publisher.ts';
import { hasServer, type Surroundings, thisMachine } from './surroundings.ts';

const run = promisify(execFile);
/** GStreamer's first look at its plugins takes seconds. */
const INSPECT_LIMIT_MS = 20_000;
/** The parts of the pipeline that are packaged apart. */
const ELEMENTS = ['rawvideoparse', 'videoconvert', 'pipewiresink'];

/** The output `pipewire`. */
export function createPipewireOutput(changes: Partial<Surroundings> = {}): VideoOutput {
  const around: Surroundings = { ...thisMachine, ...changes };
  return {
    async list() {
      if (around.platform !== 'linux' || !(await hasServer(around))) return [];
      return [{ id: NODE_NAME, label: `${CAMERA_TITLE} (PipeWire)`, isDefault: false, state: 'ready' }];
    },
    check: () => check(around),
    async open(options, signal) {
      await requireAll(around);
      signal.throwIfAborted();
      return new PipewireCamera(options, around);
    },
  };
}

/** @throws AppError PIPEWIRE_LINUX_ONLY, PIPEWIRE_NO_SERVER, PIPEWIRE_NO_GSTREAMER. */
async function requireAll(around: Surroundings): Promise<void> {
  if (around.platform !== 'linux') throw linuxOnly();
  if (!(await hasServer(around))) throw noServer();
  for (const element of ELEMENTS) {
    try {
      // Without --exists, which does not see parts that are never chosen by themselves, such as this sink.
      await run('gst-inspect-1.0', [element], { env: around.environment, timeout: INSPECT_LIMIT_MS });
    } catch (thrown) {
      throw noGstreamer(systemCodeOf(thrown) === 'ENOENT' ? 'gst-launch-1.0' : element, thrown);
    }
  }
}

/** What `musecam doctor` says of it. */
async function check(around: Surroundings): Promise<readonly HealthReport[]> {
  if (around.platform !== 'linux') return [];
  try {
    await requireAll(around);
    return [{ state: 'ready', detail: 'PipeWire can offer the picture as a camera: musecam start --output pipewire' }];
  } catch (thrown) {
    const fix = thrown instanceof AppError && thrown.fix ? { fix: thrown.fix } : {};
    return [{ state: 'off', detail: `no PipeWire camera: ${messageOf(thrown)}`, ...fix }];
  }
}
