#!/usr/bin/env bash
# A search on real models where programs pay: nano designs for a free-answer task of BIG-Bench Hard (default: word sorting),
# the executor is Qwen2.5-Coder-0.5B behind llama.cpp's real HTTP server on this machine.
#   BBH=DIR scripts/real-bbh.sh [extra flags of w4s optimize]
# DIR holds the published files (word_sorting.json, …); TASK names another of them, MODEL another designer. Needs: make build.
set -euo pipefail
cd "$(dirname "$0")/.."
TASK=${TASK:-word_sorting}
MODEL=${MODEL:-nano}
if [ ! -f "${BBH:-}/$TASK.json" ]; then
  echo "real-bbh: no $TASK.json in BBH=${BBH:-}; name the folder of the published files" >&2
  exit 2
fi
export EXECUTOR=${EXECUTOR:-qwen2.5-coder-0.5b}
DATA=runs/bbh/$TASK
if [ ! -d "$DATA" ]; then
  node dist/cli/main.js data import "$BBH/$TASK.json" "$DATA" --benchmark bbh \
    --split train=0.2 --split validation=0.3 --split test=0.5
fi
scripts/with-executor.sh bash -c 'node dist/cli/main.js optimize --task "$0" --model "$1" \
  --executor "openai:$EXECUTOR_URL" --executor-model "$EXECUTOR" --price-input 0 --price-output 0 --weak none \
  --baselines direct,chain-of-thought --episodes 1 --turns 3 --candidates 6 --screen 4 --validation-limit 24 \
  --test-limit 50 --reply-tokens 256 --sample-ms 1800000 --concurrency 4 --gpu off "${@:2}"' "$DATA" "$MODEL" "$@"
