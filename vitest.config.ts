/** @file Tests: see tests/README.md for the kinds. */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

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
    testTimeout: 240_000,
    hookTimeout: 240_000,
    pool: "forks",
    maxWorkers: 2,
    reporters: ["default", "./tests/support/count-reporter.ts"],
  },
});
