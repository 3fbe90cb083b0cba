/** A chunk of a RIFF file, padded to an even length. */
export function riffChunk(id: string, body: Buffer, claimedBytes = body.length): Buffer {
  const head = Buffer.alloc(8);
  head.write(id, 0, 'latin1');
  head.writeUInt32LE(claimedBytes, 4);
  return Buffer.concat([head, body, Buffer.alloc(body.length & 1)]);
}

/** A whole RIFF/WAVE file of these chunks. */
export function riffFile(chunks: readonly Buffer[], container = 'RIFF'): Buffer {
  const body = Buffer.concat([Buffer.from('WAVE'), ...chunks]);
  return riffChunk(container, body, container === 'RIFF' ? body.length : 0xffff_ffff);
}

/** A `fmt ` chunk; `tag` 1 = PCM, 3 = float. `frameBytes` is for telling lies. */
export function formatChunk(tag: number, channels: number, rateHz: number, bits: number, frameBytes?: number): Buffer {
  const body = Buffer.alloc(16);
  const bytes = frameBytes ?? (channels * bits) / 8;
  body.writeUInt16LE(tag, 0);
  body.writeUInt16LE(channels, 2);
  body.writeUInt32LE(rateHz, 4);
  body.writeUInt32LE((rateHz * bytes) % 2 ** 32, 8);
  body.writeUInt16LE(bytes, 12);
  body.writeUInt16LE(bits, 14);
  return riffChunk('fmt ', body);
}

/** A `fmt ` chunk in the extensible form, with the speakers the channels belong to. */
export function extensibleChunk(tag: number, channels: number, rateHz: number, bits: number, speakers: number): Buffer {
  const plain = formatChunk(0xfffe, channels, rateHz, bits).subarray(8, 24);
  const more = Buffer.alloc(24);
  more.writeUInt16LE(22, 0);
  more.writeUInt16LE(bits, 2);
  more.writeUInt32LE(speakers, 4);
  more.writeUInt16LE(tag, 8);
  more.write('000000001000800000aa00389b71', 10, 'hex');
  return riffChunk('fmt ', Buffer.concat([plain, more]));
}

/** s16le samples as bytes. */
export function s16(...samples: readonly number[]): Buffer {
  return Buffer.from(Int16Array.from(samples).buffer);
}
