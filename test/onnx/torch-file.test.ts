import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { memorySource } from '../../src/onnx/byte-source.ts';
import { type Checkpoint, floatToHalf, halfToFloat } from '../../src/onnx/checkpoint.ts';
import { openTorchFile } from '../../src/onnx/torch-file.ts';
import { type PickleDict, type PickleTuple, unpickle } from '../../src/onnx/unpickle.ts';
import { seededValues } from './seeded.ts';

const fixture = (name: string) => fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url));
const rounded = (values: Float32Array) => values.map((value) => halfToFloat(floatToHalf(value)));

async function expectSeeded(checkpoint: Checkpoint): Promise<void> {
  const shapes = Object.fromEntries([...checkpoint.tensors].map(([name, { shape }]) => [name, shape.join('x')]));
  expect(shapes).toEqual({
    ...{ plain: '4x3x2', half: '5', brain: '5', double: '3', turned: '4x6', window: '3x4', counts: '5', single: '' },
    parameter: '3',
  });
  expect(await checkpoint.read('plain')).toEqual(seededValues('plain', [24]));
  expect(await checkpoint.read('half')).toEqual(rounded(seededValues('half', [5])));
  expect(await checkpoint.read('double')).toEqual(seededValues('double', [3]));
  expect(await checkpoint.read('window')).toEqual(seededValues('window', [40]).subarray(10, 22));
  expect([...(await checkpoint.read('counts'))]).toEqual([-2, -1, 0, 1, 2]);
  expect(await checkpoint.read('single')).toEqual(seededValues('single', [1]));
  expect(await checkpoint.read('parameter')).toEqual(seededValues('parameter', [3]));
  const [source, turned] = [seededValues('turned', [24]), await checkpoint.read('turned')];
  expect([...turned]).toEqual(Array.from({ length: 24 }, (_, i) => source[(i % 6) * 4 + Math.floor(i / 6)]));
  const brain = seededValues('brain', [5]);
  (await checkpoint.read('brain')).forEach((value, i) => {
    expect(Math.abs(value - brain[i]!)).toBeLessThan(2 ** -8);
  });
}

describe('files that torch.save wrote', () => {
  for (const [name, words] of [
    ['zip.pth', 'a zip of today'],
    ['legacy.pth', 'the format before torch 1.6'],
    ['wrapped.pth', 'a training checkpoint with its weights under state_dict'],
  ] as const)
    it(`reads every tensor of ${words}, also turned and partial ones`, async () => {
      await using checkpoint = await openTorchFile(fixture(name));
      await expectSeeded(checkpoint);
    });

  it('reads a list of tensors by their places', async () => {
    await using checkpoint = await openTorchFile(fixture('list.pt'));
    expect([...checkpoint.tensors.keys()]).toEqual(['0', '1']);
    expect(await checkpoint.read('1')).toEqual(rounded(seededValues('list1', [4])));
  });

  it('refuses a pickle that calls a function, by its name, without calling it', async () => {
    await expect(openTorchFile(fixture('foreign.pth'))).rejects.toMatchObject({
      code: 'CHECKPOINT_BROKEN',
      message: expect.stringMatching(/system, which is code and is never run/),
    });
  });

  it('says that a file is truncated, wherever it ends', async () => {
    for (const name of ['zip.pth', 'legacy.pth']) {
      const whole = await readFile(fixture(name));
      for (let end = 0; end < whole.length; end += 97) {
        const opening = openTorchFile(memorySource(whole.subarray(0, end)));
        await expect(opening, `${name} cut at ${end}`).rejects.toMatchObject({ code: 'CHECKPOINT_BROKEN' });
      }
    }
  });

  it('says which tensor is not there', async () => {
    await using checkpoint = await openTorchFile(fixture('zip.pth'));
    await expect(checkpoint.read('nothing')).rejects.toThrow('it has no tensor nothing');
  });

  it('says which file cannot be opened', async () => {
    await expect(openTorchFile('/nowhere/unet.pth')).rejects.toThrow('/nowhere/unet.pth');
  });
});

describe('pickles as data', () => {
  const rules = { globals: new Map(), path: 'test' };

  it('reads lists, tuples and large numbers', async () => {
    const { value } = unpickle(await readFile(fixture('boxes.pkl')), rules);
    const boxes = (value as PickleTuple[]).map((box) => box.items);
    expect(boxes).toEqual([
      [1, 2, 3, 4],
      [5, -6, 7, 2 ** 40],
    ]);
  });

  it('reads a dict whatever its keys are', () => {
    const { value } = unpickle(Buffer.from('}(K\x01U\x01aX\x01\0\0\0bNu.', 'latin1'), rules);
    expect([...(value as PickleDict).entries]).toEqual([
      [1, 'a'],
      ['b', null],
    ]);
  });

  for (const [words, text, reason] of [
    ['a function that is not allowed', 'cos\nsystem\n.', 'os.system'],
    ['an instance of a class', '(ios\nsystem\n.', 'not one of data'],
    ['a memo that was never written', 'h\x05.', 'memo 5'],
    ['a value taken from nothing', '0.', 'stack is empty'],
    ['a call of what is no function', 'K\x01)R.', 'no function'],
    ['a text that is longer than the file', 'X\xff\xff\xff\x7fabc', 'truncated'],
    ['a dict of one and a half entries', '}(K\x01K\x02K\x03u.', 'without a value'],
    ['a newer protocol', '\x80\x09N.', 'newer protocol'],
  ] as const)
    it(`refuses ${words}`, () => {
      expect(() => unpickle(Buffer.from(text, 'latin1'), rules)).toThrow(reason);
    });
});

describe('half precision', () => {
  it('comes back exactly for each of its 63,488 finite values', () => {
    for (let bits = 0; bits < 0x10000; bits++) {
      if ((bits & 0x7c00) === 0x7c00) continue;
      expect(floatToHalf(halfToFloat(bits))).toBe(bits);
    }
  });

  it('rounds to the nearest, ties to even, and overflows to infinity', () => {
    expect(halfToFloat(floatToHalf(1 + 2 ** -11))).toBe(1);
    expect(halfToFloat(floatToHalf(1 + 3 * 2 ** -11))).toBe(1 + 2 ** -9);
    expect(halfToFloat(floatToHalf(65_519))).toBe(65_504);
    expect(halfToFloat(floatToHalf(65_520))).toBe(Number.POSITIVE_INFINITY);
    expect(halfToFloat(floatToHalf(2 ** -25))).toBe(0);
    expect(halfToFloat(floatToHalf(3 * 2 ** -25))).toBe(2 ** -23);
    expect(floatToHalf(Number.NaN)).toBe(0x7e00);
  });
});
