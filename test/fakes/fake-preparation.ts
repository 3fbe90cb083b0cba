/** Stands for `musecam prepare`: says what it was called with, and does what the name of the avatar tells it to. */
import { writeFileSync } from 'node:fs';
import { getPriority } from 'node:os';

const given = process.argv.slice(2);
const valueAfter = (flag: string) => given.find((one) => one.startsWith(`--${flag}=`))?.slice(flag.length + 3);
const say = (line: unknown) => process.stdout.write(`${JSON.stringify(line)}\n`);
const name = valueAfter('name');

process.stdin.resume().on('end', () => process.exit(143));
process.stdout.write('a line that is no JSON\n{"something":"else"}\n');
say({ step: 'Reading it', fraction: 0 });
say({ step: 'Smoothing the path', fraction: 1.5, secondsLeft: 12 });

if (name === 'error') say({ error: { code: 'NO_FACE', message: 'No face was found.', fix: 'Use another photo.' } });
if (name === 'error') process.exit(1);
if (name === 'crash') throw new Error('the insides of a bug');
if (name === 'silent') process.exit(0);
if (name === 'hang' || name === 'deaf') {
  if (name === 'deaf') process.on('SIGTERM', () => {});
  writeFileSync(valueAfter('into')!, String(process.pid));
} else {
  say({ step: JSON.stringify({ given, priority: getPriority() }), fraction: 0.5 });
  say({ done: { id: valueAfter('id') } });
  process.exit(0);
}
