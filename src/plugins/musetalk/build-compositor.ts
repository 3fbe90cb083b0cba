import type { Rect, Size } from '../../api/media.ts';
import { type ScaleTable, scaleTable } from '../../media/scale-table.ts';
import { FACE_SIDE } from '../../onnx/build-vae.ts';
import { OnnxGraph, type Value } from '../../onnx/onnx-graph.ts';
import type { AvatarCrops } from './avatar-crops.ts';
import { FRAME_LATENTS } from './latents-file.ts';

/** BT.601 limited range as src/media/kernel/color.ts has it: rows of R, G, B weights in 256ths, and what is added. */
const LUMA = { weights: [66, 129, 25], shift: 16 } as const;
const CHROMA = { weights: [-38, -74, 112, 112, -94, -18], shift: 128 } as const;
/** What to cast to: onnx.proto's numbers for float and uint8. */
const TO = { float: 1, uint8: 2 } as const;

/**
 * Writes the network that picks an avatar's latents: `index` int32 [count] to `latents` float32 [count, 8, 32, 32]. All frames'
 * latents are its initializer, so that they lie where the network runs: 32 kB each, in single precision, because not every
 * GPU has half.
 */
export async function writeLatentPicker(path: string, latents: Float32Array): Promise<void> {
  await using graph = await OnnxGraph.create(path, 'float32');
  const frameCount = latents.length / FRAME_LATENTS;
  const index = graph.input('index', 'int32', ['count']);
  const all = await graph.weight(latents, [frameCount, 8, 32, 32]);
  const picked = graph.op('Gather', [all, index], { axis: 0 });
  graph.output('latents', 'float32', ['count', 8, 32, 32], picked);
  await graph.finish({ 'musecam.network': 'latents' });
}

/**
 * Writes the network that puts a generated face into an avatar's frames: crops and masks of all frames are its initializers.
 * Inputs: `index` int32 [1] of the body frame; `face` and `other` float32 [made, 3, 256, 256] of about 0 … 255 with `faceAt`
 * and `otherAt` int32 [1], which of those made together is meant; `mix` float32 [1] how much of the other is seen; `gain` float32 [1] of the mask. Output: `patch` uint8 [1, bytes], I420 of the crops'
 * region. The arithmetic is that of src/media/paste.ts, in floats: the same scale table, blended in the same colour space.
 */
export async function writeCompositor(path: string, crops: AvatarCrops, box: Size): Promise<void> {
  await using graph = await OnnxGraph.create(path, 'float32');
  const inputs = {
    index: graph.input('index', 'int32', [1]),
    face: graph.input('face', 'float32', ['made', 3, FACE_SIDE, FACE_SIDE]),
    faceAt: graph.input('faceAt', 'int32', [1]),
    other: graph.input('other', 'float32', ['others', 3, FACE_SIDE, FACE_SIDE]),
    otherAt: graph.input('otherAt', 'int32', [1]),
    mix: graph.input('mix', 'float32', [1]),
    gain: graph.input('gain', 'float32', [1]),
  };
  const { region } = crops;
  const { luma, chroma, masks } = await readPlanes(crops);
  const half = { width: region.width >> 1, height: region.height >> 1 };
  const full = await pick(graph, masks, [crops.frameCount, 1, region.height, region.width], inputs.index);
  const mask = graph.op('Mul', [graph.op('Mul', [full, graph.numbers([1 / 255], [])]), inputs.gain]);
  const halfMask = graph.op('AveragePool', [mask], { kernel_shape: [2, 2], strides: [2, 2] });

  const face = graph.op('Gather', [inputs.face, inputs.faceAt], { axis: 0 });
  const other = graph.op('Gather', [inputs.other, inputs.otherAt], { axis: 0 });
  const mixed = graph.op('Add', [face, graph.op('Mul', [graph.op('Sub', [other, face]), inputs.mix])]);
  const colours = graph.op('Clip', [mixed, graph.numbers([0], []), graph.numbers([255], [])]);
  const y = toPlanes(graph, colours, LUMA);
  const uv = toPlanes(graph, graph.op('AveragePool', [colours], { kernel_shape: [2, 2], strides: [2, 2] }), CHROMA);

  const bodyY = await pick(graph, luma, [crops.frameCount, 1, region.height, region.width], inputs.index);
  const bodyUv = await pick(graph, chroma, [crops.frameCount, 2, half.height, half.width], inputs.index);
  const halfBox = { width: box.width >> 1, height: box.height >> 1 };
  const halfRegion = { x: region.x >> 1, y: region.y >> 1, ...half };
  const blendedY = blend(graph, bodyY, await scale(graph, y, FACE_SIDE, box, region), mask);
  const blendedUv = blend(graph, bodyUv, await scale(graph, uv, FACE_SIDE / 2, halfBox, halfRegion), halfMask);
  const flat = graph.integers([1, -1]);
  const all = graph.op('Concat', [graph.op('Reshape', [blendedY, flat]), graph.op('Reshape', [blendedUv, flat])], {
    axis: 1,
  });
  // Bytes are cut off, not rounded: no provider but the processor's rounds.
  const rounded = graph.op('Add', [all, graph.numbers([0.5], [])]);
  const inRange = graph.op('Clip', [rounded, graph.numbers([0], []), graph.numbers([255], [])]);
  const bytes = (region.width * region.height * 3) >> 1;
  graph.output('patch', 'uint8', [1, bytes], graph.op('Cast', [inRange], { to: TO.uint8 }));
  await graph.finish({ 'musecam.network': 'compositor' });
}

/** Bytes that an avatar takes on the GPU. */
export function residentBytes(crops: AvatarCrops): number {
  const pixels = crops.region.width * crops.region.height;
  return crops.frameCount * (FRAME_LATENTS * 4 + pixels + (pixels * 3) / 2);
}

async function readPlanes(crops: AvatarCrops): Promise<Record<'luma' | 'chroma' | 'masks', Uint8Array>> {
  const pixels = crops.region.width * crops.region.height;
  const luma = new Uint8Array(crops.frameCount * pixels);
  const chroma = new Uint8Array(crops.frameCount * (pixels >> 1));
  const masks = new Uint8Array(crops.frameCount * pixels);
  const picture = new Uint8Array((pixels * 3) >> 1);
  for (let index = 0; index < crops.frameCount; index++) {
    await crops.readBody(index, picture);
    luma.set(picture.subarray(0, pixels), index * pixels);
    chroma.set(picture.subarray(pixels), index * (pixels >> 1));
    crops.readMask(index, masks.subarray(index * pixels, (index + 1) * pixels));
  }
  return { luma, chroma, masks };
}

/** One frame's bytes as floats. */
async function pick(graph: OnnxGraph, bytes: Uint8Array, dims: readonly number[], index: Value): Promise<Value> {
  const all = await graph.bytes(bytes, dims, 'uint8');
  return graph.op('Cast', [graph.op('Gather', [all, index], { axis: 0 })], { to: TO.float });
}

/** Planes of Y, or of U and V, from RGB planes. */
function toPlanes(
  graph: OnnxGraph,
  rgb: Value,
  { weights, shift }: { readonly weights: readonly number[]; readonly shift: number },
): Value {
  const count = weights.length / 3;
  const matrix = graph.numbers(
    weights.map((weight) => weight / 256),
    [count, 3, 1, 1],
  );
  const shifts = graph.numbers(Array<number>(count).fill(shift));
  return graph.op('Conv', [rgb, matrix, shifts], { kernel_shape: [1, 1], strides: [1, 1], pads: [0, 0, 0, 0] });
}

/** Resizes planes of `side` to the box and cuts the region out: one matrix for rows, one for columns. */
async function scale(graph: OnnxGraph, planes: Value, side: number, box: Size, region: Rect): Promise<Value> {
  const across = matrixOf(scaleTable(side, box.width), side, region.x, region.width);
  const down = matrixOf(scaleTable(side, box.height), side, region.y, region.height);
  const columns = await graph.weight(transpose(across, region.width, side), [side, region.width]);
  const rows = await graph.weight(down, [region.height, side]);
  return graph.op('MatMul', [rows, graph.op('MatMul', [planes, columns])]);
}

/** Rows `first` to `first + count` of a scale table as a matrix [count, side]. */
function matrixOf(table: ScaleTable, side: number, first: number, count: number): Float32Array {
  const matrix = new Float32Array(count * side);
  const starts = new DataView(table.starts.buffer, table.starts.byteOffset, table.starts.byteLength);
  const weights = new DataView(table.weights.buffer, table.weights.byteOffset, table.weights.byteLength);
  for (let row = 0; row < count; row++) {
    const out = first + row;
    const start = starts.getUint16(out * 2, true);
    for (let tap = 0; tap < table.taps; tap++) {
      matrix[row * side + start + tap] = weights.getUint16((out * table.taps + tap) * 2, true) / 256;
    }
  }
  return matrix;
}

function transpose(matrix: Float32Array, rows: number, columns: number): Float32Array {
  const turned = new Float32Array(matrix.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) turned[column * rows + row] = matrix[row * columns + column]!;
  return turned;
}

function blend(graph: OnnxGraph, body: Value, face: Value, mask: Value): Value {
  return graph.op('Add', [body, graph.op('Mul', [graph.op('Sub', [face, body]), mask])]);
}
