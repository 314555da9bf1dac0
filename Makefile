# Every target is a thin door; `make help` lists them.
export ONNXRUNTIME_NODE_INSTALL := skip
export NODE_LLAMA_CPP_SKIP_DOWNLOAD := true
export NODE_LLAMA_CPP_POSTINSTALL := skip

BIN := node_modules/.bin
STAMP := node_modules/.w4s-installed
W4S := node dist/cli/main.js
BENCH_JSON := bench/results/latest.json

.DEFAULT_GOAL := help
.PHONY: install build check test demo bench models real grammar-check parity clean help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | while IFS="$$(printf '\t')" read -r name text; do printf '  make %-14s %s\n' "$$name" "$$text"; done

install: $(STAMP) ## install the packages (needs the npm registry only)

$(STAMP): package.json .npmrc
	npm install --no-audit --no-fund
	@touch $@

build: install ## compile src/ to dist/
	$(BIN)/tsc -p tsconfig.build.json
	@chmod +x dist/cli/main.js

check: install ## format, lint, types, unused code
	$(BIN)/biome check --error-on-warnings .
	$(BIN)/tsc -p tsconfig.json
	$(BIN)/knip

test: build check ## everything: check, then unit, conformance, property, native, end-to-end
	timeout 1200 $(BIN)/vitest run

demo: build ## a weak model designs workflows for a simulated strong one (about 6 minutes, pulls 98 MB)
	@scripts/demo.sh

models: build ## fetch the models that `make real` and `make bench` use (1.7 GB)
	$(W4S) models pull smollm2-135m
	$(W4S) models pull qwen2.5-coder-0.5b
	$(W4S) models pull qwen2.5-coder-1.5b

real: build ## real weak and strong model on GSM8K through real HTTP (more than an hour on two cores)
	scripts/real.sh

grammar-check: build ## share of valid and distinct candidates of two real models (about 12 minutes)
	node scripts/grammar-check.mjs

parity: build ## our forward pass beside llama.cpp's on three real files (pulls them; 1 minute)
	scripts/parity.sh

bench: build ## measured tables; JSON in bench/results/latest.json
	@rm -f $(BENCH_JSON)
	timeout 300 node bench/engine.mjs --json $(BENCH_JSON)
	timeout 300 node bench/sandbox.mjs --json $(BENCH_JSON)
	timeout 900 node bench/rollout.mjs --json $(BENCH_JSON)
	timeout 600 node bench/forward.mjs --json $(BENCH_JSON)

clean: ## remove what was built (node_modules stays)
	rm -rf dist coverage
