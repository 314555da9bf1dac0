/** @file Examples: what is refused and in which words, and how long prompts are cut. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InputError } from "../../../../src/core/errors.js";
import {
  actionExample,
  checkExamples,
  type ExampleLimits,
  type TokenExample,
  targetCount,
  usedLength,
} from "../../../../src/train/data/example.js";
import { tokenExample } from "../../../support/token-samples.js";

const SEED = Number(process.env.W4S_TEST_SEED ?? 20_261_125);
const LIMITS: ExampleLimits = { vocabSize: 100, contextLength: 64 };

function example(prompt: number[], action: number[], weight = 1, group = "g"): TokenExample {
  return actionExample({
    promptTokens: Int32Array.from(prompt),
    actionTokens: Int32Array.from(action),
    weight,
    group,
  });
}

const range = (length: number, first = 0) => Array.from({ length }, (_, i) => first + i);

function refusal(examples: TokenExample[], limits: Partial<ExampleLimits> = {}): InputError {
  try {
    checkExamples(examples, { ...LIMITS, ...limits });
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    expect((error as InputError).hint).toBeTruthy();
    return error as InputError;
  }
  throw new Error("the examples were accepted");
}

describe("actionExample", () => {
  it("makes targets of the action's tokens, and never of a first token", () => {
    const plain = example([1, 2, 3], [4, 5]);
    expect([...plain.tokens]).toEqual([1, 2, 3, 4, 5]);
    expect([...plain.lossMask]).toEqual([0, 0, 0, 1, 1]);
    expect([...example([], [4, 5]).lossMask]).toEqual([0, 1]);
    expect([usedLength(plain), targetCount(plain)]).toEqual([5, 2]);
  });
});

describe("checkExamples", () => {
  const good = example([1, 2], [3]);

  it("takes good examples as they are", () => {
    fc.assert(
      fc.property(fc.array(tokenExample, { minLength: 1, maxLength: 6 }), (examples) => {
        const checked = checkExamples(examples, LIMITS);
        expect(checked.shortened).toEqual([]);
        expect(checked.examples.every((kept, i) => kept === examples[i])).toBe(true);
      }),
      { seed: SEED, numRuns: 100 },
    );
  });

  it.each<[string, TokenExample[], RegExp]>([
    ["no examples", [], /no examples/],
    [
      "only weights of 0",
      [
        { ...good, weight: 0 },
        { ...good, weight: 0 },
      ],
      /all 2 examples have weight 0/,
    ],
    ["a weight that is not a number", [good, { ...good, weight: Number.NaN }], /example 1 .*weight is NaN/],
    ["an infinite weight", [{ ...good, weight: Number.POSITIVE_INFINITY }], /example 0 .*Infinity/],
    ["a negative weight", [good, good, { ...good, weight: -0.5 }], /example 2 .*weight is -0.5/],
    ["a token id too high", [good, example([1, 2], [100])], /example 1 .*token 2 has the id 100.*0 to 99/],
    ["a token id below 0", [example([-1], [3])], /token 0 has the id -1/],
    ["no target", [{ ...good, lossMask: new Uint8Array(3) }], /no token is a target/],
    ["no tokens", [example([], [])], /no token is a target/],
    ["a first token as target", [{ ...good, lossMask: Uint8Array.of(1, 0, 1) }], /first token is a target/],
    [
      "a mask of another length",
      [{ ...good, lossMask: Uint8Array.of(0, 1) }],
      /3 tokens have a loss mask of 2/,
    ],
    ["a mask that is not 0 or 1", [{ ...good, lossMask: Uint8Array.of(0, 0, 7) }], /loss mask is 7 at 2/],
    ["too long an example", [good, example(range(60), range(5))], /example 1 .*65 tokens.*64 fit/],
  ])("refuses %s", (_, examples, message) => {
    expect(refusal(examples).message).toMatch(message);
  });

  it("takes a negative weight when asked to, and single weights of 0", () => {
    const examples = [good, { ...good, weight: -0.5 }, { ...good, weight: 0 }];
    expect(checkExamples(examples, { ...LIMITS, allowNegativeWeights: true }).examples).toEqual(examples);
  });

  it("measures length up to the last target", () => {
    const long = example(range(10), range(70));
    long.lossMask.fill(0, 64);
    expect(checkExamples([long], LIMITS).examples[0]).toBe(long);
  });

  it("cuts the prompt's middle and keeps the action", () => {
    const { examples, shortened } = checkExamples([good, example(range(20, 10), [1, 2, 3])], {
      ...LIMITS,
      contextLength: 10,
      truncate: "middle",
    });
    expect(examples[0]).toBe(good);
    expect([...(examples[1] as TokenExample).tokens]).toEqual([10, 11, 12, 13, 27, 28, 29, 1, 2, 3]);
    expect([...(examples[1] as TokenExample).lossMask]).toEqual([0, 0, 0, 0, 0, 0, 0, 1, 1, 1]);
    expect(shortened).toEqual([{ index: 1, removedTokens: 13 }]);
  });

  it("cuts equal prompts of a group alike, so that they are still shared", () => {
    const prompt = range(20, 10);
    const { examples, shortened } = checkExamples(
      [
        example(prompt, [1, 2, 3]),
        example(prompt, [1, 2, 3, 4]),
        example(prompt, [5]),
        example(prompt, [5], 1, "other"),
      ],
      { ...LIMITS, contextLength: 22, truncate: "middle" },
    );
    expect(shortened).toEqual([0, 1, 2].map((index) => ({ index, removedTokens: 2 })));
    expect(examples.map(({ tokens }) => tokens.length)).toEqual([21, 22, 19, 21]);
    const kept = examples.slice(0, 3).map(({ tokens }) => tokens.subarray(0, 18).join());
    expect(new Set(kept).size).toBe(1);
  });

  it("refuses to cut away a whole prompt", () => {
    const limits = { contextLength: 10, truncate: "middle" } as const;
    expect(refusal([example([1, 2, 3], range(10))], limits).message).toMatch(/only 3 to cut from/);
    expect(checkExamples([example([1, 2, 3], range(9))], { ...LIMITS, ...limits }).shortened).toEqual([
      { index: 0, removedTokens: 2 },
    ]);
  });
});
