/**
 * A plugin from outside in a process of its own. Started by host/plugin-process.ts; speaks host/plugin-protocol.ts over
 * the pipe with number 3; ends when that closes, so it never outlives the show.
 */
import { Socket } from 'node:net';
import { lendApi } from '../host/lend-api.ts';
import { PluginPipe } from '../host/plugin-pipe.ts';
import { PluginRunner } from '../host/plugin-runner.ts';

const socket = new Socket({ fd: 3, readable: true, writable: true });
socket.on('close', () => process.exit(0));
// Ctrl-C reaches the whole process group; the show decides when we end.
process.on('SIGINT', () => {});

lendApi();
const pipe = new PluginPipe(socket, () => process.exit(1));
const runner = new PluginRunner(pipe, fail);
process.on('uncaughtException', fail);
process.on('unhandledRejection', fail);

/** Says why, then ends: nobody knows what still works after that. */
function fail(thrown: unknown): void {
  process.exitCode = 1;
  runner.tellFailure(thrown);
  void pipe.flush().then(() => process.exit(1));
  // A show that does not read must not keep a broken plugin.
  setTimeout(() => process.exit(1), 1000).unref();
}
