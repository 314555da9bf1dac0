#!/usr/bin/env bash
# The simulated executor beside Qwen2.5-Coder-1.5B behind llama.cpp's real HTTP server, on generated families. About half an hour on two cores.
#   scripts/simulated-check.sh [flags of scripts/simulated-check.mjs]
# Needs: make build.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/with-executor.sh bash -c 'node scripts/simulated-check.mjs --executor "openai:$EXECUTOR_URL" "$@"' simulated-check "$@"
