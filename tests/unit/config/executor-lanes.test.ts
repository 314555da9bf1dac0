import { expect, it } from "vitest";
import { parseRunConfig } from "../../../src/config/config-layers.js";
import { defaultConcurrency, executorLanes } from "../../../src/config/executor-lanes.js";

it.each([
  [1, 8],
  [8, 8],
  [16, 16],
  [32, 32],
  [256, 32],
])("at %i runs at once a local executor writes %i replies together", (concurrency, lanes) => {
  expect(executorLanes(concurrency)).toBe(lanes);
});

it("as many runs are at work as a local executor writes replies, four where a server answers", () => {
  const concurrencyOf = (executor: string, more = {}) =>
    parseRunConfig({ task: "swaps", model: "nano", executor, ...more }).concurrency;
  expect(concurrencyOf("local:qwen2.5-coder-0.5b")).toBe(8);
  expect(concurrencyOf("simulated")).toBe(4);
  expect(concurrencyOf("openai:http://127.0.0.1:1/v1", { executorModel: "m" })).toBe(4);
  expect(concurrencyOf("local:qwen2.5-coder-0.5b", { concurrency: 3 })).toBe(3);
  expect(defaultConcurrency("replay:runs/one")).toBe(4);
});
