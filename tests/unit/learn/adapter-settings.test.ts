/** @file Settings of the trainer from the `learn` section. */
import { describe, expect, it } from "vitest";
import { learnSchema } from "../../../src/config/learn-schema.js";
import { adapterSettings } from "../../../src/learn/adapter-settings.js";

describe("adapterSettings", () => {
  const rate = (parameters: number) => adapterSettings(learnSchema.parse({}), parameters).learningRate;

  it("has a rate that falls from the measured 2e-3 at 135 M to QLoRA's 2e-4 at 13 B", () => {
    expect([2e6, 135e6, 0.5e9, 13e9].map(rate)).toEqual([0.002, 0.002, 0.001, 0.0002]);
  });

  it("takes what is given", () => {
    const given = learnSchema.parse({ learningRate: 1e-4, rank: 4, alpha: 8, epochs: 1, batchSize: 2 });
    expect(adapterSettings(given, 2e6)).toMatchObject({
      ...{ learningRate: 1e-4, epochs: 1, batchSize: 2 },
      lora: { rank: 4, alpha: 8 },
    });
  });

  it("let examples push replies away where the objective does, on its leash", () => {
    const settings = (more: object) => adapterSettings(learnSchema.parse(more), 1e6);
    expect(settings({ weighting: "group", kl: 0.2 })).toMatchObject({
      klPenalty: 0.2,
      allowNegativeWeights: true,
    });
    expect(settings({})).toMatchObject({ klPenalty: 0, allowNegativeWeights: false });
  });
});
