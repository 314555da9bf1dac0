#!/usr/bin/env bash
# A search on real models where programs pay: nano designs for a free-answer task of BIG-Bench Hard (default: two-step
# arithmetic), the executor is Qwen2.5-Coder-0.5B in a process of its own on this machine.
#   BBH=DIR scripts/real-bbh.sh [extra flags of w4s optimize]
# DIR holds the published files (multistep_arithmetic_two.json, …); TASK names another of them, MODEL another designer,
# EXECUTOR another model, ROOT another folder than runs/bbh. Goes on where it was stopped. Needs: make build.
set -euo pipefail
cd "$(dirname "$0")/.."
TASK=${TASK:-multistep_arithmetic_two}
MODEL=${MODEL:-nano}
EXECUTOR=${EXECUTOR:-qwen2.5-coder-0.5b}
ROOT=${ROOT:-runs/bbh}
if [ ! -f "${BBH:-}/$TASK.json" ]; then
  echo "real-bbh: no $TASK.json in BBH=${BBH:-}; name the folder of the published files" >&2
  exit 2
fi
DATA=$ROOT/$TASK
if [ ! -d "$DATA" ]; then
  node dist/cli/main.js data import "$BBH/$TASK.json" "$DATA" --benchmark bbh \
    --split train=0.2 --split validation=0.3 --split test=0.5
fi
node dist/cli/main.js models pull "$EXECUTOR"
node dist/cli/main.js optimize --task "$DATA" --model "$MODEL" --executor "local:$EXECUTOR" \
  --price-input 0 --price-output 0 --weak none --baselines direct,chain-of-thought --episodes 1 --turns 3 --candidates 6 \
  --validation-limit 30 --test-limit 50 --reply-tokens 512 --sample-ms 1800000 --concurrency 8 --gpu off \
  --runs-root "$ROOT" --run "search-$TASK-$MODEL-$EXECUTOR" "$@"
