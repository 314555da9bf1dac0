# Every target is a thin door; `make help` lists them.
export ONNXRUNTIME_NODE_INSTALL := skip
export NODE_LLAMA_CPP_SKIP_DOWNLOAD := true
export NODE_LLAMA_CPP_POSTINSTALL := skip

BIN := node_modules/.bin
# The native compiler takes a third of the time; knip and the tests of the pages need the interface of the one before.
TSC := node_modules/typescript-7/bin/tsc
STAMP := node_modules/.w4s-installed
W4S := node dist/cli/main.js
BENCH_JSON := bench/results/latest.json

.DEFAULT_GOAL := help
.PHONY: install build check types format unused test test-node test-gpu docs pack-check size kills demo demo-check objectives-check learn-check learn-controls learn-qwen learn-real designed-check nano code-check workers-check serve-check simulated-check programs-check mode-check report-big bench bench-quick bench-full models real real-bbh grammar-check grammar-sample acceptance-check search-check busy-check train-memory parity clean help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | while IFS="$$(printf '\t')" read -r name text; do printf '  make %-16s %s\n' "$$name" "$$text"; done

install: $(STAMP) ## install the packages (needs the npm registry only)

# Without saving: a registry that knows packages of more systems than the one the lock file was made with would have npm rewrite it.
$(STAMP): package.json .npmrc
	npm install --no-audit --no-fund --no-save
	@touch $@

build: install ## compile src/ to dist/, what is started as a process bundled
	$(TSC) -p tsconfig.build.json
	@chmod +x dist/cli/main.js
	node scripts/bundle.mjs

check: types format unused ## format, lint, types, unused code

types: install
	$(TSC) -p tsconfig.json

format: install
	$(BIN)/biome check --error-on-warnings .

unused: install
	$(BIN)/knip

test: install ## everything: check, then unit, conformance, property, native, end-to-end
	@$(MAKE) --no-print-directory --jobs=2 build check
	timeout 1800 $(BIN)/vitest run

test-gpu: build ## ops and gradients of tiny models on WebGPU, through a GPU in software (skips where there is none); W4S_GPU=real for a real one
	scripts/test-gpu.sh

# Binaries of other versions of Node come as packages of npm.
NODES ?= 20 22 24
NODE_PACKAGE = node-$(shell node -p 'process.platform.replace("win32", "win") + "-" + process.arch')
TESTS ?= tests/conformance tests/native tests/e2e

test-node: build ## conformance, native and end-to-end tests under Node 20, 22 and 24 (NODES=22 TESTS=tests/native for less)
	@for version in $(NODES); do \
	  npx --yes --package=$(NODE_PACKAGE)@$$version -- node -p '"Node " + process.version' && \
	  npx --yes --package=$(NODE_PACKAGE)@$$version -- node node_modules/vitest/vitest.mjs run $(TESTS) || exit 1; \
	done

docs: build site/node_modules ## the pages of docs/ and of all commands as a site with search, in site/dist; every link is checked
	node scripts/docs-pages.mjs site/pages
	cd site && node_modules/.bin/vitepress build
	node scripts/check-links.mjs site/dist

site/node_modules: site/package.json
	cd site && npm install --no-audit --no-fund --ignore-scripts --no-package-lock
	@touch $@

pack-check: build ## packed, installed into an empty home, used there without network: demo, report, help, what is written (needs the npm registry)
	node scripts/pack-check.mjs

size: build ## size of the package and of the packages it brings, held against limits (needs the npm registry)
	node scripts/pack-check.mjs --size

kills: build ## the tests that kill runs, with more kills at other moments than the gate's
	@seed=$${SEED:-$$RANDOM}; echo "seed $$seed"; \
	W4S_TEST_SEED=$$seed W4S_TEST_KILLS=4 timeout 3600 $(BIN)/vitest run tests/e2e/learn-kills.test.ts tests/e2e/kill-resume.test.ts tests/e2e/cli-train.test.ts tests/e2e/objective-kills.test.ts

demo: build ## the whole loop offline: a weak model learns to design workflows (some minutes)
	@$(W4S) demo

NANO_EVIDENCE := node scripts/learning-evidence.mjs --model nano --seeds 6 --episodes 9 --candidates 8 --judge-episodes 4 --rate 0.004 --epochs 4 --threads 1 --jobs 2

demo-check: build ## does the demo's model learn? six seeds and controls, two unseen families (ten minutes)
	$(NANO_EVIDENCE) --train counting,shopping,unit-conversion --judge sequences,swaps \
	  --variants advantage,shuffled,uniform,success --out docs/results/learning-nano.md

OBJECTIVES := advantage,preference,group,group-wide,kto,light,uniform,shuffled
objectives-check: build ## every objective beside the default: nano, six seeds, on the families of demo-check and on others (half an hour)
	$(NANO_EVIDENCE) --train counting,shopping,unit-conversion --judge sequences,swaps \
	  --variants $(OBJECTIVES) --out docs/results/objectives.md
	$(NANO_EVIDENCE) --train string-transform,table-lookup,word-problems --judge clock-calendar,ordering \
	  --variants $(OBJECTIVES) --runs-root runs/evidence-others --out docs/results/objectives-others.md

learn-check: build ## the same evidence for SmolLM2-135M, three seeds, against shuffled rewards (about an hour and a half on two quiet cores; resumable)
	$(W4S) models pull smollm2-135m
	node scripts/learning-evidence.mjs --model smollm2-135m --seeds 3 --rate 0.002 --epochs 3 --runs-root runs/evidence-smollm2 \
	  --variants advantage,shuffled --out docs/results/learning-smollm2.md

learn-controls: build ## the runs of learn-check with uniform weights and successes only in the same table (about 70 minutes more)
	node scripts/learning-evidence.mjs --model smollm2-135m --seeds 3 --rate 0.002 --epochs 3 --runs-root runs/evidence-smollm2 \
	  --variants advantage,shuffled,uniform,success --out docs/results/learning-smollm2.md

learn-qwen: build ## Qwen2.5-Coder-0.5B, one round and one seed, against its base (about an hour; resumable)
	$(W4S) models pull qwen2.5-coder-0.5b
	node scripts/learning-evidence.mjs --model qwen2.5-coder-0.5b --seeds 1 --rate 0.001 --epochs 3 --runs-root runs/evidence-qwen \
	  --variants advantage --out docs/results/learning-qwen.md

learn-real: build ## learning on real models, BBH=DIR of the published files, SEED=1 (two hours a command at most; resumable; ARGS for more flags)
	$(W4S) models pull smollm2-135m
	$(W4S) models pull qwen2.5-coder-0.5b
	node scripts/learn-real.mjs --bbh "$(BBH)" --seed $(or $(SEED),1) $(ARGS)

designed-check: build ## the best workflow of learn-qwen on 20 GSM8K items with a real 1.5 B model, beside the baselines (half an hour)
	scripts/designed-check.sh runs/evidence-qwen/advantage-1/best-workflow.js

nano: build ## train the embedded model again, from its corpus to its card (about half an hour)
	node scripts/nano/train.mjs --prompts 7000
	node scripts/nano/evaluate.mjs --json | node scripts/nano/card.mjs

models: build ## fetch the models that `make real` and `make bench` use (1.7 GB)
	$(W4S) models pull smollm2-135m
	$(W4S) models pull qwen2.5-coder-0.5b
	$(W4S) models pull qwen2.5-coder-1.5b

real: build ## real weak and strong model on GSM8K through real HTTP (more than an hour on two cores)
	scripts/real.sh

real-bbh: build ## nano designs for a real 0.5 B model on two-step arithmetic, BBH=DIR of the published files (94 minutes on one thread of a busy machine)
	scripts/real-bbh.sh

grammar-check: build ## share of valid and distinct candidates of two real models (about 12 minutes)
	node scripts/grammar-check.mjs

grammar-sample: install ## 10 000 sentences of the grammar for each kind of answer, parsed and run in the sandbox
	GRAMMAR_SENTENCES=10000 node_modules/.bin/vitest run tests/conformance/grammar-sentences.test.ts

train-memory: build ## memory and time of six trainings beside their plans (three real files; some minutes on two quiet cores)
	node scripts/train-memory.mjs --out docs/results/train-memory.md

parity: build ## our forward pass beside llama.cpp's on three real files (pulls them; 1 minute)
	scripts/parity.sh

bench: build ## measured tables, ten minutes; JSON in bench/results/latest.json
	$(W4S) bench --out $(BENCH_JSON)

bench-quick: build ## the same with the embedded model only, two minutes
	$(W4S) bench --quick --out bench/results/quick.json

bench-full: build ## with the long rows: 2,048 tokens, 1.5 B, PyTorch where Python has it (hours)
	$(W4S) bench --full --out bench/results/full.json

simulated-check: build ## the simulated executor beside a real 1.5 B model on generated families (hours)
	scripts/simulated-check.sh --out docs/results/simulated-check.md

programs-check: build ## programs and examples beside direct answers of a real 1.5 B model, BBH=DIR of the published files (hours)
	$(W4S) models pull qwen2.5-coder-1.5b
	node scripts/programs-check.mjs --bbh "$(BBH)" --out runs/programs-check/table.md

mode-check: build ## a row of every curriculum and way of working together, with the embedded model (half an hour)
	node scripts/mode-evidence.mjs --out docs/results/modes-nano.md

acceptance-check: build ## how often equal adapters are refused or called better, simulated with known truth
	node scripts/acceptance-check.mjs

busy-check: build ## how busy a collecting run keeps a fake server of 16 slots, nano and SmolLM2-135M (not timed to its end yet)
	$(W4S) models pull smollm2-135m
	node scripts/busy-server.mjs --model nano
	node scripts/busy-server.mjs --model smollm2-135m

search-check: build ## how well a search chooses, and how far off its figures are, simulated with known truth
	node scripts/search-simulation.mjs --out docs/results/search-simulation.md

workers-check: build ## four workers, 2,000 jobs, kills and stops of workers and Redis, then one worker beside four (needs redis-server; about ten minutes)
	node scripts/workers-check.mjs
	node scripts/workers-check.mjs --costs
	node scripts/workers-check.mjs --throughput

serve-check: build ## a server killed under load and its log, then time and computing of a request and 1,000 requests at 64 at once (a minute)
	node scripts/serve-check.mjs
	node bench/serve.mjs

code-check: build ## known answers of code tasks, HumanEval and MBPP against the tests scorer (about ten minutes)
	node scripts/code-check.mjs

report-big: build ## the report of a 100 MB run in headless Chromium (a minute)
	W4S_BIG_REPORT=1 timeout 600 $(BIN)/vitest run tests/e2e/report.test.ts

clean: ## remove what was built (node_modules stays)
	rm -rf dist coverage
