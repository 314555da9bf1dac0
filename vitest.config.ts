/** @file Tests: see tests/README.md for the kinds. */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { LongFilesFirst } from "./tests/support/long-files-first.js";

const src = (path: string) => fileURLToPath(new URL(`./src/${path}`, import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: /^w4s$/, replacement: src("index.ts") },
      { find: /^w4s\/(formats|tasks|testing|train|workflow)$/, replacement: src("$1.ts") },
    ],
  },
  test: {
    include: ["tests/**/*.test.ts"],
    // Far above what any test takes: a busy machine must not fail one.
    testTimeout: 900_000,
    hookTimeout: 900_000,
    pool: "forks",
    maxWorkers: 2,
    sequence: { sequencer: LongFilesFirst },
    reporters: ["default", "./tests/support/count-reporter.ts"],
  },
});
