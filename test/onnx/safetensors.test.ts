import { describe, expect, it } from 'vitest';
import { memorySource } from '../../src/onnx/byte-source.ts';
import { openSafetensors } from '../../src/onnx/safetensors.ts';
import { encodeSafetensors, seededValues } from './seeded.ts';

const two = new Map([
  ['a', { shape: [2, 3], values: seededValues('a', [6]) }],
  ['b', { shape: [4], values: seededValues('b', [4]) }],
]);

/** A file with a header of one's own. */
function fileOf(header: unknown, data = Buffer.alloc(16)): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, data]);
}

describe('safetensors files', () => {
  it('gives names, shapes and numbers', async () => {
    await using file = await openSafetensors(memorySource(encodeSafetensors(two)));
    expect(file.tensors.get('a')).toMatchObject({ type: 'F32', shape: [2, 3] });
    expect(await file.read('b')).toEqual(two.get('b')!.values);
  });

  for (const [words, bytes, reason] of [
    ['a file that ends in its header', fileOf('{"a"').subarray(0, 10), 'truncated'],
    ['a header of gigabytes', Buffer.from('ffffffffff000000', 'hex'), 'table of contents is said to have'],
    ['a header that is not JSON', fileOf('{"a":'), 'not JSON'],
    ['a header that is a list', fileOf('[]'), 'no table'],
    ['a number type nobody knows', fileOf({ a: { dtype: 'F8', shape: [4], data_offsets: [0, 16] } }), 'unknown type'],
    [
      'a type that is a name of every object',
      fileOf({ a: { dtype: 'constructor', shape: [4], data_offsets: [0, 16] } }),
      'unknown type',
    ],
    ['a negative side', fileOf({ a: { dtype: 'F32', shape: [-4], data_offsets: [0, 16] } }), 'a side of -4'],
    [
      'sides whose product is not a number of this machine',
      fileOf({ a: { dtype: 'F32', shape: [1e9, 1e9], data_offsets: [0, 16] } }),
      'too large',
    ],
    ['a place before the file', fileOf({ a: { dtype: 'F32', shape: [4], data_offsets: [-16, 0] } }), 'needs 16 bytes'],
    ['a place behind the file', fileOf({ a: { dtype: 'F32', shape: [4], data_offsets: [16, 32] } }), 'truncated'],
    [
      'two tensors over each other',
      fileOf({
        a: { dtype: 'F32', shape: [4], data_offsets: [0, 16] },
        b: { dtype: 'F32', shape: [2], data_offsets: [8, 16] },
      }),
      'begins at byte',
    ],
    [
      'bytes that belong to nobody',
      fileOf({ a: { dtype: 'F32', shape: [2], data_offsets: [0, 8] } }),
      'belong to no tensor',
    ],
    ['an entry that is nothing', fileOf({ a: null }), 'unknown type'],
  ] as const)
    it(`refuses ${words}`, async () => {
      await expect(openSafetensors(memorySource(bytes))).rejects.toMatchObject({
        code: 'CHECKPOINT_BROKEN',
        message: expect.stringContaining(reason),
      });
    });
});
