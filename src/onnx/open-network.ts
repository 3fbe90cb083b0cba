import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type * as Ort from 'onnxruntime-node';
import { AppError, messageOf } from '../base/errors.ts';
import { loadRuntime, type OnnxRuntime } from './open-session.ts';

/** What a network can run on. */
export type Provider = 'cuda' | 'webgpu' | 'cpu';

/** A tensor of the runtime: in memory, or on the GPU (then its numbers cannot be read; feed it to another network). */
export type Tensor = Ort.Tensor;

/** How to open a network. */
export interface NetworkOptions {
  readonly provider: Provider;
  /** Threads of the processor one run may use. Default 1. */
  readonly threads?: number;
  /** Outputs that stay on the GPU; only WebGPU has that. */
  readonly gpuOutputs?: readonly string[];
  /** Byte pictures need `NCHW` on WebGPU: in the other layout their transposes would fall back to the processor. */
  readonly layout?: 'NCHW' | 'NHWC';
  /** Refuse a network of which some node would run on the processor. */
  readonly isStrict?: boolean;
  /** Loads the native library; tests put a broken one here. */
  readonly loadRuntime?: () => Promise<OnnxRuntime>;
}

/** Types of numbers that go in. */
type Numbers = Float32Array | Uint8Array | Int32Array;

/**
 * A network on one execution provider, with tensors that can stay on the GPU between networks: what
 * {@link openSession} is for small networks on the processor, this is for large ones anywhere.
 */
export class Network implements AsyncDisposable {
  readonly #runtime: OnnxRuntime;
  readonly #session: Ort.InferenceSession;
  readonly #name: string;
  readonly #provider: Provider;
  #isOpen = true;

  private constructor(runtime: OnnxRuntime, session: Ort.InferenceSession, name: string, provider: Provider) {
    this.#runtime = runtime;
    this.#session = session;
    this.#name = name;
    this.#provider = provider;
  }

  /**
   * Opens a network from its file.
   * @throws AppError ONNX_RUNTIME_MISSING, PROVIDER_MISSING when this machine has none of that kind, MODEL_BROKEN.
   */
  static async open(path: string, options: NetworkOptions): Promise<Network> {
    const runtime = await loadRuntime(options.loadRuntime);
    const { provider, gpuOutputs = [] } = options;
    const isOnGpu = provider === 'webgpu' && gpuOutputs.length > 0;
    if (provider === 'cuda' && !hasCuda()) throw providerMissing(provider, 'its libraries are not installed.');
    try {
      const session = await runtime.InferenceSession.create(path, {
        executionProviders: [describeProvider(options)],
        intraOpNumThreads: options.threads ?? 1,
        interOpNumThreads: 1,
        graphOptimizationLevel: 'all',
        logSeverityLevel: 4,
        ...(isOnGpu
          ? { preferredOutputLocation: Object.fromEntries(gpuOutputs.map((name) => [name, 'gpu-buffer'] as const)) }
          : {}),
        extra: {
          session: {
            intra_op: { allow_spinning: '0' },
            ...(options.isStrict ? { disable_cpu_ep_fallback: '1' } : {}),
          },
        },
      });
      return new Network(runtime, session, path, provider);
    } catch (thrown) {
      throw openingFailed(path, provider, thrown);
    }
  }

  /** Shape of an input: numbers, or names of sides that are only known when it runs. */
  inputShape(name: string): readonly (number | string)[] {
    const found = this.#session.inputMetadata.find((one) => one.name === name);
    return found?.isTensor ? found.shape : [];
  }

  /** Numbers in memory as a tensor; the memory is not copied. */
  tensor(data: Numbers, dims: readonly number[]): Tensor {
    const { Tensor } = this.#runtime;
    if (data instanceof Float32Array) return new Tensor('float32', data, dims);
    if (data instanceof Uint8Array) return new Tensor('uint8', data, dims);
    return new Tensor('int32', data, dims);
  }

  /**
   * Runs it and gives all outputs: the runtime mixes up where they go when only some are asked for. Tensors on the GPU have
   * to be disposed by the caller.
   * @throws AppError GPU_LOST when a GPU failed, MODEL_BROKEN when the network cannot be run.
   */
  async run(feeds: Readonly<Record<string, Tensor>>): Promise<Readonly<Record<string, Tensor>>> {
    try {
      return await this.#session.run(feeds);
    } catch (thrown) {
      if (this.#provider === 'cpu') throw networkBroken(this.#name, 'cannot be run', thrown);
      throw new AppError('GPU_LOST', `${providerTitle(this.#provider)} failed: ${messageOf(thrown)}`, {
        fix: 'If it happens again, update the graphics driver, or choose another way: --set musetalk.provider=cpu',
        cause: thrown,
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#session.release();
  }
}

/** What people call a provider. */
export function providerTitle(provider: Provider): string {
  return { cuda: 'CUDA', webgpu: 'WebGPU', cpu: 'the processor' }[provider];
}

/** Gives the GPU's memory of tensors back; those in memory are the collector's. */
export function disposeTensors(tensors: Iterable<Tensor>): void {
  for (const tensor of tensors) if (tensor.location === 'gpu-buffer') tensor.dispose();
}

function describeProvider({ provider, layout }: NetworkOptions): Ort.InferenceSession.ExecutionProviderConfig {
  if (provider !== 'webgpu') return provider;
  return { name: 'webgpu', ...(layout ? { preferredLayout: layout } : {}) };
}

function openingFailed(path: string, provider: Provider, thrown: unknown): AppError {
  const why = messageOf(thrown);
  const isMissing =
    /adapter|not available|no available backend|backend not found|unsupported device|provider.*not|libcu/i;
  if (provider !== 'cpu' && isMissing.test(why)) {
    return providerMissing(provider, /webgpu adapter/i.test(why) ? 'no graphics adapter was found.' : why, thrown);
  }
  return networkBroken(path, 'cannot be opened', thrown);
}

/** Whether the runtime's CUDA part was installed: the package leaves it out unless it is asked for. */
function hasCuda(): boolean {
  const root = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  const file = process.platform === 'win32' ? 'onnxruntime_providers_cuda.dll' : 'libonnxruntime_providers_cuda.so';
  return existsSync(join(root, 'bin', 'napi-v6', process.platform, process.arch, file));
}

function providerMissing(provider: Provider, why: string, cause?: unknown): AppError {
  return new AppError('PROVIDER_MISSING', `${providerTitle(provider)} cannot be used here: ${why}`, {
    fix:
      provider === 'cuda'
        ? 'Install the CUDA libraries as docs/gpu.md says'
        : 'Install the driver of the graphics card, on Linux with Vulkan (libvulkan1); musecam devices shows what is found',
    cause,
  });
}

function networkBroken(name: string, what: string, thrown: unknown): AppError {
  return new AppError('MODEL_BROKEN', `The model ${name} ${what}: ${messageOf(thrown)}`, {
    fix: 'Check it: musecam models verify; or install it again: musecam models install musetalk-v15',
    cause: thrown,
  });
}
