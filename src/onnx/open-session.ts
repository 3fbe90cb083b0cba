import type * as Ort from 'onnxruntime-node';
import { AppError, messageOf } from '../base/errors.ts';

/** The native library's module, as `import('onnxruntime-node')` gives it. */
export type OnnxRuntime = Pick<typeof Ort, 'InferenceSession' | 'Tensor'>;

/** A tensor of floats: values in row-major order and their shape. */
interface FloatTensor {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

/** A loaded model. Owns native memory until it is disposed. */
export interface OnnxSession extends AsyncDisposable {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /** Runs the model. Inputs must keep still until it resolves. @throws AppError MODEL_BROKEN when it cannot be run. */
  run(inputs: Readonly<Record<string, FloatTensor>>): Promise<Readonly<Record<string, FloatTensor>>>;
}

/** How to open a model. */
export interface OnnxSessionOptions {
  /** Threads one run may use. Default 1: the live loop shares its cores. */
  readonly threads?: number;
  /** Run once with zeros, so that the first real run is not slower than the rest. Default true. */
  readonly warmUp?: boolean;
  /** Loads the native library; tests put a broken one here. */
  readonly loadRuntime?: () => Promise<OnnxRuntime>;
}

/**
 * Opens an ONNX model, from a file or from bytes, on the processor.
 * @throws AppError ONNX_RUNTIME_MISSING when the native library does not load, MODEL_BROKEN when the model does not.
 */
export async function openSession(model: string | Uint8Array, options: OnnxSessionOptions = {}): Promise<OnnxSession> {
  const runtime = await loadRuntime(options.loadRuntime);
  const name = typeof model === 'string' ? model : `${model.byteLength} bytes`;
  const settings: Ort.InferenceSession.SessionOptions = {
    executionProviders: ['cpu'],
    intraOpNumThreads: options.threads ?? 1,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
  };
  let session: Ort.InferenceSession;
  try {
    // Two calls, because the library's own types do not take a union.
    session =
      typeof model === 'string'
        ? await runtime.InferenceSession.create(model, settings)
        : await runtime.InferenceSession.create(model, settings);
  } catch (thrown) {
    throw modelBroken(name, 'cannot be opened', thrown);
  }
  const opened = wrapSession(runtime, session, name);
  if (options.warmUp ?? true) {
    try {
      await opened.run(zerosFor(session));
    } catch (thrown) {
      await opened[Symbol.asyncDispose]();
      throw thrown;
    }
  }
  return opened;
}

/** The native library. @throws AppError ONNX_RUNTIME_MISSING when it does not load. */
export async function loadRuntime(
  load: () => Promise<OnnxRuntime> = () => import('onnxruntime-node'),
): Promise<OnnxRuntime> {
  try {
    return await load();
  } catch (thrown) {
    throw new AppError(
      'ONNX_RUNTIME_MISSING',
      `The library that runs neural networks (onnxruntime-node) does not load on ${process.platform}-${process.arch}: ${messageOf(thrown)}`,
      { fix: 'Run: npm ci', cause: thrown },
    );
  }
}

function wrapSession(runtime: OnnxRuntime, session: Ort.InferenceSession, name: string): OnnxSession {
  let isOpen = true;
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    async run(inputs) {
      try {
        const feeds: Record<string, Ort.Tensor> = {};
        for (const [input, { data, dims }] of Object.entries(inputs))
          feeds[input] = new runtime.Tensor('float32', data, dims);
        return floatsOf(await session.run(feeds));
      } catch (thrown) {
        throw modelBroken(name, 'cannot be run', thrown);
      }
    },
    async [Symbol.asyncDispose]() {
      if (!isOpen) return;
      isOpen = false;
      await session.release();
    },
  };
}

function floatsOf(outputs: Ort.InferenceSession.ReturnType): Record<string, FloatTensor> {
  const floats: Record<string, FloatTensor> = {};
  for (const [output, tensor] of Object.entries(outputs)) {
    if (!(tensor.data instanceof Float32Array)) throw new Error(`output ${output} is ${tensor.type}, not float32`);
    floats[output] = { data: tensor.data, dims: tensor.dims };
  }
  return floats;
}

/** Zeros for every input; a dimension without a fixed size counts as 1. */
function zerosFor(session: Ort.InferenceSession): Record<string, FloatTensor> {
  const zeros: Record<string, FloatTensor> = {};
  for (const input of session.inputMetadata) {
    const dims = input.isTensor ? input.shape.map((size) => (typeof size === 'number' && size > 0 ? size : 1)) : [1];
    zeros[input.name] = { data: new Float32Array(dims.reduce((product, size) => product * size, 1)), dims };
  }
  return zeros;
}

function modelBroken(name: string, what: string, thrown: unknown): AppError {
  return new AppError('MODEL_BROKEN', `The model ${name} ${what}: ${messageOf(thrown)}`, {
    fix: 'Put the original file back: reinstall MuseCam, or run: musecam models verify',
    cause: thrown,
  });
}
