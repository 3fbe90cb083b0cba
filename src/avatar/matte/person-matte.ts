import type { Size } from '../../api/media.ts';
import type { OnnxSessionOptions } from '../../onnx/open-session.ts';
import type { Picture } from '../picture.ts';
import { middleOf } from './face-cells.ts';
import { MatteRefiner } from './matte-refiner.ts';
import { PersonNet } from './person-net.ts';

/**
 * Cuts people out: MediaPipe's selfie segmentation says roughly where the person is, and the picture's own colours draw the
 * edge. Frames of a clip are given in order; what rests stays still. Owns a model.
 */
export class PersonMatte implements AsyncDisposable {
  readonly #net: PersonNet;
  #refiner: MatteRefiner | undefined;

  private constructor(net: PersonNet) {
    this.#net = net;
  }

  /** @throws AppError ONNX_RUNTIME_MISSING, MODEL_BROKEN. */
  static async open(options?: OnnxSessionOptions): Promise<PersonMatte> {
    return new PersonMatte(await PersonNet.open(options));
  }

  /**
   * @param picture the next frame; its size may change only where a new shot begins.
   * @param points Float32 `[478, 3]` in pixels of the picture; undefined where no face is seen.
   * @param isNewShot true for stills and for the first frame of each shot: nothing is taken over from before.
   * @returns Uint8 `[height, width]`, 255 = person; undefined where there is a face but neither the network nor the colours
   *   tell a person from the background.
   */
  async cut(picture: Picture, points: Float32Array | undefined, isNewShot: boolean): Promise<Uint8Array | undefined> {
    const refiner = this.#refinerFor(picture);
    const { grid, person } = refiner;
    await this.#net.look(picture, points && middleOf(points), grid, person);
    return refiner.refine(picture, points, isNewShot);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#net[Symbol.asyncDispose]();
  }

  #refinerFor(size: Size): MatteRefiner {
    const { picture } = this.#refiner ?? {};
    if (picture?.width !== size.width || picture?.height !== size.height) this.#refiner = new MatteRefiner(size);
    return this.#refiner!;
  }
}
