/** @file A checkpoint goes on only under the same model, data and settings, and the message lists what changed. */
import { describe, expect, it } from "vitest";
import { ConfigError, InputError } from "../../../../src/core/errors.js";
import { checkSameRun, type RunIdentity } from "../../../../src/train/loop/run-identity.js";

const OLD: RunIdentity = {
  modelHash: "a".repeat(64),
  dataHash: "b".repeat(64),
  config: { lora: { rank: 8, targets: ["attn_q", "attn_v"] }, learningRate: 2e-4, seed: 0 },
};

function refusal(now: RunIdentity): Error {
  try {
    checkSameRun(OLD, now);
  } catch (error) {
    return error as Error;
  }
  throw new Error("the checkpoint was accepted");
}

describe("checkSameRun", () => {
  it("takes equal runs, whatever the order of their settings", () => {
    const config = {
      seed: 0,
      note: undefined,
      learningRate: 2e-4,
      lora: { targets: ["attn_q", "attn_v"], rank: 8 },
    };
    expect(() => checkSameRun(OLD, { ...OLD, config })).not.toThrow();
  });

  it("lists every change as old → new", () => {
    const error = refusal({
      ...OLD,
      dataHash: "c".repeat(64),
      config: { lora: { rank: 16, targets: ["attn_q"] }, seed: 0, clip: 1 },
    });
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toBe(
      "the checkpoint is of another run: data bbbbbbbbbbbb → cccccccccccc; clip not set → 1; " +
        'learningRate 0.0002 → not set; lora.rank 8 → 16; lora.targets ["attn_q","attn_v"] → ["attn_q"]',
    );
  });

  it("refuses other numbers of the base, where the checkpoint tells them", () => {
    const exact = { ...OLD, config: { ...OLD.config, weightForm: "exact" } };
    const f16 = { ...OLD, config: { ...OLD.config, weightForm: "f16" } };
    expect(() => checkSameRun(exact, f16)).toThrow('of another run: weightForm "exact" → "f16"');
    expect(() => checkSameRun(OLD, f16)).not.toThrow();
  });

  it("counts another base model as a wrong input file", () => {
    const error = refusal({ ...OLD, modelHash: "d".repeat(64), config: { ...OLD.config, seed: 1 } });
    expect(error).toBeInstanceOf(InputError);
    expect(error.message).toMatch(/: model aaaaaaaaaaaa → dddddddddddd; seed 0 → 1$/);
  });
});
