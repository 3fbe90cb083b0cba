import { createSocket } from 'node:dgram';

/** What an address does; the first argument of the message comes along. */
const ACTIONS = {
  '/avatar': (which) =>
    typeof which === 'number' ? ['avatar.useNumber', { number: which }] : ['avatar.use', { id: which }],
  '/next': () => ['avatar.next', {}],
  '/previous': () => ['avatar.previous', {}],
  '/panic': (on) => ['show.panic', on === undefined ? {} : { on: on !== 0 }],
  '/mute': (on) => ['microphone.mute', on === undefined ? {} : { on: on !== 0 }],
};

/** @type {import('musecam/api').Plugin} */
export default {
  async activate({ commands, log, reportLink, settings, subscriptions }) {
    const socket = createSocket('udp4');
    subscriptions.use(() => new Promise((resolve) => socket.close(resolve)));
    socket.on('message', async (bytes) => {
      const { address, argument } = readMessage(bytes);
      const action = ACTIONS[address]?.(argument);
      if (!action) return log.info(`nothing answers to ${address}`);
      await commands.run(...action).catch(({ message }) => log.warn(`${address}: ${message}`));
    });
    await new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(settings['osc-trigger.port'], '127.0.0.1', resolve);
    });
    const detail = `listening on UDP port ${socket.address().port}`;
    reportLink({ id: 'osc-trigger.port', label: 'OSC', state: 'ready', detail });
  },
};

/** Address and first argument of an OSC 1.0 message: texts end with zeros up to a multiple of four bytes. */
function readMessage(bytes) {
  const [address, types] = [readText(bytes, 0), endOf(bytes, 0)];
  const [type, at] = [readText(bytes, types)[1], endOf(bytes, types)];
  if (type === 'i' && bytes.length >= at + 4) return { address, argument: bytes.readInt32BE(at) };
  if (type === 'f' && bytes.length >= at + 4) return { address, argument: Math.round(bytes.readFloatBE(at)) };
  return { address, argument: type === 's' ? readText(bytes, at) : undefined };
}

function readText(bytes, at) {
  return bytes.toString('latin1', at, Math.max(at, bytes.indexOf(0, at)));
}

function endOf(bytes, at) {
  return at + 4 * (Math.floor(readText(bytes, at).length / 4) + 1);
}
