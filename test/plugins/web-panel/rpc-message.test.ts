import fastify from 'fastify';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../src/base/errors.ts';
import { createJsonParser } from '../../../src/plugins/web-panel/parse-json.ts';
import { answerRpc } from '../../../src/plugins/web-panel/rpc-message.ts';

const parse = createJsonParser(fastify());
const called: string[] = [];

/** The methods of the specification's examples. */
async function handle(method: string, params: object | undefined): Promise<unknown> {
  called.push(method);
  if (method === 'subtract') {
    const [a, b] = Array.isArray(params) ? params : [(params as Named).minuend, (params as Named).subtrahend];
    return a - b;
  }
  if (method === 'sum') return (params as number[]).reduce((a, b) => a + b);
  if (method === 'get_data') return ['hello', 5];
  if (method === 'notify_hello') return undefined;
  if (method === 'refuse') throw new AppError('NO_SUCH_AVATAR', 'There is none.', { fix: 'Choose another.' });
  if (method === 'bug') throw new TypeError('insides at /secret/path');
  if (method === 'loop') return Object.assign({}, { self: BigInt(1) });
  throw new AppError('NO_SUCH_COMMAND', `There is no command ${method}.`);
}
interface Named {
  readonly minuend: number;
  readonly subtrahend: number;
}

async function answer(text: string): Promise<unknown> {
  const json = await answerRpc(text, parse, handle);
  return json === undefined ? undefined : JSON.parse(json);
}
const result = (id: unknown, value: unknown) => ({ jsonrpc: '2.0', id, result: value });
const error = (id: unknown, code: number) => ({ jsonrpc: '2.0', id, error: expect.objectContaining({ code }) });

describe('JSON-RPC messages', () => {
  it('are answered as the examples of the specification are', async () => {
    expect(await answer('{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}')).toEqual(
      result(1, 19),
    );
    expect(
      await answer('{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}'),
    ).toEqual(result(3, 19));
    expect(await answer('{"jsonrpc": "2.0", "method": "foobar", "id": "1"}')).toEqual(error('1', -32601));
    expect(await answer('{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]')).toEqual(error(null, -32700));
    expect(await answer('{"jsonrpc": "2.0", "method": 1, "params": "bar"}')).toEqual(error(null, -32600));
    expect(await answer('[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"}, {"jsonrpc"')).toEqual(
      error(null, -32700),
    );
    expect(await answer('[]')).toEqual(error(null, -32600));
    expect(await answer('[1]')).toEqual([error(null, -32600)]);
    expect(await answer('[1,2,3]')).toEqual([error(null, -32600), error(null, -32600), error(null, -32600)]);
    const batch = [
      { jsonrpc: '2.0', method: 'sum', params: [1, 2, 4], id: '1' },
      { jsonrpc: '2.0', method: 'notify_hello', params: [7] },
      { jsonrpc: '2.0', method: 'subtract', params: [42, 23], id: '2' },
      { foo: 'boo' },
      { jsonrpc: '2.0', method: 'foo.get', params: { name: 'myself' }, id: '5' },
      { jsonrpc: '2.0', method: 'get_data', id: '9' },
    ];
    expect(await answer(JSON.stringify(batch))).toEqual([
      result('1', 7),
      result('2', 19),
      error(null, -32600),
      error('5', -32601),
      result('9', ['hello', 5]),
    ]);
  });

  it('without an id are carried out and not answered, whatever comes of them', async () => {
    called.length = 0;
    for (const method of ['notify_hello', 'foobar', 'refuse', 'bug']) {
      expect(await answer(`{"jsonrpc":"2.0","method":"${method}"}`)).toBeUndefined();
    }
    expect(
      await answer('[{"jsonrpc":"2.0","method":"notify_hello"},{"jsonrpc":"2.0","method":"bug"}]'),
    ).toBeUndefined();
    expect(called).toEqual(['notify_hello', 'foobar', 'refuse', 'bug', 'notify_hello', 'bug']);
  });

  it('that are no calls are refused, with the id where it can be told, and call nothing', async () => {
    called.length = 0;
    const refused: [string, unknown][] = [
      ['null', null],
      ['7', null],
      ['"get_data"', null],
      ['{}', null],
      ['{"method":"get_data","id":1}', 1],
      ['{"jsonrpc":"1.0","method":"get_data","id":"x"}', 'x'],
      ['{"jsonrpc":"2.0","id":4}', 4],
      ['{"jsonrpc":"2.0","method":"get_data","id":{}}', null],
      ['{"jsonrpc":"2.0","method":"get_data","id":true}', null],
      ['{"jsonrpc":"2.0","method":"get_data","id":2,"params":7}', 2],
      ['{"jsonrpc":"2.0","method":"get_data","id":2,"params":null}', 2],
    ];
    for (const [text, id] of refused) expect([text, await answer(text)]).toEqual([text, error(id, -32600)]);
    expect(await answer('[null]')).toEqual([error(null, -32600)]);
    expect(called).toEqual([]);
  });

  it('that are malformed, poisoned or too deep are parse errors', async () => {
    const deep = (levels: number) =>
      `{"jsonrpc":"2.0","method":"get_data","id":1,"params":${'['.repeat(levels)}${']'.repeat(levels)}}`;
    expect(await answer(deep(60))).toEqual(result(1, ['hello', 5]));
    for (const text of [
      '',
      '{',
      'undefined',
      deep(65),
      deep(20_000),
      '{"jsonrpc":"2.0","method":"get_data","id":1,"params":{"__proto__":{"a":1}}}',
      '{"jsonrpc":"2.0","method":"get_data","id":1,"params":{"constructor":{"prototype":{"a":1}}}}',
    ]) {
      expect([text.length, await answer(text)]).toEqual([text.length, error(null, -32700)]);
    }
  });

  it('in batches of more than 32 are refused as a whole', async () => {
    called.length = 0;
    const batchOf = (count: number) =>
      JSON.stringify(Array.from({ length: count }, (_, id) => ({ jsonrpc: '2.0', method: 'get_data', id })));
    expect(await answer(batchOf(33))).toEqual(error(null, -32600));
    expect(called).toEqual([]);
    expect(await answer(batchOf(32))).toHaveLength(32);
  });

  it('carry refusals with their code and fix, and nothing of the insides of a bug', async () => {
    expect(await answer('{"jsonrpc":"2.0","method":"refuse","id":1}')).toEqual({
      jsonrpc: '2.0',
      id: 1,
      error: { code: -32000, message: 'There is none.', data: { code: 'NO_SUCH_AVATAR', fix: 'Choose another.' } },
    });
    for (const method of ['bug', 'loop']) {
      const text = await answerRpc(`{"jsonrpc":"2.0","method":"${method}","id":null}`, parse, handle);
      expect(JSON.parse(text!)).toEqual(error(null, -32603));
      expect(text).not.toMatch(/secret|TypeError|BigInt/);
    }
  });
});
