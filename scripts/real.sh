#!/usr/bin/env bash
# The search on real models: a local Qwen2.5-Coder-0.5B designs workflows for a task (default: GSM8K) that call
# Qwen2.5-Coder-1.5B through llama.cpp's real HTTP server on this machine. More than an hour on two cores.
#   scripts/real.sh [extra flags of w4s optimize]
# Needs: make build; a dataset folder found by name (W4S_DATASETS) or TASK=DIR.
set -euo pipefail
cd "$(dirname "$0")/.."
export TASK=${TASK:-gsm8k}
node dist/cli/main.js models pull qwen2.5-coder-0.5b
scripts/with-executor.sh bash -c 'node dist/cli/main.js optimize --task "$TASK" --model qwen2.5-coder-0.5b \
  --executor "openai:$EXECUTOR_URL" --executor-model qwen2.5-coder-1.5b --price-input 0 --price-output 0 \
  --baselines direct,chain-of-thought,weak-alone --episodes 1 --turns 2 --candidates 4 \
  --validation-limit 10 --screen 3 --test-limit 20 \
  --reply-tokens 1024 --sample-ms 1800000 --concurrency 4 --threads 1 --gpu off "$@"' real "$@"
