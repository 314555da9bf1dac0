/** @file The reason in what llama.cpp logs when it refuses a file. */
import { describe, expect, it } from "vitest";
import { loadFailure } from "../../../src/llm/local/load-failure.js";

describe("loadFailure", () => {
  it.each([
    [
      "llama_model_load: error loading model: error loading model vocabulary: unknown pre-tokenizer type: 'odd'\nllama_model_load_from_file_impl: failed to load model\n",
      "unknown pre-tokenizer type: 'odd'",
    ],
    [
      "llama_model_load: error loading model: missing tensor 'blk.0.ffn_gate.weight'\n",
      "missing tensor 'blk.0.ffn_gate.weight'",
    ],
    ["ggml_backend_alloc: no device found\nllama: failed to load model\n", "no device found"],
    ["llama_model_load_from_file_impl: failed to load model\n", undefined],
    ["", undefined],
  ])("%j gives %j", (log, reason) => {
    expect(loadFailure([...log])).toBe(reason);
  });
});
