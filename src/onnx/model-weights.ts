import { AppError } from '../base/errors.ts';
import { type Checkpoint, checkpointBroken } from './checkpoint.ts';

/**
 * A checkpoint as a network's builder sees it: tensors by name and expected shape, each used once, under all the names
 * that exporters have given them.
 */
export class ModelWeights {
  readonly #checkpoint: Checkpoint;
  readonly #prefix: string;
  readonly #used = new Set<string>();

  /** @param prefix in front of every name in the file, for example `model.encoder.`. */
  constructor(checkpoint: Checkpoint, prefix = '') {
    this.#checkpoint = checkpoint;
    this.#prefix = prefix;
  }

  has(name: string): boolean {
    return this.#checkpoint.tensors.has(this.#prefix + name);
  }

  /** Shape of a tensor. @throws AppError CHECKPOINT_MISMATCH when there is none of that name. */
  shape(name: string): readonly number[] {
    const info = this.#checkpoint.tensors.get(this.#prefix + name);
    if (!info) throw this.#mismatch(`it has no ${this.#prefix}${name}`);
    return info.shape;
  }

  /**
   * The numbers of a tensor. @param shape -1 stands for any size.
   * @throws AppError CHECKPOINT_MISMATCH when it is missing or of another shape, CHECKPOINT_BROKEN when it holds no numbers.
   */
  async take(name: string, shape: readonly number[]): Promise<Float32Array> {
    const actual = this.shape(name);
    const fits = actual.length === shape.length && actual.every((size, i) => shape[i] === -1 || size === shape[i]);
    if (!fits) throw this.#mismatch(`${name} is ${actual.join('x')} instead of ${shape.join('x')}`);
    this.#used.add(this.#prefix + name);
    const values = await this.#checkpoint.read(this.#prefix + name);
    for (let i = 0; i < values.length; i++)
      if (!Number.isFinite(values[i]))
        throw checkpointBroken(this.#checkpoint.path, `number ${i} of ${name} is ${values[i]}`);
    return values;
  }

  /** A tensor by the first of several names that is there. */
  async takeAny(names: readonly string[], shape: readonly number[]): Promise<Float32Array> {
    return this.take(names.find((name) => this.has(name)) ?? names[0]!, shape);
  }

  /** Names under the prefix that nobody has asked for. */
  unused(): string[] {
    return [...this.#checkpoint.tensors.keys()].filter(
      (name) => name.startsWith(this.#prefix) && !this.#used.has(name),
    );
  }

  #mismatch(why: string): AppError {
    return new AppError('CHECKPOINT_MISMATCH', `${this.#checkpoint.path} is not this network: ${why}.`, {
      fix: 'Check that it is the file that the model asks for: musecam models list',
    });
  }
}
