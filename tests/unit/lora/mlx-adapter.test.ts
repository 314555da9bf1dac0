/** @file Adapters as mlx-lm writes them: transposed, in Hugging Face's rows, with a scale of their own. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { FormatError } from "../../../src/core/errors.js";
import { readLoadableModel } from "../../../src/formats/gguf/gguf-loadable.js";
import { makeTinyGguf, type TinyFamily } from "../../../src/formats/gguf/make-tiny-gguf.js";
import { writeSafetensors } from "../../../src/formats/safetensors/write-safetensors.js";
import { importAdapter } from "../../../src/lora/export-adapter.js";
import { readMlxAdapter } from "../../../src/lora/mlx-adapter.js";
import { placeOf } from "../../../src/lora/pair-place.js";
import { peftModule } from "../../../src/lora/peft-modules.js";
import { isPermuted, permuteRows } from "../../../src/lora/row-permutation.js";
import { LINEAR_NAMES } from "../../../src/transformer/linear-name.js";
import { readModel } from "../../../src/transformer/read-model.js";
import { randomAdapter } from "../../support/random-adapter.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const newFolder = useTemporaryFolder();
const CONFIG = { fine_tune_type: "lora", num_layers: 2, lora_parameters: { rank: 2, scale: 2, dropout: 0 } };

type Tensors = Map<string, { dtype: "F32"; shape: number[]; data: Float32Array }>;

function transpose(values: Float32Array, columns: number): Float32Array {
  const rows = values.length / columns;
  return Float32Array.from(values, (_, i) => values[(i % rows) * columns + Math.floor(i / rows)] as number);
}

/** The folder that mlx-lm would leave of an adapter of rank 2. */
async function mlx(family: TinyFamily, change: { config?: object; edit?: (tensors: Tensors) => void } = {}) {
  const base = makeTinyGguf(join(newFolder(), "base.gguf"), { family });
  const { config: model } = readModel(readLoadableModel(base));
  const adapter = randomAdapter(model, { rank: 2, alpha: 4, targets: LINEAR_NAMES });
  const tensors: Tensors = new Map();
  for (const [name, { inSize, outSize, a, b }] of adapter.pairs) {
    const { layer, target } = placeOf(name) ?? expect.fail(name);
    const module = `model.layers.${layer}.${peftModule(family, target)}`;
    const rows = isPermuted(model, target) ? permuteRows(b, model, 2, "to-hugging-face") : b;
    tensors.set(`${module}.lora_a`, { dtype: "F32", shape: [inSize, 2], data: transpose(a, inSize) });
    tensors.set(`${module}.lora_b`, { dtype: "F32", shape: [2, outSize], data: transpose(rows, 2) });
  }
  change.edit?.(tensors);
  const folder = join(newFolder(), "adapters");
  mkdirSync(folder);
  await writeSafetensors(join(folder, "adapters.safetensors"), { tensors });
  writeFileSync(join(folder, "adapter_config.json"), JSON.stringify({ ...CONFIG, ...change.config }));
  return { base, model, adapter, folder };
}

describe("adapters of mlx-lm", () => {
  it.each(["llama", "qwen2", "phi3", "lfm2"] as const)("%s: come back as they were", async (family) => {
    const { base, model, adapter, folder } = await mlx(family);
    const { origin, ...read } = readMlxAdapter(folder, model);
    expect(read).toEqual({ architecture: family, config: adapter.config, pairs: adapter.pairs });
    expect(origin).toEqual({});
    const outPath = join(newFolder(), "adapter.gguf");
    expect((await importAdapter({ path: folder, basePath: base, outPath })).pairs).toEqual(adapter.pairs);
  });

  it.each<[object, RegExp]>([
    [{ fine_tune_type: "dora" }, /fine_tune_type: is "dora", expected "lora"/],
    [{ lora_parameters: { rank: 2 } }, /lora_parameters.scale: is undefined/],
    [{ lora_parameters: { scale: -1 } }, /lora_parameters.scale: is -1/],
  ])("refuses settings %j", async (config, message) => {
    const { model, folder } = await mlx("llama", { config });
    expect(() => readMlxAdapter(folder, model)).toThrow(FormatError);
    expect(() => readMlxAdapter(folder, model)).toThrow(message);
  });

  const Q = "model.layers.0.self_attn.q_proj";
  it.each<[string, (tensors: Tensors) => void, RegExp]>([
    ["nothing", (tensors) => tensors.clear(), /tensors: there are none/],
    ["half a pair", (tensors) => tensors.delete(`${Q}.lora_b`), /q_proj\.lora_a: has no other half/],
    [
      "a head",
      (tensors) => tensors.set("lm_head.lora_a", { dtype: "F32", shape: [1, 2], data: new Float32Array(2) }),
      /lm_head\.lora_a: is no pair/,
    ],
    [
      "another model's q",
      (tensors) => tensors.set(`${Q}.lora_b`, { dtype: "F32", shape: [2, 30], data: new Float32Array(60) }),
      /lora_b: has 30 rows, the base has 64/,
    ],
    [
      "another rank",
      (tensors) => tensors.set(`${Q}.lora_b`, { dtype: "F32", shape: [3, 64], data: new Float32Array(192) }),
      /lora_a: has rank 2 and 3/,
    ],
    ["NaN", (tensors) => tensors.get(`${Q}.lora_a`)?.data.fill(Number.NaN), /contains NaN/],
  ])("refuses %s", async (_name, edit, message) => {
    const { model, folder } = await mlx("llama", { edit });
    expect(() => readMlxAdapter(folder, model)).toThrow(message);
  });
});
