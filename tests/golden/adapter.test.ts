/** Adapter files made by PEFT and llama.cpp's converter, read here and put on our forward pass. */

import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { GgufFile } from "../../src/formats/gguf/gguf-file.js";
import { readLoadableModel } from "../../src/formats/gguf/gguf-loadable.js";
import { SafetensorsFile } from "../../src/formats/safetensors/safetensors-file.js";
import { OrtBackend } from "../../src/graph/ort-backend.js";
import { readGgufAdapter } from "../../src/lora/gguf-adapter.js";
import { mergeAdapter } from "../../src/lora/merge-adapter.js";
import { readPeftAdapter, writePeftAdapter } from "../../src/lora/peft-adapter.js";
import { linearsOfAll } from "../../src/transformer/linear-name.js";
import { readModel } from "../../src/transformer/read-model.js";
import { Transformer } from "../../src/transformer/transformer.js";
import { adapterInjection } from "../support/adapter-injection.js";
import { readInts } from "../support/read-ints.js";
import { sharedPath } from "../support/shared.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

/** As in forward.test.ts: rounding of float32; 1e-4 for all others. */
const TOLERANCE: Readonly<Record<string, number>> = { llama: 1e-4, qwen2: 1e-4, qwen3: 1e-4, gemma3: 5e-5 };
/** As in forward.test.ts: float16 keeps 11 bits of a weight, summed over 256 terms per product and three layers. */
const FLOAT16_TOLERANCE = 2e-2;
const FAMILIES = [
  ...["llama", "qwen2", "qwen3", "gemma3"],
  ...["smollm3", "granite", "minicpm", "llama3-rope", "phi3", "phi3-partial", "lfm2"],
];
const TOKENS = 64;

const folder = sharedPath("reference");
const newFolder = useTemporaryFolder();

describe.skipIf(folder === undefined)("adapters, golden (needs ../shared/reference)", () => {
  for (const family of FAMILIES) {
    it(`${family}: the GGUF adapter holds step 10 of the training, to the bit`, () => {
      const adapter = readGgufAdapter(`${folder}/${family}/adapter.gguf`);
      const { config } = readModel(readLoadableModel(`${folder}/${family}/model-f32.gguf`));
      expect(adapter.architecture).toBe(config.family);
      expect(adapter.config).toEqual({ rank: 4, alpha: 8, targets: linearsOfAll(config.layers) });
      const train = SafetensorsFile.open(`${folder}/${family}/train.safetensors`);
      const names = [...train.tensors.keys()].filter(
        (name) => name.startsWith("step10.") && name.endsWith(".lora_a"),
      );
      expect(adapter.pairs.size).toBe(names.length);
      for (const [name, { a, b }] of adapter.pairs) {
        expect(a).toEqual(train.readFloats(`step10.${name}.lora_a`));
        expect(b).toEqual(train.readFloats(`step10.${name}.lora_b`));
      }
      train.close();
    });

    it(`${family}: PEFT directory and GGUF adapter are the same adapter, both ways`, async () => {
      const { config } = readModel(readLoadableModel(`${folder}/${family}/model-f32.gguf`));
      const fromGguf = readGgufAdapter(`${folder}/${family}/adapter.gguf`);
      const fromPeft = readPeftAdapter(`${folder}/${family}/adapter-peft`, config);
      expect(fromPeft.config).toEqual(fromGguf.config);
      expect([...fromPeft.pairs]).toEqual([...fromGguf.pairs]);
      const written = newFolder();
      await writePeftAdapter(written, fromGguf, config);
      const ours = SafetensorsFile.open(join(written, "adapter_model.safetensors"));
      const theirs = SafetensorsFile.open(`${folder}/${family}/adapter-peft/adapter_model.safetensors`);
      expect([...ours.tensors.keys()].sort()).toEqual([...theirs.tensors.keys()].sort());
      for (const [name, { shape }] of theirs.tensors) {
        expect(ours.tensors.get(name)?.shape).toEqual(shape);
        expect(ours.readFloats(name)).toEqual(theirs.readFloats(name));
      }
      ours.close();
      theirs.close();
    });

    it(`${family}: merged in float32 or float16 is base and adapter`, async () => {
      const file = SafetensorsFile.open(`${folder}/${family}/adapter.safetensors`);
      const tokens = Array.from(readInts(file, "tokens")).slice(0, TOKENS);
      const expected = file.readFloats("logits");
      file.close();
      for (const [type, tolerance] of [
        ["F32", TOLERANCE[family] ?? 1e-4],
        ["F16", FLOAT16_TOLERANCE],
      ] as const) {
        const merged = join(newFolder(), "merged.gguf");
        const [base, adapter] = [`${folder}/${family}/model-f32.gguf`, `${folder}/${family}/adapter.gguf`];
        await mergeAdapter(base, adapter, merged, type);
        const model = Transformer.open(merged, { backend: new OrtBackend({ threads: 1 }), weights: "f32" });
        const logits = await model.logits(tokens);
        const worst = logits.reduce((most, x, i) => Math.max(most, Math.abs(x - (expected[i] as number))), 0);
        expect(worst, type).toBeLessThanOrEqual(tolerance);
        await model.close();
      }
    });

    it(`${family}: logits with the adapter`, async () => {
      const file = SafetensorsFile.open(`${folder}/${family}/adapter.safetensors`);
      const tokens = Array.from(readInts(file, "tokens"));
      const expected = file.readFloats("logits");
      file.close();
      const model = Transformer.open(`${folder}/${family}/model-f32.gguf`, {
        backend: new OrtBackend({ threads: 1 }),
        weights: "f32",
        injection: adapterInjection(readGgufAdapter(`${folder}/${family}/adapter.gguf`)),
      });
      for (const row of [0, 1]) {
        const logits = await model.logits(tokens.slice(row * TOKENS, (row + 1) * TOKENS));
        const wanted = expected.subarray(row * logits.length, (row + 1) * logits.length);
        const worst = logits.reduce((most, x, i) => Math.max(most, Math.abs(x - (wanted[i] as number))), 0);
        expect(worst).toBeLessThanOrEqual(TOLERANCE[family] ?? 1e-4);
      }
      await model.close();
    });
  }

  it("llama: our merge is PEFT's, matrix by matrix", async () => {
    const merged = join(newFolder(), "merged.gguf");
    await mergeAdapter(`${folder}/llama/model-f32.gguf`, `${folder}/llama/adapter.gguf`, merged, "F32");
    const ours = GgufFile.open(merged);
    const theirs = GgufFile.open(`${folder}/llama/merged-f32.gguf`);
    expect([...ours.tensors.keys()].sort()).toEqual([...theirs.tensors.keys()].sort());
    for (const name of theirs.tensors.keys()) {
      const expected = theirs.readFloats(name);
      const worst = ours
        .readFloats(name)
        .reduce((most, x, i) => Math.max(most, Math.abs(x - (expected[i] as number))), 0);
      // Weights are below 0.5; PEFT sums in float32, which rounds the update and the sum once each.
      expect(worst, name).toBeLessThanOrEqual(1e-7);
    }
    ours.close();
    theirs.close();
  });
});
