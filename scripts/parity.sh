#!/usr/bin/env bash
# Our forward pass beside llama.cpp's on real quantised files: per-token log-probabilities of 512 tokens of real text.
#   scripts/parity.sh [MODEL …]     (default: the three models of docs/results/parity.md; they are pulled)
set -euo pipefail
cd "$(dirname "$0")/.."
MODELS=("$@")
if [ ${#MODELS[@]} -eq 0 ]; then MODELS=(smollm2-135m qwen2.5-coder-0.5b gemma3-270m); fi
for model in "${MODELS[@]}"; do
  node dist/cli/main.js models pull "$model" --yes > /dev/null
  for weights in f32 f16; do
    echo "== $model, $weights weights, LICENSE, 512 tokens"
    timeout 600 node dist/cli/main.js score "$model" --text LICENSE --max-tokens 512 --weights "$weights" --compare
  done
done
