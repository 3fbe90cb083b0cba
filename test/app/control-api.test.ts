import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import type { CommandSummary } from '../../src/api/plugin.ts';
import { statusSchema } from '../../src/plugins/web-panel/status-schema.ts';
import { Cli, makeHome } from '../fakes/cli.ts';
import { withoutSound } from './bare-machine.ts';
import { DaemonDoor } from './daemon-door.ts';

/** An answer or a notification. */
interface RpcMessage {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly data?: { readonly code: string } };
}

describe('the control API of a real daemon', () => {
  const home = makeHome();
  let cli: Cli;
  let door: DaemonDoor;
  let socket: WebSocket;
  const heard: RpcMessage[] = [];

  beforeAll(async () => {
    cli = new Cli(['start', '--no-open', '--port', '0', '--input', 'none'], withoutSound(home));
    door = await DaemonDoor.of(cli);
    const headers = { authorization: `Bearer ${door.token}` };
    socket = new WebSocket(new URL('/api/rpc', door.url.replace('http', 'ws')), { headers });
    socket.on('message', (data) => heard.push(JSON.parse(String(data))));
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  });
  afterAll(async () => {
    socket?.terminate();
    await cli?.[Symbol.asyncDispose]();
    home[Symbol.dispose]();
  });

  let lastId = 0;
  async function call(method: string, params = {}): Promise<RpcMessage> {
    const id = ++lastId;
    socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    await vi.waitFor(() => expect(heard.some((message) => message.id === id)).toBe(true), 20_000);
    return heard.find((message) => message.id === id)!;
  }

  it('swaps avatars by JSON-RPC, and tells of it', async () => {
    const { avatarId, avatars } = await door.status();
    const other = avatars.find(({ id }) => id !== avatarId)!.id;
    await call('status.subscribe');
    expect((await call('avatar.use', { id: other })).result).toEqual({ avatarId: other });
    await vi.waitFor(() => {
      const told = heard.filter(({ method }) => method === 'status.changed').map(({ params }) => params!.avatarId);
      expect(told.filter((id) => id !== undefined).at(-1)).toBe(other);
    }, 20_000);
    expect((await call('avatar.use', { id: 'nobody' })).error).toMatchObject({ data: { code: 'NO_SUCH_AVATAR' } });
    expect(statusSchema.safeParse((await call('status.get')).result).error).toBeUndefined();
  });

  it('is described by valid OpenAPI, with every command of every plugin', async () => {
    const commands = (await call('command.list')).result as CommandSummary[];
    const answer = await fetch(new URL('/api/openapi.json', door.url), {
      headers: { authorization: `Bearer ${door.token}` },
    });
    const document = (await answer.json()) as { paths: Record<string, unknown> };
    const { valid, errors } = await new Validator({ strict: false }).validate(structuredClone(document));
    expect([valid, errors]).toEqual([true, undefined]);
    expect(commands.map(({ id }) => id)).toEqual(expect.arrayContaining(['avatar.use', 'show.panic', 'obs.setup']));
    for (const { id } of commands) expect(Object.keys(document.paths)).toContain(`/api/commands/${id}`);
  });
});
