import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { pluginManifestSchema } from '../../../src/api/plugin.ts';
import { manifest } from '../../../src/plugins/web-panel/manifest.ts';
import { ask, PanelStand, STAND_TOKEN } from './panel-stand.ts';

const taken: Server[] = [];

/** Occupies a free port and returns it. */
async function takePort(): Promise<number> {
  const server = createServer();
  taken.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as { port: number }).port;
}

describe('opening the control page', () => {
  afterEach(() => {
    for (const server of taken.splice(0)) server.close();
  });

  it('tells its address and its token', async () => {
    await using stand = await PanelStand.open();
    const { output } = stand;
    expect(output.label).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect([output.url, output.token]).toEqual([`${output.label}/`, STAND_TOKEN]);
    expect(stand.health).toEqual([{ state: 'ready' }]);
  });

  it('takes the next free port when the default one is taken, and says so', async () => {
    const port = await takePort();
    await using stand = await PanelStand.open({ target: undefined, settings: { 'web-panel.port': port } });
    expect(stand.port).not.toBe(port);
    expect(stand.health).toEqual([
      { state: 'ready', detail: `Port ${port} is taken, so the page is at ${stand.port}.` },
    ]);
    expect((await stand.ask('/api/status')).status).toBe(200);
  });

  it('refuses a port that was asked for and is taken, with what to type', async () => {
    const port = await takePort();
    await expect(PanelStand.open({ target: String(port) })).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      message: expect.stringContaining(String(port)),
      fix: expect.stringContaining('--port'),
    });
  });

  it.each(['http', '70000', '-1', '80a', ''])('refuses "%s" as a port', async (target) => {
    await expect(PanelStand.open({ target })).rejects.toMatchObject({ code: 'BAD_PORT' });
  });

  it('gives its port back when it closes, also with a page still connected, and closes twice without harm', async () => {
    const first = await PanelStand.open();
    const { port } = first;
    const watching = first.ask('/preview.mjpg').catch(() => 'cut off');
    await first[Symbol.asyncDispose]();
    await first[Symbol.asyncDispose]();
    await watching;
    await using second = await PanelStand.open({ target: String(port) });
    expect(second.port).toBe(port);
  });

  it('makes a new token of 32 random bytes at every start when none is given', async () => {
    const { createToken } = await import('../../../src/plugins/web-panel/door.ts');
    const tokens = Array.from({ length: 50 }, createToken);
    expect(new Set(tokens).size).toBe(50);
    for (const token of tokens) expect(Buffer.from(token, 'base64url')).toHaveLength(32);
  });

  it('listens on 127.0.0.1 and on nothing else', async () => {
    await using stand = await PanelStand.open();
    const other = { host: '127.0.0.2', port: stand.port };
    const { connect } = await import('node:net');
    const outcome = await new Promise((resolve) => {
      const socket = connect(other, () => resolve('connected'));
      socket.on('error', () => resolve('refused'));
    });
    expect(outcome).toBe('refused');
    expect((await ask(stand.port, '/api/status', { token: STAND_TOKEN })).status).toBe(200);
  });

  it('declares what it registers', () => {
    expect(pluginManifestSchema.safeParse(manifest).success).toBe(true);
    for (const key of Object.keys(manifest.contributes.configuration)) expect(key).toMatch(/^web-panel\./);
  });
});
