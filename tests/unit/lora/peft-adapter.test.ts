import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FormatError, StorageError } from "../../../src/core/errors.js";
import { readLoadableModel } from "../../../src/formats/gguf/gguf-loadable.js";
import { makeTinyGguf, type TinyFamily } from "../../../src/formats/gguf/make-tiny-gguf.js";
import { SafetensorsFile } from "../../../src/formats/safetensors/safetensors-file.js";
import { writeSafetensors } from "../../../src/formats/safetensors/write-safetensors.js";
import { readPeftAdapter, writePeftAdapter } from "../../../src/lora/peft-adapter.js";
import { permuteRows } from "../../../src/lora/row-permutation.js";
import { LINEAR_NAMES } from "../../../src/transformer/linear-name.js";
import { readModel } from "../../../src/transformer/read-model.js";
import { randomAdapter } from "../../support/random-adapter.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const SEED = 20_261_123;
const newFolder = useTemporaryFolder();
const root = newFolder();
const modelOf = (family: TinyFamily) =>
  readModel(readLoadableModel(makeTinyGguf(join(root, `${family}.gguf`), { family }))).config;
const llama = modelOf("llama");

interface Tensor {
  dtype: "F32" | "F16" | "I32";
  shape: number[];
  data: Float32Array | Int32Array;
}
type Tensors = Map<string, Tensor>;

/** A good directory of a llama adapter on attn_q and ffn_up, rank 2, after a change. */
async function peft(change: { config?: object; tensors?: (tensors: Tensors) => void } = {}): Promise<string> {
  const folder = newFolder();
  const adapter = randomAdapter(llama, { rank: 2, alpha: 4, targets: ["attn_q", "ffn_up"] });
  await writePeftAdapter(folder, adapter, llama);
  const configPath = join(folder, "adapter_config.json");
  const config = JSON.parse(readFileSync(configPath, "utf8"));
  writeFileSync(configPath, JSON.stringify({ ...config, ...change.config }));
  const weights = join(folder, "adapter_model.safetensors");
  const file = SafetensorsFile.open(weights);
  const tensors: Tensors = new Map(
    [...file.tensors].map(([name, { shape }]) => [
      name,
      { dtype: "F32", shape: [...shape], data: file.readFloats(name) },
    ]),
  );
  file.close();
  change.tensors?.(tensors);
  await writeSafetensors(weights, { tensors });
  return folder;
}

const Q = "base_model.model.model.layers.0.self_attn.q_proj";
const rename = (tensors: Tensors, edit: (key: string) => string) => {
  for (const [key, tensor] of [...tensors]) {
    tensors.delete(key);
    tensors.set(edit(key), tensor);
  }
};

describe("the order of rows", () => {
  it("follows the converter's rule, head by head", () => {
    // One head of size 8 and a second: rows numbered by themselves.
    const rows = Float32Array.from({ length: 16 }, (_, row) => row);
    const model = { ...llama, headCount: 2, kvHeadCount: 2, headSize: 8 };
    expect([...permuteRows(rows, model, 1, "to-gguf")]).toEqual([
      ...[0, 4, 1, 5, 2, 6, 3, 7],
      ...[8, 12, 9, 13, 10, 14, 11, 15],
    ]);
  });

  it("is turned and turned back without loss", () => {
    const shape = fc.record({
      headSize: fc.integer({ min: 1, max: 8 }).map((half) => half * 2),
      heads: fc.integer({ min: 1, max: 4 }),
      columns: fc.integer({ min: 1, max: 5 }),
    });
    fc.assert(
      fc.property(shape, ({ headSize, heads, columns }) => {
        const model = { ...llama, headSize, headCount: heads, kvHeadCount: heads };
        const values = Float32Array.from({ length: headSize * heads * columns }, (_, i) => i);
        const there = permuteRows(values, model, columns, "to-hugging-face");
        expect(permuteRows(there, model, columns, "to-gguf")).toEqual(values);
        expect([...there].sort((x, y) => x - y)).toEqual([...values]);
        // Columns of a row stay together.
        expect(there.every((value, i) => value % columns === i % columns)).toBe(true);
      }),
      { seed: SEED, numRuns: 100 },
    );
  });
});

describe("writing and reading", () => {
  for (const family of ["llama", "qwen2", "qwen3", "gemma3"] as const) {
    it(`${family}: is an identity; only llama's q and k are written in another order`, async () => {
      const model = modelOf(family);
      const adapter = randomAdapter(model, { rank: 3, alpha: 6, targets: LINEAR_NAMES });
      const folder = newFolder();
      await writePeftAdapter(folder, adapter, model, "org/name");
      const back = readPeftAdapter(folder, model);
      expect(back).toEqual({ ...adapter, origin: { baseName: "org/name" } });
      expect([...back.pairs.keys()]).toEqual([...adapter.pairs.keys()]);
      const file = SafetensorsFile.open(join(folder, "adapter_model.safetensors"));
      expect(file.metadata.get("format")).toBe("pt");
      const isMoved = (name: string, module: string) => {
        const written = file.readFloats(`base_model.model.model.layers.1.${module}.lora_B.weight`);
        return !written.every((value, i) => value === adapter.pairs.get(`blk.1.${name}.weight`)?.b[i]);
      };
      expect(isMoved("attn_q", "self_attn.q_proj")).toBe(family === "llama");
      expect(isMoved("attn_k", "self_attn.k_proj")).toBe(family === "llama");
      expect(isMoved("attn_v", "self_attn.v_proj")).toBe(false);
      expect(isMoved("ffn_down", "mlp.down_proj")).toBe(false);
      file.close();
    });
  }

  it("writes the settings that vLLM and PEFT ask for", async () => {
    const folder = await peft();
    expect(JSON.parse(readFileSync(join(folder, "adapter_config.json"), "utf8"))).toEqual({
      peft_type: "LORA",
      task_type: "CAUSAL_LM",
      base_model_name_or_path: "",
      r: 2,
      lora_alpha: 4,
      lora_dropout: 0,
      target_modules: ["q_proj", "up_proj"],
      bias: "none",
      fan_in_fan_out: false,
      inference_mode: true,
      modules_to_save: null,
      use_rslora: false,
      use_dora: false,
      rank_pattern: {},
      alpha_pattern: {},
    });
  });

  it("reads what others write otherwise: named adapters, models that also see, float16, few settings", async () => {
    const plain = readPeftAdapter(await peft(), llama);
    const read = async (change: Parameters<typeof peft>[0]) =>
      readPeftAdapter(await peft(change), llama).pairs;
    const named = (tensors: Tensors) => rename(tensors, (key) => key.replace(".weight", ".my_run.weight"));
    expect(await read({ tensors: named })).toEqual(plain.pairs);
    const seeing = (tensors: Tensors) =>
      rename(tensors, (key) => key.replace("model.model.layers", "model.model.language_model.layers"));
    expect(await read({ tensors: seeing })).toEqual(plain.pairs);
    const sparse = { bias: undefined, task_type: null, use_dora: undefined, rank_pattern: null, extra: 1 };
    expect(await read({ config: sparse })).toEqual(plain.pairs);
    expect(await read({ config: { init_lora_weights: "gaussian" } })).toEqual(plain.pairs);
    const half = (tensors: Tensors) => {
      for (const tensor of tensors.values()) tensor.dtype = "F16";
    };
    for (const [name, { b }] of await read({ tensors: half })) {
      const wanted = plain.pairs.get(name)?.b as Float32Array;
      // |b| is at most 0.1: half of the last of 11 bits.
      expect(b.every((x, i) => Math.abs(x - (wanted[i] as number)) <= 0.1 * 2 ** -11)).toBe(true);
    }
  });

  it("leaves no config beside weights that were not written", async () => {
    const folder = await peft();
    rmSync(join(folder, "adapter_model.safetensors"));
    mkdirSync(join(folder, "adapter_model.safetensors"));
    const adapter = randomAdapter(llama, { rank: 2, alpha: 4, targets: ["attn_q"] });
    await expect(writePeftAdapter(folder, adapter, llama)).rejects.toThrow(StorageError);
    expect(() => readPeftAdapter(folder, llama)).toThrow(/adapter_config\.json: cannot be read/);
  });
});

describe("refused by name", () => {
  it.each<[object, RegExp]>([
    [{ use_dora: true }, /use_dora: is true: DoRA/],
    [{ use_rslora: true }, /use_rslora: is true: rank-stabilised.*alpha · √rank/],
    [{ use_qalora: true }, /QALoRA/],
    [{ fan_in_fan_out: true }, /transposed weights/],
    [{ rank_pattern: { q_proj: 8 } }, /rank_pattern: is \{"q_proj":8\}: ranks that differ/],
    [{ alpha_pattern: { q_proj: 8 } }, /alphas that differ/],
    [{ modules_to_save: ["lm_head"] }, /whole modules/],
    [{ trainable_token_indices: [1] }, /trained embeddings/],
    [{ layer_replication: [[0, 2]] }, /replicated layers/],
    [{ alora_invocation_tokens: [1, 2] }, /activated LoRA/],
    [{ bias: "all" }, /bias: is "all": trained biases/],
    [{ lora_bias: true }, /lora_bias: is true: trained biases/],
    [{ task_type: "SEQ_CLS" }, /task_type: is "SEQ_CLS": only language models/],
    [{ init_lora_weights: "pissa_niter_4" }, /init_lora_weights: is "pissa_niter_4": it fits only a base/],
    [{ peft_type: "IA3" }, /peft_type: is "IA3", expected "LORA"/],
    [{ r: 0 }, /r: is 0, expected a whole number/],
    [{ r: "2" }, /r: is "2"/],
    [{ r: 4 }, /has rank 2 and 2, the configuration says 4/],
    [{ r: 4096 }, /rank is 4096, expected a whole number from 1 to 1024/],
    [{ lora_alpha: 0 }, /lora_alpha: is 0/],
    [{ lora_alpha: "8" }, /lora_alpha: is "8"/],
    [{ lora_alpha: undefined }, /lora_alpha: is missing/],
  ])("settings %j", async (config, message) => {
    const folder = await peft({ config });
    expect(() => readPeftAdapter(folder, llama)).toThrow(FormatError);
    expect(() => readPeftAdapter(folder, llama)).toThrow(message);
  });

  it.each<[string, (tensors: Tensors) => void, RegExp]>([
    ["no tensors", (tensors) => tensors.clear(), /tensors: there are none/],
    [
      "half a pair",
      (tensors) => tensors.delete(`${Q}.lora_B.weight`),
      /q_proj\.lora_A\.weight: has no other half/,
    ],
    [
      "two adapters",
      (tensors) => tensors.set(`${Q}.lora_A.second.weight`, tensors.get(`${Q}.lora_A.weight`) as Tensor),
      /several adapters in one file \(\(no name\), second\)/,
    ],
    [
      "one matrix under two keys",
      (tensors) =>
        tensors.set(
          `${Q.replace("model.model.layers", "model.layers")}.lora_A.weight`,
          tensors.get(`${Q}.lora_A.weight`) as Tensor,
        ),
      /stands for the same matrix/,
    ],
    [
      "a head",
      (tensors) => rename(tensors, (key) => key.replace("model.layers.0.self_attn.q_proj", "lm_head")),
      /lm_head\.lora_[AB]\.weight: is no pair of a matrix of a layer/,
    ],
    [
      "a layer in odd digits",
      (tensors) => rename(tensors, (key) => key.replace("layers.1.", "layers.01.")),
      /is no pair/,
    ],
    [
      "a vector",
      (tensors) => {
        const tensor = tensors.get(`${Q}.lora_A.weight`) as Tensor;
        tensor.shape = [tensor.data.length];
      },
      /lora_A\.weight: has 1 dimensions, expected 2/,
    ],
    [
      "a q of another model",
      (tensors) =>
        tensors.set(`${Q}.lora_B.weight`, { dtype: "F32", shape: [30, 2], data: new Float32Array(60) }),
      /lora_B\.weight: has 30 rows, the base has 64/,
    ],
    [
      "infinity",
      (tensors) => (tensors.get(`${Q}.lora_B.weight`) as Tensor).data.fill(Number.NEGATIVE_INFINITY),
      /q_proj\.lora_B\.weight: contains NaN or infinity/,
    ],
  ])("tensors: %s", async (_name, tensors, message) => {
    const folder = await peft({ tensors });
    expect(() => readPeftAdapter(folder, llama)).toThrow(FormatError);
    expect(() => readPeftAdapter(folder, llama)).toThrow(message);
  });

  it("files: no config, no JSON, pickled weights, no weights", async () => {
    const empty = newFolder();
    expect(() => readPeftAdapter(empty, llama)).toThrow(/adapter_config\.json: cannot be read/);
    const folder = await peft();
    const config = readFileSync(join(folder, "adapter_config.json"));
    for (const text of ["", "[]", "null", '{"r": NaN}']) {
      writeFileSync(join(folder, "adapter_config.json"), text);
      expect(() => readPeftAdapter(folder, llama)).toThrow(/bad PEFT adapter: adapter_config\.json/);
    }
    writeFileSync(join(folder, "adapter_config.json"), config);
    rmSync(join(folder, "adapter_model.safetensors"));
    expect(() => readPeftAdapter(folder, llama)).toThrow(/bad safetensors: file: does not exist/);
    writeFileSync(join(folder, "adapter_model.bin"), "x");
    expect(() => readPeftAdapter(folder, llama)).toThrow(/pickled weights are not read/);
  });
});
