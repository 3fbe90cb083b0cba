import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Writes a package with naudiodon's interface into a folder and returns its path, for what a real PortAudio does only
 * with real broken hardware. The device's name says how it behaves:
 * `steady` counts up for ever at 48 kHz (16 kHz is refused); `stalls` falls silent after a few chunks and its quit() never
 * comes back; `crashes` aborts the process after a few chunks; `refuses` cannot be opened.
 * All of them chatter on standard output, as naudiodon does, and `crashes` leaves a crash.log in the working folder.
 */
export function writeFakePortAudio(folder: string, deviceNames: readonly string[]): string {
  const path = join(folder, `port-audio-${deviceNames.join('-') || 'none'}.cjs`);
  writeFileSync(path, `const names = ${JSON.stringify(deviceNames)};\n${SOURCE}`);
  return path;
}

const SOURCE = `
const { Readable } = require('node:stream');
const chatter = () => process.stdout.write('PortAudio V19.6.0-devel\\n'.repeat(2000));
exports.getDevices = () => names.map((name, id) => ({
  id, name, maxInputChannels: 2, maxOutputChannels: 0, defaultSampleRate: 48000, hostAPIName: 'ALSA' }));
exports.getHostAPIs = () => ({ defaultHostAPI: 0, HostAPIs: [{ defaultInput: names.length > 0 ? 0 : 4294967295 }] });
exports.AudioIO = function AudioIO({ inOptions }) {
  chatter();
  const name = names[Math.max(0, inOptions.deviceId)];
  if (name === 'refuses') throw new Error('Could not open stream: Device unavailable');
  if (inOptions.sampleRate !== 48000) throw new Error('Format not supported: Invalid sample rate');
  const stream = new Readable({ read() {}, highWaterMark: inOptions.highwaterMark });
  let timer, sample = 0, chunks = 0;
  stream.start = () => {
    timer = setInterval(() => {
      if (name !== 'steady' && ++chunks > 10) {
        if (name === 'crashes') {
          try { require('node:fs').writeFileSync('crash.log', 'only a test'); } catch {}
          process.abort();
        }
        return;
      }
      const bytes = Buffer.alloc(inOptions.highwaterMark);
      for (let i = 0; i < bytes.length; i += 2) bytes.writeInt16LE(sample++ % 30000, i);
      stream.push(bytes);
    }, 10);
  };
  stream.quit = (done) => { if (name === 'steady') done(); };
  return stream;
};
`;
