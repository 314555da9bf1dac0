#!/usr/bin/env bash
# Runs a command while Qwen2.5-Coder-1.5B, or the model named in EXECUTOR, answers behind llama.cpp's real HTTP server on
# this machine.
#   scripts/with-executor.sh COMMAND…     (EXECUTOR_URL and EXECUTOR are set for it; PORT, THREADS and VENV may be)
# Needs: make build.
set -euo pipefail
cd "$(dirname "$0")/.."
PORT=${PORT:-18431}
VENV=${VENV:-runs/.venv}
THREADS=${THREADS:-2}
export EXECUTOR=${EXECUTOR:-qwen2.5-coder-1.5b}
if [ -z "${W4S_DATASETS:-}" ] && [ -d ../shared/datasets ]; then export W4S_DATASETS=../shared/datasets; fi

if ! "$VENV/bin/python" -c 'import xllamacpp' 2>/dev/null; then
  python3 -m venv "$VENV"
  "$VENV/bin/pip" install --quiet xllamacpp
fi
node dist/cli/main.js models pull "$EXECUTOR"
STRONG=$(node dist/cli/main.js models path "$EXECUTOR")

mkdir -p runs
"$VENV/bin/python" scripts/serve-executor.py "$STRONG" --alias "$EXECUTOR" --port "$PORT" --threads "$THREADS" > "runs/server-$PORT.log" 2>&1 &
SERVER=$!
trap 'kill $SERVER 2>/dev/null || true' EXIT
for _ in $(seq 1 120); do grep -q '^ready' "runs/server-$PORT.log" && break; kill -0 $SERVER; sleep 1; done

export EXECUTOR_URL="http://127.0.0.1:$PORT/v1"
"$@"
