import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { OnnxGraph } from '../../onnx/onnx-graph.ts';
import { Network, type Provider, type Tensor } from '../../onnx/open-network.ts';

/**
 * Waits until a GPU has computed a tensor. On WebGPU a run returns when its commands are handed over, long before they are
 * done, and a tensor that stays on the GPU cannot be read. So one of its numbers goes through a network of one node whose
 * output comes to memory: commands are worked off in their order, and when the number is here, everything before it is
 * done. Opening one also is the cheapest way to learn whether a provider works at all.
 */
export class ReadBack implements AsyncDisposable {
  readonly #network: Network;

  private constructor(network: Network) {
    this.#network = network;
  }

  /** @param folder for a file that is gone again when this returns. @throws AppError PROVIDER_MISSING, MODEL_BROKEN. */
  static async open(folder: string, provider: Provider): Promise<ReadBack> {
    const path = join(folder, 'read-back.onnx');
    await using graph = await OnnxGraph.create(path, 'float32');
    const all = graph.input('all', 'float32', ['a', 'b', 'c', 'd']);
    const [from, to] = [graph.integers([0, 0, 0, 0]), graph.integers([1, 1, 1, 1])];
    graph.output('one', 'float32', [1, 1, 1, 1], graph.op('Slice', [all, from, to]));
    await graph.finish();
    try {
      return new ReadBack(await Network.open(path, { provider }));
    } finally {
      await rm(path);
    }
  }

  /** @param tensor of four dimensions. One in memory is finished already. */
  async settle(tensor: Tensor): Promise<void> {
    if (tensor.location === 'gpu-buffer') await this.#network.run({ all: tensor });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#network[Symbol.asyncDispose]();
  }
}
