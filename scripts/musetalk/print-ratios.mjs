/**
 * Prints what was measured on one machine as a Markdown table: `node print-ratios.mjs upstream.json ours.json …`, the files of
 * `bench-upstream.py --json` and of `musecam bench musetalk --json`. A ratio is upstream's median over ours: above 1 ours is
 * faster.
 */
import { readFileSync } from 'node:fs';

/** Which stage of upstream's does the work of which of ours. */
const PAIRS = [
  ['whisper-parity', 'whisper', 'Whisper, 30 s of sound'],
  ['unet', 'unet', 'UNet'],
  ['decoder', 'decoder', 'VAE decoder'],
  ['frame', 'frame', 'whole frame'],
  ['frame', 'upstream', "whole frame, upstream's copying"],
];

const [upstreamPath, ...ourPaths] = process.argv.slice(2);
if (!upstreamPath || ourPaths.length === 0) {
  console.error('usage: node print-ratios.mjs upstream.json ours.json …');
  process.exit(2);
}
const read = (path) => JSON.parse(readFileSync(path, 'utf8'));
const upstream = read(upstreamPath);
const figures = ourPaths.map(read);
const { machine } = figures[0];
console.log(
  `${machine.gpu ?? machine.cpu}; Node ${machine.node}, ONNX Runtime ${machine.onnxruntime}; upstream: ${upstream.device}, torch ${upstream.torch}`,
);
if (upstream.reduced) console.log('Upstream with reduced networks: the ratios mean nothing.');
const modes = [...new Set(upstream.rows.map(({ provider, precision }) => `${provider} ${precision}`))];
console.log(
  `\n| stage | batch | ours | p50 ms | p95 ms | ${modes.map((mode) => `${mode} p50 ms | ratio`).join(' | ')} |`,
);
console.log(`|${'---|'.repeat(5 + 2 * modes.length)}`);
for (const [ourStage, theirStage, title] of PAIRS) {
  for (const row of figures.flatMap(({ rows }) => rows).filter(({ stage }) => stage === ourStage)) {
    const cells = modes.flatMap((mode) => {
      const their = upstream.rows.find(
        (one) => `${one.provider} ${one.precision}` === mode && one.stage === theirStage && one.batch === row.batch,
      );
      return their ? [their.p50Ms.toFixed(2), (their.p50Ms / row.p50Ms).toFixed(2)] : ['', ''];
    });
    const own = [title, row.batch, `${row.provider} ${row.precision}`, row.p50Ms.toFixed(2), row.p95Ms.toFixed(2)];
    console.log(`| ${[...own, ...cells].join(' | ')} |`);
  }
}
