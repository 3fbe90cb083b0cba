import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { EventClient } from './event-client.ts';
import { makeStatus, PanelStand, STAND_TOKEN } from './panel-stand.ts';

/** What comes over the socket: an answer, or a notification. */
interface RpcMessage {
  readonly id?: number | string | null;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: { code?: string; fix?: string } };
}

let stand: PanelStand;
let client: EventClient;
beforeEach(async () => {
  stand = await PanelStand.open();
  client = await connect();
});
afterEach(async () => {
  client[Symbol.dispose]();
  await stand[Symbol.asyncDispose]();
});

async function connect(): Promise<EventClient> {
  const upgrade = await EventClient.open(stand.port, { authorization: `Bearer ${STAND_TOKEN}` }, '/api/rpc');
  if (!('client' in upgrade)) throw new Error(`refused with ${upgrade.status}`);
  return upgrade.client;
}

const messagesOf = (from = client) => from.messages as unknown as readonly RpcMessage[];
const changesOf = (from = client) => messagesOf(from).filter(({ method }) => method === 'status.changed');
const statusOf = (from = client) => Object.assign({}, ...changesOf(from).map(({ params }) => params));

let lastId = 0;
/** Calls and waits for the answer. */
async function call(method: string, params?: unknown): Promise<RpcMessage> {
  const id = ++lastId;
  client.send(JSON.stringify({ jsonrpc: '2.0', id, method, ...(params === undefined ? {} : { params }) }));
  return vi.waitFor(() => {
    const answer = messagesOf().find((message) => message.id === id);
    expect(answer).toBeDefined();
    return answer!;
  });
}

describe('/api/rpc', () => {
  it('runs commands by their own names and by command.run, and lists them', async () => {
    expect((await call('avatar.use', { id: 'bo' })).result).toEqual({ avatarId: 'bo' });
    expect((await call('command.run', { id: 'avatar.use', args: { id: 'cy' } })).result).toEqual({ avatarId: 'cy' });
    expect(await call('avatar.next')).toMatchObject({ result: null });
    expect(await call('avatar.previous', [])).toMatchObject({ result: null });
    expect(stand.ran.map(({ id }) => id)).toEqual(['avatar.use', 'avatar.use', 'avatar.next', 'avatar.previous']);
    expect((await call('command.list')).result).toEqual((await stand.ask('/api/commands')).json());
  });

  it('says what is wrong in the numbers of the protocol, with our code and the fix', async () => {
    const expected: [string, unknown, number, string | undefined][] = [
      ['camera.explode', {}, -32601, 'NO_SUCH_COMMAND'],
      ['toString', {}, -32601, 'NO_SUCH_COMMAND'],
      ['__proto__', {}, -32601, 'NO_SUCH_COMMAND'],
      ['rpc.discover', {}, -32601, 'NO_SUCH_COMMAND'],
      ['avatar.use', {}, -32602, 'BAD_ARGUMENTS'],
      ['avatar.use', { id: 7 }, -32602, 'BAD_ARGUMENTS'],
      ['avatar.use', ['bo'], -32602, undefined],
      ['command.run', {}, -32602, undefined],
      ['command.run', { id: 'camera.explode' }, -32602, 'NO_SUCH_COMMAND'],
      ['command.run', { id: 'avatar.use', args: null }, -32602, 'BAD_ARGUMENTS'],
      ['avatar.use', { id: 'nobody' }, -32000, 'NO_SUCH_AVATAR'],
      ['test.bug', {}, -32603, 'WEB_INTERNAL'],
    ];
    for (const [method, params, code, ours] of expected) {
      const { error } = await call(method, params);
      expect([method, error?.code, error?.data?.code]).toEqual([method, code, ours]);
    }
    expect((await call('avatar.use', { id: 'nobody' })).error).toEqual({
      code: -32000,
      message: 'There is no avatar nobody.',
      data: { code: 'NO_SUCH_AVATAR', fix: 'List them: musecam avatars list' },
    });
  });

  it('runs the calls of a batch in order and answers them together, notifications not at all', async () => {
    const batch = [
      { jsonrpc: '2.0', id: 'a', method: 'avatar.use', params: { id: 'bo' } },
      { jsonrpc: '2.0', method: 'show.panic', params: { on: true } },
      { jsonrpc: '2.0', id: 'b', method: 'status.get' },
    ];
    client.send(JSON.stringify(batch));
    await vi.waitFor(() => expect(client.messages).toHaveLength(1));
    const [first, second, ...others] = client.messages[0] as unknown as RpcMessage[];
    expect(first).toEqual({ jsonrpc: '2.0', id: 'a', result: { avatarId: 'bo' } });
    expect(second!.result).toMatchObject({ avatarId: 'bo', panic: true });
    expect(others).toEqual([]);
  });

  it('tells the status only to those who asked: everything at first, then what changes, until they ask no more', async () => {
    stand.say({ levelDb: -1 });
    expect((await call('status.get')).result).toEqual(makeStatus({ levelDb: -1 }));
    expect(changesOf()).toEqual([]);
    expect((await call('status.subscribe')).result).toBeNull();
    await vi.waitFor(() => expect(statusOf()).toEqual(makeStatus({ levelDb: -1 })));
    stand.say({ levelDb: -7, muted: true });
    await vi.waitFor(() => expect(changesOf()[1]?.params).toEqual({ levelDb: -7, muted: true }));
    await call('status.unsubscribe');
    const count = changesOf().length;
    stand.say({ levelDb: -8 });
    await call('status.get');
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(changesOf()).toHaveLength(count);
    await call('status.subscribe');
    await vi.waitFor(() => expect(changesOf().at(-1)?.params).toEqual(makeStatus({ levelDb: -8, muted: true })));
  });

  it('refuses the calls of a client that has 32 running, and goes on when they are done', async () => {
    let finish = () => {};
    const done = new Promise<void>((resolve) => {
      finish = resolve;
    });
    stand.commands.register({ id: 'test.slow', title: 'Slow', args: z.object({}), run: () => done });
    for (let id = 0; id < 32; id++)
      client.send(JSON.stringify({ jsonrpc: '2.0', id: `slow-${id}`, method: 'test.slow' }));
    const { error } = await call('avatar.next');
    expect([error?.code, error?.data?.code]).toEqual([-32000, 'RPC_TOO_MANY_CALLS']);
    using other = await connect();
    other.send('{"jsonrpc":"2.0","id":1,"method":"avatar.next"}');
    await vi.waitFor(() => expect(messagesOf(other)).toMatchObject([{ id: 1, result: null }]));
    finish();
    await vi.waitFor(() => expect(messagesOf().filter(({ id }) => String(id).startsWith('slow-'))).toHaveLength(32));
    expect(await call('avatar.next')).toMatchObject({ result: null });
  });

  it('hangs up on messages that are too large, binary or no frames, and on nobody else', async () => {
    const closings: [(it: EventClient) => void, number][] = [
      [(it) => it.send('x'.repeat(64 * 1024 + 1)), 1009],
      [(it) => it.sendBytes(Buffer.from('{"jsonrpc":"2.0","id":1,"method":"avatar.next"}')), 1003],
      // Not masked, as a client's frames must be.
      [(it) => it.sendRaw(Buffer.from([0x81, 0x02, 0x7b, 0x7d])), 1002],
      [(it) => it.sendRaw(Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff])), 1002],
    ];
    for (const [send, code] of closings) {
      using rude = await connect();
      send(rude);
      await vi.waitFor(() => expect([rude.isClosed, rude.closeCode]).toEqual([true, code]), 5_000);
    }
    expect(stand.ran).toEqual([]);
    expect(await call('avatar.next')).toMatchObject({ result: null });
  });

  it('hangs up on a client that does not read its answers, and keeps no more than it must', async () => {
    const text = 'x'.repeat(512 * 1024);
    stand.commands.register({ id: 'test.long', title: 'Long', args: z.object({}), run: async () => text });
    using lazy = await connect();
    lazy.pause();
    let asked = 0;
    // The kernel's own buffers take some megabytes first.
    const timer = setInterval(() => lazy.send(JSON.stringify({ jsonrpc: '2.0', id: ++asked, method: 'test.long' })), 2);
    await vi.waitFor(() => expect(lazy.isClosed).toBe(true), 20_000);
    clearInterval(timer);
    expect(asked).toBeLessThan(200);
    expect(await call('avatar.next')).toMatchObject({ result: null });
  });

  it('says goodbye when the show ends, with calls still running', async () => {
    stand.commands.register({ id: 'test.never', title: 'Never', args: z.object({}), run: () => new Promise(() => {}) });
    client.send('{"jsonrpc":"2.0","id":1,"method":"test.never"}');
    await call('status.subscribe');
    await stand[Symbol.asyncDispose]();
    await vi.waitFor(() => expect([client.isClosed, client.closeCode]).toEqual([true, 1001]));
  });
});
