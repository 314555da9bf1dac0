#!/usr/bin/env bash
# The best workflow of a run on 20 GSM8K items with Qwen2.5-Coder-1.5B behind llama.cpp's real HTTP server, beside the baselines.
#   scripts/designed-check.sh RUN|WORKFLOW.js [extra flags of w4s eval]
# Needs: make build; GSM8K in a dataset folder (W4S_DATASETS) or TASK=DIR. About half an hour on two cores; goes on where it was stopped.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ ! -e "${1:-}" ]; then
  echo "designed-check: ${1:-no workflow named} is not there; name a run directory or a workflow file (make learn-qwen makes one)" >&2
  exit 2
fi
export TASK=${TASK:-gsm8k}
scripts/with-executor.sh bash -c 'node dist/cli/main.js eval --task "$TASK" --split test --test-limit 20 \
  --executor "openai:$EXECUTOR_URL" --executor-model qwen2.5-coder-1.5b --price-input 0 --price-output 0 \
  --reply-tokens 256 --concurrency 4 --run designed-check "$@"' designed-check "$@"
