/** @file Objectives over token tries: one pass or many give the same, which finite differences confirm. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { makeTinyGguf } from "w4s/testing";
import { Random } from "../../../../src/core/random.js";
import { GgufFile } from "../../../../src/formats/gguf/gguf-file.js";
import type { LoraConfig } from "../../../../src/lora/lora-adapter.js";
import { actionExample, type TokenExample } from "../../../../src/train/data/example.js";
import type { TokenTrie } from "../../../../src/train/data/token-trie.js";
import { ModelGradients } from "../../../../src/train/gradients/model-gradients.js";
import { type ComparedName, OBJECTIVE_TABLE } from "../../../../src/train/loop/objective.js";
import { ReplyComparison } from "../../../../src/train/loop/reply-comparison.js";
import { readModel } from "../../../../src/transformer/read-model.js";
import { WeightStore } from "../../../../src/transformer/weight-store.js";
import { randomAdapter } from "../../../support/random-adapter.js";
import { ReferenceBackend } from "../../../support/reference-backend.js";
import { useTemporaryFolder } from "../../../support/temporary-folder.js";

const SEED = 5;
const STEP = 2e-3;
/** Buffers between layers are float32, as in the gradients of all weights. */
const ABSOLUTE_ERROR = 1e-3;
const RELATIVE_ERROR = 0.02;
const ROUNDING = 1e-4;
/** Wide, so that no ratio of these parameters lies on the edge, where there is no derivative. */
const FIGURES = { beta: 0.5, clip: 0.9, pairGap: 0.1 };
const LORA: LoraConfig = { rank: 2, alpha: 4, targets: ["attn_q", "ffn_down"] };

type Parameters = Map<string, Float32Array>;
const newFolder = useTemporaryFolder();

/** Four replies to one prompt and two to another of the same group; one of its own that nothing is known of. */
function drawExamples(): TokenExample[] {
  const random = new Random(SEED);
  const draw = (length: number) => Int32Array.from({ length }, () => random.integer(3, 200));
  const prompts = [draw(6), draw(5)];
  const reply = (prompt: number, length: number, weight: number) =>
    actionExample({
      promptTokens: prompts[prompt] as Int32Array,
      actionTokens: draw(length),
      weight,
      group: "episode",
    });
  return [
    reply(0, 3, 1),
    reply(0, 4, -0.6),
    reply(0, 2, 0.4),
    reply(0, 3, -0.9),
    reply(1, 4, 0.8),
    reply(1, 3, -0.7),
    actionExample({ promptTokens: draw(4), actionTokens: draw(3), weight: 0, group: "other" }),
  ];
}

function setUp() {
  const path = makeTinyGguf(join(newFolder(), "tiny.gguf"), {
    vocab: 260,
    blocks: 1,
    width: 32,
    hasRandomNorms: true,
  });
  const file = GgufFile.open(path);
  const model = readModel(file.header);
  const gradients = new ModelGradients({
    model,
    weights: new WeightStore(file, "f32"),
    backend: new ReferenceBackend(),
    lora: LORA,
  });
  const pairs = (seed: number): Parameters =>
    new Map(
      [...randomAdapter(model.config, LORA, { seed }).pairs].flatMap(([name, { a, b }]) => [
        [`${name}.lora_a`, a] as const,
        [`${name}.lora_b`, b] as const,
      ]),
    );
  const close = async () => {
    await gradients.close();
    file.close();
  };
  return { gradients, startParameters: pairs(1), parameters: pairs(2), close };
}

type Bench = ReturnType<typeof setUp>;

/** Loss and gradients of an update, in passes of at most `tokenBudget` tokens. */
async function update(
  { gradients, startParameters, parameters }: Bench,
  objective: ComparedName,
  tokenBudget: number,
) {
  const examples = drawExamples();
  const options = { objective, figures: FIGURES, packing: { tokenBudget }, examples, startParameters };
  const comparison = new ReplyComparison(options);
  const packed = comparison.pack(examples);
  const objectives = await comparison.objectives(gradients, examples, packed, (pass) =>
    gradients.logProbs(packed.tries[pass]!, parameters),
  );
  const sums = new Map([...parameters].map(([name, { length }]) => [name, new Float32Array(length)]));
  let loss = 0;
  for (const [pass, trie] of packed.tries.entries())
    loss += await gradients.add(trie, parameters, sums, { objective: objectives[pass] });
  const evaluated = await comparison.loss(gradients, examples, parameters);
  return { loss, sums, evaluated, passes: packed.tries.length, tokens: packed.tries[0]!.tokens.length };
}

describe("an update that compares replies", () => {
  for (const objective of Object.keys(OBJECTIVE_TABLE) as ComparedName[]) {
    it(`${objective}: a trie is its sequences alone, and has the slope of finite differences`, async () => {
      const bench = setUp();
      const together = await update(bench, objective, 1000);
      const alone = await update(bench, objective, 10);
      // The example that says nothing is not computed.
      expect([together.passes, together.tokens, alone.passes]).toEqual([1, 6 + 12 + 5 + 7, 6]);
      expect(alone.loss).toBeCloseTo(together.loss, 5);
      expect(together.evaluated).toBeCloseTo(together.loss, 6);
      for (const [name, values] of together.sums)
        for (const [i, value] of values.entries())
          expect(Math.abs(alone.sums.get(name)![i]! - value), `${name}[${i}]`).toBeLessThan(ROUNDING);
      for (const [name, gradient] of together.sums) {
        const at = gradient.reduce((best, g, i) => (Math.abs(g) > Math.abs(gradient[best]!) ? i : best), 0);
        const values = bench.parameters.get(name)!;
        const before = values[at]!;
        const lossAt = async (value: number) => {
          values[at] = value;
          return (await update(bench, objective, 1000)).evaluated;
        };
        const slope = ((await lossAt(before + STEP)) - (await lossAt(before - STEP))) / (2 * STEP);
        values[at] = before;
        const bound = ABSOLUTE_ERROR + RELATIVE_ERROR * Math.abs(slope);
        expect(Math.abs(gradient[at]! - slope), `${name}[${at}]: ${gradient[at]}, ${slope}`).toBeLessThan(
          bound,
        );
        if (name.endsWith("lora_b")) expect(Math.abs(slope), name).toBeGreaterThan(ABSOLUTE_ERROR);
      }
      await bench.close();
    });
  }

  it.each(["preference", "group", "kto"] as const)(
    "%s: says which passes come without a gradient",
    async (objective) => {
      const examples = drawExamples();
      const packing = { tokenBudget: 10 };
      const comparison = new ReplyComparison({
        ...{ objective, figures: FIGURES, packing, examples },
        startParameters: new Map(),
      });
      const packed = comparison.pack(examples);
      let atStart = 0;
      let atNow = 0;
      const zeros = ({ targets }: { targets: readonly unknown[] }) => new Float64Array(targets.length);
      const gradients = {
        logProbs: async (trie: TokenTrie) => {
          atStart++;
          return zeros(trie);
        },
      } as unknown as ModelGradients;
      for (let epoch = 0; epoch < 2; epoch++) {
        await comparison.objectives(gradients, examples, packed, async (pass) => {
          atNow++;
          return zeros(packed.tries[pass]!);
        });
      }
      expect(atStart).toBe(comparison.startPasses().length);
      expect(atNow).toBe(2 * comparison.before(packed).length);
      expect([atStart, atNow]).toEqual([6, objective === "group" ? 0 : 12]);
    },
  );

  it("begins at the loss of no difference", async () => {
    const bench = setUp();
    const same = { ...bench, parameters: bench.startParameters };
    expect((await update(same, "preference", 1000)).loss).toBeCloseTo(Math.LN2, 4);
    // Every ratio is 1: minus the mean of the weights, over all seven examples.
    expect((await update(same, "group", 1000)).loss).toBeCloseTo(0, 4);
    expect((await update(same, "kto", 1000)).loss).toBeCloseTo((1 + 0.6 + 0.4 + 0.9 + 0.8 + 0.7) / 14, 3);
    await bench.close();
  });
});
