type Tensors = ReadonlyMap<string, { readonly shape: readonly number[]; readonly values: Float32Array }>;

/** Bytes of a file as `torch.save` writes it for a dict of float32 tensors: a zip without compression, one entry each. */
export function encodeTorchZip(tensors: Tensors, root = 'archive'): Buffer {
  const entries = new Map<string, Buffer>([[`${root}/data.pkl`, encodePickle(tensors)]]);
  for (const [index, { values }] of [...tensors.values()].entries())
    entries.set(`${root}/data/${index}`, Buffer.from(values.buffer, values.byteOffset, values.byteLength));
  entries.set(`${root}/version`, Buffer.from('3\n'));
  return encodeZip(entries);
}

/** Protocol 2: an OrderedDict of `_rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())`. */
function encodePickle(tensors: Tensors): Buffer {
  const text = (value: string) =>
    Buffer.concat([Buffer.from('X'), uint32(Buffer.byteLength(value)), Buffer.from(value)]);
  const whole = (value: number) => Buffer.concat([Buffer.from('J'), uint32(value)]);
  const tuple = (values: readonly number[]) =>
    Buffer.concat([Buffer.from('('), ...values.map(whole), Buffer.from('t')]);
  const parts = [Buffer.from('\x80\x02ccollections\nOrderedDict\n)R(', 'latin1')];
  for (const [index, [name, { shape, values }]] of [...tensors].entries()) {
    const strides = shape.map((_, side) => shape.slice(side + 1).reduce((product, size) => product * size, 1));
    parts.push(
      ...[text(name), Buffer.from('ctorch._utils\n_rebuild_tensor_v2\n((')],
      ...[
        text('storage'),
        Buffer.from('ctorch\nFloatStorage\n'),
        text(String(index)),
        text('cpu'),
        whole(values.length),
      ],
      ...[Buffer.from('tQ'), whole(0), tuple(shape), tuple(strides)],
      Buffer.from('\x89ccollections\nOrderedDict\n)RtR', 'latin1'),
    );
  }
  return Buffer.concat([...parts, Buffer.from('u.')]);
}

/** Local headers with their bytes, the directory, and its end; no checksums, as nobody reads them. */
function encodeZip(entries: ReadonlyMap<string, Buffer>): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const [name, bytes] of entries) {
    // Version, flags, method, time, checksum, sizes, lengths of name and extra field.
    const common = Buffer.concat([Buffer.alloc(14), uint32(bytes.length), uint32(bytes.length), uint32(name.length)]);
    common[0] = 20;
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, Buffer.from(name)]);
    directory.push(Buffer.from('PK\x01\x02\x14\x00'), common, Buffer.alloc(10), uint32(at), Buffer.from(name));
    parts.push(local, bytes);
    at += local.length + bytes.length;
  }
  const listed = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(entries.size, 8);
  end.writeUInt16LE(entries.size, 10);
  end.writeUInt32LE(listed.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...parts, listed, end]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
