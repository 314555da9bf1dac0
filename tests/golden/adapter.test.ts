/** Adapter files made by PEFT and llama.cpp's converter, read here and put on our forward pass. */
import { describe, expect, it } from "vitest";
import { SafetensorsFile } from "../../src/formats/safetensors.js";
import { OrtBackend } from "../../src/graph/ort-backend.js";
import { adapterInjection } from "../../src/lora/adapter-injection.js";
import { readGgufAdapter } from "../../src/lora/gguf-adapter.js";
import { LINEAR_NAMES } from "../../src/transformer/linear-name.js";
import { Transformer } from "../../src/transformer/transformer.js";
import { sharedPath } from "../support/shared.js";

/** As in forward.test.ts: rounding of float32. */
const TOLERANCE: Readonly<Record<string, number>> = { llama: 1e-4, qwen2: 1e-4, qwen3: 1e-4, gemma3: 5e-5 };
const TOKENS = 64;

const folder = sharedPath("reference");

describe.skipIf(folder === undefined)("adapters, golden (needs ../shared/reference)", () => {
  for (const family of ["llama", "qwen2", "qwen3", "gemma3"]) {
    it(`${family}: the GGUF adapter holds step 10 of the training, to the bit`, () => {
      const adapter = readGgufAdapter(`${folder}/${family}/adapter.gguf`);
      expect(adapter.architecture).toBe(family);
      expect(adapter.config).toEqual({ rank: 4, alpha: 8, targets: LINEAR_NAMES });
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

    it(`${family}: logits with the adapter`, async () => {
      const file = SafetensorsFile.open(`${folder}/${family}/adapter.safetensors`);
      const tokens = Array.from(file.readInts("tokens"));
      const expected = file.readFloats("logits");
      file.close();
      const model = Transformer.open(`${folder}/${family}/model-f32.gguf`, {
        backend: new OrtBackend({ threads: 2 }),
        weights: "f32",
        injection: adapterInjection(readGgufAdapter(`${folder}/${family}/adapter.gguf`)),
      });
      for (const row of [0, 1]) {
        const logits = await model.logits(tokens.slice(row * TOKENS, (row + 1) * TOKENS));
        const wanted = expected.subarray(row * logits.length, (row + 1) * logits.length);
        const worst = logits.reduce((most, x, i) => Math.max(most, Math.abs(x - (wanted[i] as number))), 0);
        expect(worst).toBeLessThanOrEqual(TOLERANCE[family] as number);
      }
      await model.close();
    });
  }
});
