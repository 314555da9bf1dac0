import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FormatError, StorageError } from "../../../src/core/errors.js";
import { readLoadableModel } from "../../../src/formats/gguf/gguf-loadable.js";
import { makeTinyGguf, type TinyFamily } from "../../../src/formats/gguf/make-tiny-gguf.js";
import { SafetensorsFile } from "../../../src/formats/safetensors/safetensors-file.js";
import { writeSafetensors } from "../../../src/formats/safetensors/write-safetensors.js";
import type { LoraPair } from "../../../src/lora/lora-adapter.js";
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

/** scale · B [out, rank] · A [rank, in], row by row. */
function update(
  a: Float32Array,
  b: Float32Array,
  [outSize, inSize, rank]: [number, number, number],
  scale: number,
): number[] {
  return Array.from({ length: outSize * inSize }, (_, at) => {
    let sum = 0;
    for (let r = 0; r < rank; r++)
      sum += (b[Math.floor(at / inSize) * rank + r] as number) * (a[r * inSize + (at % inSize)] as number);
    return scale * sum;
  });
}

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
  const interleaved = ["llama", "smollm3", "granite", "minicpm"];
  for (const family of [...interleaved, "qwen2", "qwen3", "gemma3"] as TinyFamily[]) {
    it(`${family}: is an identity; q and k of interleaved pairs are written in another order`, async () => {
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
      expect(isMoved("attn_q", "self_attn.q_proj")).toBe(interleaved.includes(family));
      expect(isMoved("attn_k", "self_attn.k_proj")).toBe(interleaved.includes(family));
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

  it("phi3 and lfm2: is an identity under the names of their own modules", async () => {
    const modules = {
      phi3: ["mlp.down_proj", "mlp.gate_up_proj", "self_attn.o_proj", "self_attn.qkv_proj"],
      lfm2: [
        ...["conv.in_proj", "conv.out_proj", "feed_forward.w1", "feed_forward.w2", "feed_forward.w3"],
        ...["self_attn.k_proj", "self_attn.out_proj", "self_attn.q_proj", "self_attn.v_proj"],
      ],
    };
    for (const [family, expected] of Object.entries(modules)) {
      const model = modelOf(family as TinyFamily);
      const adapter = randomAdapter(model, { rank: 2, alpha: 4, targets: LINEAR_NAMES });
      const folder = newFolder();
      await writePeftAdapter(folder, adapter, model, "org/name");
      expect(readPeftAdapter(folder, model)).toEqual({ ...adapter, origin: { baseName: "org/name" } });
      const file = SafetensorsFile.open(join(folder, "adapter_model.safetensors"));
      const found = [...file.tensors.keys()].map((key) => /layers\.\d+\.(.+)\.lora_/.exec(key)?.[1]);
      expect([...new Set(found)].sort()).toEqual(expected);
      file.close();
      const config = JSON.parse(readFileSync(join(folder, "adapter_config.json"), "utf8"));
      const names = new Set(expected.map((name) => name.split(".")[1]));
      expect([...config.target_modules].sort()).toEqual([...names].sort());
    }
  });

  it("gemma3: models that also see have a language half, which 34 layers and more tell", async () => {
    const model = modelOf("gemma3");
    for (const [layerCount, path] of [
      [26, "model.layers"],
      [34, "model.language_model.layers"],
    ] as const) {
      const folder = newFolder();
      const adapter = randomAdapter(model, { rank: 2, alpha: 4, targets: ["attn_q"] });
      await writePeftAdapter(folder, adapter, { ...model, layerCount });
      const file = SafetensorsFile.open(join(folder, "adapter_model.safetensors"));
      expect([...file.tensors.keys()]).toContain(`base_model.model.${path}.0.self_attn.q_proj.lora_A.weight`);
      file.close();
      expect(readPeftAdapter(folder, model).pairs).toEqual(adapter.pairs);
    }
  });

  it("rsLoRA: plain LoRA with alpha · √rank", async () => {
    const plain = readPeftAdapter(await peft(), llama);
    const stable = readPeftAdapter(await peft({ config: { use_rslora: true } }), llama);
    expect(stable.config).toEqual({ ...plain.config, alpha: 4 * Math.sqrt(2) });
    expect(stable.pairs).toEqual(plain.pairs);
  });

  it.each([false, true])(
    "ranks and alphas of single modules mean what they say, rsLoRA %s",
    async (isStable) => {
      // Names by their end, by a whole path, by an expression; the first that fits counts.
      const folder = await peft({
        config: {
          use_rslora: isStable,
          rank_pattern: { "model.layers.1.self_attn.q_proj": 3, "layers\\.0\\.mlp\\..*": 1, up_proj: 2 },
          alpha_pattern: { "^model.layers.0.self_attn.q_proj": 5, proj: 99, up_proj: 6 },
        },
        tensors: (tensors) => {
          const resize = (module: string, rank: number) => {
            for (const half of ["A", "B"] as const) {
              const key = `base_model.model.model.layers.${module}.lora_${half}.weight`;
              const shape = [...(tensors.get(key) as Tensor).shape];
              shape[half === "A" ? 0 : 1] = rank;
              const data = Float32Array.from(
                { length: (shape[0] as number) * (shape[1] as number) },
                (_, i) => Math.sin(i + rank),
              );
              tensors.set(key, { dtype: "F32", shape, data });
            }
          };
          resize("1.self_attn.q_proj", 3);
          resize("0.mlp.up_proj", 1);
        },
      });
      const file = SafetensorsFile.open(join(folder, "adapter_model.safetensors"));
      const { config, pairs } = readPeftAdapter(folder, llama);
      expect(config.rank).toBe(3);
      const own = {
        "0.self_attn.q_proj": ["blk.0.attn_q.weight", 2, 5],
        "1.self_attn.q_proj": ["blk.1.attn_q.weight", 3, 4],
        "0.mlp.up_proj": ["blk.0.ffn_up.weight", 1, 6],
        "1.mlp.up_proj": ["blk.1.ffn_up.weight", 2, 6],
      } as const;
      for (const [module, [name, rank, alpha]] of Object.entries(own)) {
        const half = (letter: string) =>
          file.readFloats(`base_model.model.model.layers.${module}.lora_${letter}.weight`);
        const { a, b, inSize, outSize } = pairs.get(name) as LoraPair;
        const rows = module.includes("q_proj") ? permuteRows(half("B"), llama, rank, "to-gguf") : half("B");
        const wanted = update(
          half("A"),
          rows,
          [outSize, inSize, rank],
          alpha / (isStable ? Math.sqrt(rank) : rank),
        );
        const found = update(a, b, [outSize, inSize, 3], config.alpha / 3);
        // B is rounded to float32 once more where its scale changes.
        const bound = 2e-7 * Math.max(...wanted.map(Math.abs));
        expect(
          Math.max(...wanted.map((value, i) => Math.abs(value - (found[i] as number)))),
          name,
        ).toBeLessThan(bound);
      }
      file.close();
    },
  );

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
    [{ use_rslora: "yes" }, /use_rslora: is "yes"/],
    [{ use_qalora: true }, /QALoRA/],
    [{ fan_in_fan_out: true }, /transposed weights/],
    [{ rank_pattern: { q_proj: 8 } }, /has rank 2 and 2, the configuration says 8/],
    [{ rank_pattern: { q_proj: 2.5 } }, /rank_pattern: is 2.5 for "q_proj", expected a number above 0/],
    [{ rank_pattern: "q_proj" }, /rank_pattern: is "q_proj", expected an object/],
    [{ alpha_pattern: { q_proj: "8" } }, /alpha_pattern: is "8" for "q_proj"/],
    [{ alpha_pattern: { "(": 8 } }, /alpha_pattern: has the pattern "\(": Invalid regular expression/],
    [{ alpha_pattern: { "(.*.*)*(.*.*)*x": 8 } }, /alpha_pattern: has the pattern .*timed out/],
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
