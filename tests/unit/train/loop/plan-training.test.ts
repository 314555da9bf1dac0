/** @file Plans of real models' sizes: within the limit, or refused before anything is loaded. */
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { readGgufHeader } from "../../../../src/formats/gguf/read-gguf-header.js";
import { type PassWork, planMemory } from "../../../../src/train/loop/memory-plan.js";
import { type PlanOptions, planTraining } from "../../../../src/train/loop/plan-training.js";
import type { ModelConfig } from "../../../../src/transformer/model-config.js";
import { readModel } from "../../../../src/transformer/read-model.js";
import { planWeights } from "../../../../src/transformer/weight-plan.js";
import { HEADER_SIZES, writeHeaderGguf } from "../../../support/header-gguf.js";
import { useTemporaryFolder } from "../../../support/temporary-folder.js";

const newFolder = useTemporaryFolder();
const BUDGET = 4096;
/** 70 % of what is free on machines of these sizes. */
const LIMITS = [4e9, 8e9, 16e9].map((bytes) => 0.7 * bytes);
const LENGTHS = [512, 3000];
const configs = new Map<string, ModelConfig>();

beforeAll(() => {
  const folder = newFolder();
  for (const size of HEADER_SIZES) {
    const path = writeHeaderGguf(join(folder, `${size.name}.gguf`), size);
    configs.set(size.name, readModel(readGgufHeader(path)).config);
  }
});

/** Rank 16 on all seven matrices. */
function parameterCount({
  layerCount,
  hiddenSize: D,
  headCount,
  kvHeadCount,
  headSize,
  feedForwardSize: F,
}: ModelConfig) {
  const [q, kv] = [headCount * headSize, kvHeadCount * headSize];
  return 16 * layerCount * (2 * (D + q) + 2 * (D + kv) + 3 * (D + F));
}

/** Passes as full as allowed, many sizes, a third of the tokens predicting. */
const workAt = (tokenBudget: number): PassWork => ({
  tokenCount: tokenBudget,
  actionCount: Math.round(tokenBudget / 3),
  hasManySizes: true,
  layoutCount: 15,
  blockCount: 15 * 30,
});

const optionsOf = (config: ModelConfig, limitBytes: number, longestExample: number): PlanOptions => ({
  weights: "auto",
  tokenBudget: BUDGET,
  longestExample,
  parameterCount: parameterCount(config),
  limitBytes,
  workAt,
});

describe("planTraining", () => {
  it.each(
    HEADER_SIZES.flatMap(({ name }) =>
      LIMITS.flatMap((limit) => LENGTHS.map((length) => ({ name, limit, length }))),
    ),
  )("$name in $limit bytes, examples of $length tokens: fits, or is refused", ({ name, limit, length }) => {
    const config = configs.get(name) as ModelConfig;
    const options = optionsOf(config, limit, length);
    let plan: ReturnType<typeof planTraining>;
    try {
      plan = planTraining(config, options);
    } catch (error) {
      expect(error).toMatchObject({
        code: "not-enough-memory",
        message: expect.stringContaining("at least"),
      });
      // Nothing smaller was overlooked.
      const smallest = {
        ...workAt(length),
        parameterCount: options.parameterCount,
        layoutCount: 0,
        blockCount: 0,
      };
      for (const form of ["f32", "f16", "streamed"] as const)
        expect(planMemory(config, smallest, planWeights(config, limit, form), limit).bytes).toBeGreaterThan(
          limit,
        );
      return;
    }
    expect(plan.memory.bytes).toBeLessThanOrEqual(limit);
    expect(plan.tokenBudget).toBeGreaterThanOrEqual(length);
    expect(plan.tokenBudget).toBeLessThanOrEqual(BUDGET);
    // What was promised is what such passes take.
    const work = { ...workAt(plan.tokenBudget), parameterCount: options.parameterCount };
    expect(planMemory(config, work, plan.weights, limit)).toEqual(
      expect.objectContaining({ bytes: plan.memory.bytes, keptLayerCount: plan.memory.keptLayerCount }),
    );
  });

  it("takes the fastest form, then smaller passes, and says so", () => {
    const planOf = (name: string, limit: number) => {
      const config = configs.get(name) as ModelConfig;
      const { weights, tokenBudget, memory } = planTraining(config, optionsOf(config, limit, 512));
      return { cache: weights.cache, tokenBudget, reason: memory.reason };
    };
    expect(planOf("SmolLM2-135M", 16e9)).toMatchObject({ cache: "f32", tokenBudget: BUDGET });
    // These went over their limits before: float16 weights were chosen for all of them.
    expect(planOf("Qwen3-4B", 11.2e9).cache).toBe("streamed");
    expect(planOf("Qwen2.5-1.5B", 5.6e9).cache).toBe("streamed");
    const small = planOf("Qwen3-4B", 5.6e9);
    expect(small).toMatchObject({ cache: "streamed" });
    expect(small.tokenBudget).toBeLessThan(BUDGET);
    expect(small.reason).toContain(`passes of up to ${small.tokenBudget} tokens instead of ${BUDGET}`);
  });

  it("keeps to a form that was asked for, and to the passes of a run that goes on", () => {
    const config = configs.get("Qwen2.5-1.5B") as ModelConfig;
    const options = optionsOf(config, 5.6e9, 512);
    expect(() => planTraining(config, { ...options, weights: "f32" })).toThrow("training takes at least");
    expect(planTraining(config, { ...options, weights: "f16", limitBytes: 11e9 }).weights.cache).toBe("f16");
    const tight = { ...optionsOf(configs.get("Qwen3-4B") as ModelConfig, 5.6e9, 512), isBudgetFixed: true };
    expect(() => planTraining(configs.get("Qwen3-4B") as ModelConfig, tight)).toThrow(
      `up to ${BUDGET} tokens`,
    );
  });

  it("counts the base's passes, states that are kept, and only the layers that train", () => {
    const config = configs.get("SmolLM2-360M") as ModelConfig;
    const weights = planWeights(config, 16e9, "f32");
    const work = { tokenCount: 2048, actionCount: 600, parameterCount: 0, epochTokenCount: 20_000 };
    const plain = planMemory(config, work, weights, 16e9);
    const anchored = planMemory(config, { ...work, isAnchored: true }, weights, 16e9);
    const top = planMemory(config, { ...work, trainedLayerCount: 8 }, weights, 16e9);
    const states = 4 * 960 * 20_000;
    expect([plain, anchored, top].map(({ stateBytes }) => stateBytes)).toEqual([0, states, states]);
    expect(anchored.bytes - plain.bytes).toBeGreaterThanOrEqual(states + 4 * 2048 * 960);
    expect(top.keptLayerCount).toBe(8);
    // Another adapter that is kept.
    const copied = planMemory(config, { ...work, copiedFloats: 1e6 }, weights, 16e9);
    expect(copied.bytes - plain.bytes).toBe(4e6);
    // Inputs and products of 24 layers less.
    expect(plain.bytes - top.bytes).toBeGreaterThan(24 * 4 * 2048 * 960);
  });
});
