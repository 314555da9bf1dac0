/** @file Tests: see tests/README.md for the kinds. */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { LongFilesFirst } from "./tests/support/long-files-first.js";

const src = (path: string) => fileURLToPath(new URL(`./src/${path}`, import.meta.url));

/** Tests that share a process and the modules they import: reading them again for each file takes a third of the time of all unit tests. */
const UNIT = ["tests/unit/**/*.test.ts"];
const E2E = ["tests/e2e/**/*.test.ts"];
/** But for those that replace a module, or look at what one holds. */
const ALONE = ["core/jsonl-log", "llm/openai/endpoint", "train/loop/checkpoint"].map(
  (name) => `tests/unit/${name}.test.ts`,
);

export default defineConfig({
  resolve: {
    alias: [
      { find: /^w4s$/, replacement: src("index.ts") },
      { find: /^w4s\/(formats|tasks|testing|train|workflow)$/, replacement: src("$1.ts") },
    ],
  },
  test: {
    projects: [
      { extends: true, test: { name: "unit", include: UNIT, exclude: ALONE, isolate: false } },
      { extends: true, test: { name: "e2e", include: E2E, isolate: false } },
      { extends: true, test: { name: "rest", include: ["tests/**/*.test.ts"], exclude: [...UNIT, ...E2E] } },
      { extends: true, test: { name: "alone", include: ALONE } },
    ],
    // Far above what any test takes: a busy machine must not fail one.
    testTimeout: 900_000,
    hookTimeout: 900_000,
    expect: { poll: { timeout: 120_000 } },
    pool: "forks",
    // Two more than the usual two cores: many tests wait for limits and pauses; with one more, a fifth of the machine lay idle.
    maxWorkers: 4,
    // What a file runs side by side waits: for servers, for limits.
    maxConcurrency: 10,
    sequence: { sequencer: LongFilesFirst },
    reporters: ["default", "./tests/support/count-reporter.ts"],
  },
});
