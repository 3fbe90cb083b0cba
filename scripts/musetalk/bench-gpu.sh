#!/usr/bin/env bash
# On a machine with a GPU: `musecam bench musetalk`, upstream's way of running the same networks, and the table of ratios for
# docs/benchmarks.md. Needs `npm ci`; for upstream a Python with torch, diffusers and transformers (see bench-upstream.py).
# No weights are needed. What cannot be run is named, and the rest goes on.
#
#   scripts/musetalk/bench-gpu.sh            # everything, about a quarter of an hour
#   STEPS=ours scripts/musetalk/bench-gpu.sh # one part at a time: ours, upstream, table
#
# OUT=folder of the figures  PROVIDERS="webgpu cuda"  RUNS=100  BATCHES=1,2,4,8  PYTHON=python3
# NETWORKS=folder the random networks (5 GB) are kept in  UPSTREAM_ARGS="--modes eager,compile"
set -uo pipefail
cd "$(dirname "$0")/../.."
out=${OUT:-/tmp/musecam-bench-gpu}
steps=${STEPS:-ours upstream table}
providers=${PROVIDERS:-webgpu cuda}
runs=${RUNS:-100}
batches=${BATCHES:-1,2,4,8}
python=${PYTHON:-python3}
networks=${NETWORKS:-/tmp/musecam-bench-networks}
mkdir -p "$out"
failed=0

has_step() { [[ " $steps " == *" $1 "* ]]; }
say() { printf '\n== %s\n' "$*"; }

if command -v nvidia-smi > /dev/null; then
  nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv | tee "$out/gpu.csv"
fi

if has_step ours; then
  for provider in $providers; do
    say "ours: $provider"
    # A table made of an earlier run's figures would lie.
    rm -f "$out/ours-$provider.json"
    node --import tsx src/app/cli.ts bench musetalk --provider "$provider" --runs "$runs" --batch "$batches" \
      --keep "$networks" --json "$out/ours-$provider.json" 2>&1 | tee "$out/ours-$provider.txt" ||
      { echo "$provider was not measured."; failed=1; }
  done
fi

if has_step upstream; then
  say 'upstream'
  rm -f "$out/upstream.json"
  if "$python" -c 'import torch, diffusers, transformers' 2> /dev/null; then
    # shellcheck disable=SC2086 -- several arguments
    "$python" scripts/musetalk/bench-upstream.py --runs "$runs" --batches "$batches" --json "$out/upstream.json" \
      ${UPSTREAM_ARGS:-} 2>&1 | tee "$out/upstream.txt" || { echo 'upstream was not measured.'; failed=1; }
  else
    echo "$python lacks torch, diffusers or transformers: upstream was not measured."
    failed=1
  fi
fi

if has_step table; then
  shopt -s nullglob
  ours=("$out"/ours-*.json)
  if [[ -f $out/upstream.json && ${#ours[@]} -gt 0 ]]; then
    say 'ratios'
    node scripts/musetalk/print-ratios.mjs "$out/upstream.json" "${ours[@]}" | tee "$out/ratios.md" || failed=1
  else
    echo 'No table: it needs figures of both.'
    failed=1
  fi
fi
exit "$failed"
