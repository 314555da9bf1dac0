/** @file What is the same in every epoch is done once: programs by layout, the base's states, states below the trained layers. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { makeTinyGguf } from "w4s/testing";
import { Random } from "../../../../src/core/random.js";
import { GgufFile } from "../../../../src/formats/gguf/gguf-file.js";
import type { Backend } from "../../../../src/graph/backend.js";
import { buildTrie } from "../../../../src/train/data/token-trie.js";
import {
  ModelGradients,
  type ModelGradientsOptions,
} from "../../../../src/train/gradients/model-gradients.js";
import { linearShape } from "../../../../src/transformer/layer-builder.js";
import { LINEAR_NAMES } from "../../../../src/transformer/linear-name.js";
import { readModel } from "../../../../src/transformer/read-model.js";
import { WeightStore } from "../../../../src/transformer/weight-store.js";
import { ReferenceBackend } from "../../../support/reference-backend.js";
import { useTemporaryFolder } from "../../../support/temporary-folder.js";

const LORA = { rank: 2, alpha: 4, targets: LINEAR_NAMES };
const LAYERS = 3;
const newFolder = useTemporaryFolder();

/** Counts what is compiled, run and not yet released. */
class CountingBackend implements Backend {
  readonly name = "counting";
  readonly #inner = new ReferenceBackend();
  compiled = 0;
  runs = 0;
  alive = 0;

  async compile(graph: Parameters<Backend["compile"]>[0]) {
    const program = await this.#inner.compile(graph);
    this.compiled++;
    this.alive++;
    return {
      run: (...given: Parameters<typeof program.run>) => {
        this.runs++;
        return program.run(...given);
      },
      dispose: async () => {
        this.alive--;
        await program.dispose();
      },
    };
  }
}

/** Two groups of replies whose tries have different shapes. */
const TRIES = [
  [
    [1, 2, 3, 4],
    [1, 2, 5, 6, 7],
  ],
  [[1, 8, 9, 10, 11, 12]],
].map((lists) =>
  buildTrie(
    lists.map((tokens) => ({
      tokens: Int32Array.from(tokens),
      lossMask: Uint8Array.from(tokens, (_, i) => (i < 2 ? 0 : 1)),
      coefficient: 0.5,
      evenCoefficient: 0.25,
    })),
  ),
);

function setUp(settings: Partial<ModelGradientsOptions> = {}, firstTrained = 0) {
  const path = makeTinyGguf(join(newFolder(), "tiny.gguf"), {
    family: "llama",
    vocab: 260,
    blocks: LAYERS,
    width: 32,
    hasRandomNorms: true,
  });
  const file = GgufFile.open(path);
  const model = readModel(file.header);
  const random = new Random(3);
  const parameters = new Map<string, Float32Array>();
  const fixed = new Map<string, Float32Array>();
  for (let layer = 0; layer < LAYERS; layer++) {
    for (const name of LINEAR_NAMES) {
      const [inSize, outSize] = linearShape(model.config, name);
      const draw = (length: number) => Float32Array.from({ length }, () => (2 * random.next() - 1) * 0.2);
      const into = layer < firstTrained ? fixed : parameters;
      into.set(`blk.${layer}.${name}.weight.lora_a`, draw(LORA.rank * inSize));
      into.set(`blk.${layer}.${name}.weight.lora_b`, draw(LORA.rank * outSize));
    }
  }
  const backend = new CountingBackend();
  const gradients = new ModelGradients({
    model,
    weights: new WeightStore(file, "f32"),
    backend,
    lora: LORA,
    fixed: firstTrained === 0 ? undefined : fixed,
    firstTrainedLayer: firstTrained,
    ...settings,
  });
  const sums = new Map([...parameters].map(([name, { length }]) => [name, new Float32Array(length)]));
  /** One pass over all tries: the loss, and what it took. */
  const epoch = async () => {
    const before = { compiled: backend.compiled, runs: backend.runs };
    let loss = 0;
    let divergence = 0;
    for (const trie of TRIES)
      loss += await gradients.add(trie, parameters, sums, { onDivergence: (value) => (divergence += value) });
    return {
      loss,
      divergence,
      compiled: backend.compiled - before.compiled,
      runs: backend.runs - before.runs,
    };
  };
  const close = async () => {
    await gradients.close();
    file.close();
    expect(backend.alive).toBe(0);
  };
  return { gradients, parameters, sums, epoch, close, backend };
}

describe("programs", () => {
  it("are kept from epoch to epoch, of layers and of the head", async () => {
    const { epoch, close } = setUp();
    const first = await epoch();
    // Forward and backward of a layer for each of two layouts; norm, its gradient and softmax of four positions for both.
    expect(first.compiled).toBe(7);
    expect(await epoch()).toEqual({ ...first, compiled: 0 });
    await close();
  });

  it("are given up where there is no room for them, and give the same numbers when made again", async () => {
    const kept = setUp();
    const small = setUp({ programBytes: 1 });
    const [first, again] = [await small.epoch(), await small.epoch()];
    expect(again.compiled).toBe(4);
    expect(again.loss).toBe(first.loss);
    await kept.epoch();
    await kept.epoch();
    expect(small.sums).toEqual(kept.sums);
    expect(small.backend.alive).toBeLessThan(kept.backend.alive);
    await small.close();
    await kept.close();
  });
});

describe("states of the base", () => {
  it("are computed once, and the penalty stays what it is", async () => {
    const kept = setUp({ klPenalty: 0.3 });
    const anew = setUp({ klPenalty: 0.3, stateBytes: 0 });
    const [first, second] = [await kept.epoch(), await kept.epoch()];
    // A forward pass for each of two tries is saved.
    expect(first.runs - second.runs).toBe(2 * LAYERS);
    expect(second.divergence).toBe(first.divergence);
    const other = [await anew.epoch(), await anew.epoch()];
    expect(other.map(({ runs }) => runs)).toEqual([first.runs, first.runs]);
    expect(other.map(({ loss }) => loss)).toEqual([first.loss, second.loss]);
    expect(anew.sums).toEqual(kept.sums);
    await kept.close();
    await anew.close();
  });
});

describe("top layers", () => {
  it.each([1, 2])(
    "have the gradients that they have when all layers train, from layer %i on",
    async (from) => {
      const all = setUp();
      const top = setUp({}, from);
      const [whole, first, second] = [await all.epoch(), await top.epoch(), await top.epoch()];
      await all.epoch();
      expect(first.loss).toBe(whole.loss);
      expect(second.loss).toBe(whole.loss);
      // Below, nothing is computed backward, and forward only once.
      expect(first.runs).toBe(whole.runs - 2 * from);
      expect(second.runs).toBe(whole.runs - 4 * from);
      expect(top.sums.size).toBe(((LAYERS - from) / LAYERS) * all.sums.size);
      for (const [name, gradient] of top.sums) expect(gradient, name).toEqual(all.sums.get(name));
      await all.close();
      await top.close();
    },
  );

  it("see the pairs of the layers below as they are, and the base without them", async () => {
    const all = setUp({ klPenalty: 0.3 });
    const top = setUp({ klPenalty: 0.3 }, 2);
    const [whole, first, second] = [await all.epoch(), await top.epoch(), await top.epoch()];
    expect(first.divergence).toBe(whole.divergence);
    expect(second.divergence).toBe(whole.divergence);
    await all.close();
    await top.close();
  });
});
