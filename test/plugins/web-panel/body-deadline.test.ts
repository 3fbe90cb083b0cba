import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BodyDeadline } from '../../../src/plugins/web-panel/body-deadline.ts';

/** How long a body may take here, in ms. */
const LIMIT_MS = 150;

describe('the deadline of requests', () => {
  let server: Server;
  beforeEach(async () => {
    const deadline = new BodyDeadline(LIMIT_MS);
    server = createServer((request, response) => {
      deadline.start(request);
      if (request.url === '/patient') deadline.lift(request);
      request.on('error', () => {});
      request.resume();
      request.on('end', () => response.end('whole'));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  function send(path: string, text: string) {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    const answer = { text: '', isClosed: false };
    socket.on('data', (part) => {
      answer.text += String(part);
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      answer.isClosed = true;
    });
    socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\n${text}`);
    return { socket, answer };
  }

  it('hangs up on a body that does not come, announced or in pieces', async () => {
    for (const head of ['Content-Length: 5\r\n\r\nab', 'Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n']) {
      const { answer } = send('/', head);
      await vi.waitFor(() => expect(answer).toEqual({ text: '', isClosed: true }));
    }
  });

  it('leaves alone what came whole, what has no body, and what has a watch of its own', async () => {
    const whole = send('/', 'Content-Length: 2\r\n\r\nab');
    const none = send('/', '\r\n');
    const patient = send('/patient', 'Content-Length: 2\r\n\r\na');
    await new Promise((resolve) => setTimeout(resolve, LIMIT_MS * 2));
    patient.socket.write('b');
    for (const { answer, socket } of [whole, none, patient]) {
      await vi.waitFor(() => expect(answer.text).toMatch(/whole/));
      expect(answer.isClosed).toBe(false);
      socket.destroy();
    }
  });
});
