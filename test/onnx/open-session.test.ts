import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { openSession } from '../../src/onnx/open-session.ts';

const detector = fileURLToPath(new URL('../../src/avatar/models/blazeface.onnx', import.meta.url));

describe('a session', () => {
  it('runs a model from a file and gives its outputs by name, with their shapes', async () => {
    await using session = await openSession(detector);
    expect(session.inputNames).toEqual(['picture']);
    const picture = { data: new Float32Array(256 * 256 * 3), dims: [1, 256, 256, 3] };
    const { boxes, scores } = await session.run({ picture });
    expect(boxes?.dims).toEqual([896, 16]);
    expect(scores?.data).toHaveLength(896);
  });

  it('refuses to run with an input of the wrong shape, and can be used after that', async () => {
    await using session = await openSession(detector, { warmUp: false });
    const wrong = { picture: { data: new Float32Array(3), dims: [1, 1, 1, 3] } };
    await expect(session.run(wrong)).rejects.toMatchObject({ code: 'MODEL_BROKEN' });
    const picture = { data: new Float32Array(256 * 256 * 3), dims: [1, 256, 256, 3] };
    expect((await session.run({ picture })).scores?.data).toHaveLength(896);
  });

  it('says which file is no model', async () => {
    await expect(openSession('/nowhere/model.onnx')).rejects.toMatchObject({
      code: 'MODEL_BROKEN',
      message: expect.stringContaining('/nowhere/model.onnx'),
    });
    await expect(openSession(new Uint8Array(100).fill(7))).rejects.toMatchObject({ code: 'MODEL_BROKEN' });
  });

  it('says that the library is missing when its native part does not load', async () => {
    const loadRuntime = () => Promise.reject(new Error('libonnxruntime.so.1: cannot open shared object file'));
    await expect(openSession(detector, { loadRuntime })).rejects.toMatchObject({
      code: 'ONNX_RUNTIME_MISSING',
      message: expect.stringContaining('libonnxruntime.so.1'),
      fix: 'Run: npm ci',
    });
  });

  it('may be disposed twice', async () => {
    const session = await openSession(detector, { warmUp: false });
    await session[Symbol.asyncDispose]();
    await expect(session[Symbol.asyncDispose]()).resolves.toBeUndefined();
  });
});
