import { expect, it } from "vitest";
import { parseRunConfig } from "../../../src/config/config-layers.js";
import { defaultConcurrency, executorLanes } from "../../../src/config/executor-lanes.js";

it.each([
  ["an Intel server with AMX", "model name\t: Xeon\nflags\t\t: fpu avx512f amx_bf16 amx_tile amx_int8\n", 32],
  ["a processor with AMX for floats alone", "flags\t\t: fpu amx_tile amx_bf16\n", 8],
  ["a laptop", "flags\t\t: fpu avx2 avx_vnni\n", 8],
  ["ARM, which Linux describes otherwise", "Features\t: fp asimd i8mm\n", 8],
  ["nothing known", "", 8],
])("%s: replies written together", (_, cpuInfo, lanes) => {
  expect(executorLanes(cpuInfo)).toBe(lanes);
});

it("as many runs are at work as a local executor writes replies, four where a server answers", () => {
  const concurrencyOf = (executor: string, more = {}) =>
    parseRunConfig({ task: "swaps", model: "nano", executor, ...more }).concurrency;
  expect(concurrencyOf("local:qwen2.5-coder-0.5b")).toBe(executorLanes());
  expect(concurrencyOf("simulated")).toBe(4);
  expect(concurrencyOf("openai:http://127.0.0.1:1/v1", { executorModel: "m" })).toBe(4);
  expect(concurrencyOf("local:qwen2.5-coder-0.5b", { concurrency: 3 })).toBe(3);
  expect(defaultConcurrency("replay:runs/one")).toBe(4);
});
