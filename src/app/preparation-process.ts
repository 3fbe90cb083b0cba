/**
 * `musecam prepare` as a process of its own, for photos and clips that were handed to a running show: started by
 * run-preparation.ts with the command's own arguments. It never outlives who started it: when its standard input ends, it
 * ends in order, as by SIGTERM, and takes what is half-made away.
 */

/** How long ending in order may take, in ms. */
const END_DEADLINE_MS = 5_000;

process.stdin.on('end', end).on('error', end).resume();

await import('./cli.ts');

function end(): void {
  setTimeout(() => process.exit(143), END_DEADLINE_MS).unref();
  process.kill(process.pid, 'SIGTERM');
}
