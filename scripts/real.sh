#!/usr/bin/env bash
# The search on real models: a local Qwen2.5-Coder-0.5B designs workflows for a task (default: GSM8K) that call
# Qwen2.5-Coder-1.5B through llama.cpp's real HTTP server on this machine. More than an hour on two cores.
#   scripts/real.sh [extra flags of w4s optimize]
# Needs: make build; a dataset folder found by name (W4S_DATASETS) or TASK=DIR.
set -euo pipefail
cd "$(dirname "$0")/.."
TASK=${TASK:-gsm8k}
PORT=${PORT:-18431}
VENV=${VENV:-runs/.venv}
THREADS=${THREADS:-2}
if [ -z "${W4S_DATASETS:-}" ] && [ -d ../shared/datasets ]; then export W4S_DATASETS=../shared/datasets; fi

w4s() { node dist/cli/main.js "$@"; }

if ! "$VENV/bin/python" -c 'import xllamacpp' 2>/dev/null; then
  python3 -m venv "$VENV"
  "$VENV/bin/pip" install --quiet xllamacpp
fi
w4s models pull qwen2.5-coder-0.5b
w4s models pull qwen2.5-coder-1.5b
STRONG=$(w4s models path qwen2.5-coder-1.5b)

mkdir -p runs
"$VENV/bin/python" scripts/serve-executor.py "$STRONG" --alias qwen2.5-coder-1.5b --port "$PORT" --threads "$THREADS" > runs/server.log 2>&1 &
SERVER=$!
trap 'kill $SERVER 2>/dev/null || true' EXIT
for _ in $(seq 1 120); do grep -q '^ready' runs/server.log && break; kill -0 $SERVER; sleep 1; done

w4s optimize --task "$TASK" --model qwen2.5-coder-0.5b \
  --executor "openai:http://127.0.0.1:$PORT/v1" --executor-model qwen2.5-coder-1.5b \
  --price-input 0 --price-output 0 \
  --episodes 2 --turns 2 --candidates 5 --validation-limit 10 --screen 3 --test-limit 30 \
  --reply-tokens 256 --concurrency 4 --threads 1 --gpu off "$@"
