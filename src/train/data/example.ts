/** @file What the trainer learns from: token ids, a mask of targets and a weight; checked before any work. */
import { InputError } from "../../core/errors.js";

/** One sequence of T tokens. All lengths and positions below count tokens. */
export interface TokenExample {
  /** Prompt, actions and what stands between them [T]. */
  tokens: Int32Array;
  /** 1 where a token is a target, predicted from the token before it; 0 elsewhere [T]. The first is always 0. */
  lossMask: Uint8Array;
  /** Factor of the example's loss; at least 0 unless negative weights are allowed. */
  weight: number;
  /** Examples of one group, such as the candidates of an episode, stay together in the order of data. */
  group: string;
}

/** An example with one action: every action token is a target. The prompt needs at least one token. */
export function actionExample(parts: {
  promptTokens: Int32Array;
  actionTokens: Int32Array;
  weight: number;
  group: string;
}): TokenExample {
  const { promptTokens, actionTokens, weight, group } = parts;
  const tokens = new Int32Array(promptTokens.length + actionTokens.length);
  tokens.set(promptTokens);
  tokens.set(actionTokens, promptTokens.length);
  // A sequence's first token has nothing before it to be predicted from.
  const lossMask = new Uint8Array(tokens.length).fill(1, Math.max(1, promptTokens.length));
  return { tokens, lossMask, weight, group };
}

/** Tokens up to the last target; nothing is learned from what follows it, so it is not computed. */
export function usedLength(example: Pick<TokenExample, "lossMask">): number {
  return example.lossMask.lastIndexOf(1) + 1;
}

export function targetCount({ lossMask }: Pick<TokenExample, "lossMask">): number {
  let count = 0;
  for (const mask of lossMask) count += mask;
  return count;
}

export interface ExampleLimits {
  /** Token ids run from 0 to one below. */
  vocabSize: number;
  /** Longest example up to its last target: the model's context, or what one pass can hold where that is less. */
  contextLength: number;
  /** Treatment of a longer example: `middle` cuts the prompt's middle and keeps its ends. Default `refuse`. */
  truncate?: "refuse" | "middle" | undefined;
  /** Lets an example push its targets away. Default false. */
  allowNegativeWeights?: boolean | undefined;
}

export interface CheckedExamples {
  /** Examples in the order given; shortened ones are copies. */
  examples: TokenExample[];
  /** Examples whose prompt was cut, with the tokens cut away. */
  shortened: { index: number; removedTokens: number }[];
}

/**
 * Checks all examples; indices in messages count from 0.
 * Examples of a group with the same prompt (all tokens before the first target) are cut alike, also those short
 * enough, so that they still share it.
 * @throws {InputError} on no examples, bad weights, token ids or masks, no targets, and too long an example
 */
export function checkExamples(examples: readonly TokenExample[], limits: ExampleLimits): CheckedExamples {
  if (examples.length === 0) {
    throw new InputError("there are no examples to train on", {
      hint: "collect trajectories first, or name a file that has examples in it",
      code: "no-examples",
    });
  }
  for (const [index, example] of examples.entries()) checkExample(example, index, limits);
  if (examples.every(({ weight }) => weight === 0)) {
    throw new InputError(`all ${examples.length} examples have weight 0: there is nothing to learn`, {
      hint: "use exponential weights, lower the threshold of the reward, or collect better trajectories",
      code: "all-weights-zero",
    });
  }
  return shorten(examples, limits);
}

function checkExample(example: TokenExample, index: number, limits: ExampleLimits): void {
  const { tokens, lossMask, weight } = example;
  const refuseIf = (isBad: boolean, why: string, hint: string) => {
    if (isBad) refuse(example, index, why, hint);
  };
  const finite = `the weight is ${weight}, expected a finite number`;
  refuseIf(!Number.isFinite(weight), finite, "check its reward");
  const positive = `the weight is ${weight}, expected 0 or more`;
  refuseIf(
    weight < 0 && !limits.allowNegativeWeights,
    positive,
    "shift the rewards, or allow negative weights",
  );
  const again = "make the examples again from their text";
  const lengths = `${tokens.length} tokens have a loss mask of ${lossMask.length}`;
  refuseIf(lossMask.length !== tokens.length, lengths, again);
  const odd = lossMask.findIndex((mask) => mask > 1);
  refuseIf(odd >= 0, `the loss mask is ${lossMask[odd]} at ${odd}, expected 0 or 1`, again);
  const first = "the first token is a target, but nothing stands before it to predict it from";
  refuseIf(lossMask[0] === 1, first, "put a prompt, or the model's begin token, before the action");
  const choose = "leave it out, or choose turns that have an action";
  refuseIf(usedLength(example) === 0, "no token is a target", choose);
  const unknown = tokens.findIndex((token) => token < 0 || token >= limits.vocabSize);
  const id = `token ${unknown} has the id ${tokens[unknown]}, the model knows 0 to ${limits.vocabSize - 1}`;
  refuseIf(unknown >= 0, id, "tokenise the examples with the model that is trained");
}

function shorten(
  examples: readonly TokenExample[],
  { contextLength, truncate = "refuse" }: ExampleLimits,
): CheckedExamples {
  const cuts = new Map<string, number>();
  examples.forEach((example, index) => {
    const excess = usedLength(example) - contextLength;
    if (excess <= 0) return;
    const length = `${usedLength(example)} tokens up to its last target, ${contextLength} fit`;
    if (truncate === "refuse") {
      refuse(example, index, length, "leave it out, or allow cutting the middle of its prompt", "too-long");
    }
    const promptLength = example.lossMask.indexOf(1);
    if (excess >= promptLength) {
      const why = `${length}, and the prompt has only ${promptLength} to cut from`;
      refuse(example, index, why, "leave it out, or use a model with a longer context", "too-long");
    }
    const key = promptKey(example);
    cuts.set(key, Math.max(excess, cuts.get(key) ?? 0));
  });
  const shortened: CheckedExamples["shortened"] = [];
  const kept = examples.map((example, index) => {
    const removedTokens = cuts.size === 0 ? 0 : (cuts.get(promptKey(example)) ?? 0);
    if (removedTokens === 0) return example;
    shortened.push({ index, removedTokens });
    return cutPromptMiddle(example, removedTokens);
  });
  return { examples: kept, shortened };
}

/** The same for examples of a group that have the same prompt, all tokens before the first target. */
export function promptKey({ group, tokens, lossMask }: TokenExample): string {
  return JSON.stringify([group, tokens.subarray(0, lossMask.indexOf(1)).join()]);
}

/** Keeps as much of the prompt's beginning as of its end; an odd token goes to the beginning. */
function cutPromptMiddle(example: TokenExample, removedTokens: number): TokenExample {
  const { tokens, lossMask } = example;
  const from = Math.ceil((lossMask.indexOf(1) - removedTokens) / 2);
  const without = <A extends Int32Array | Uint8Array>(source: A, target: A): A => {
    target.set(source.subarray(0, from));
    target.set(source.subarray(from + removedTokens), from);
    return target;
  };
  const length = tokens.length - removedTokens;
  return {
    ...example,
    tokens: without(tokens, new Int32Array(length)),
    lossMask: without(lossMask, new Uint8Array(length)),
  };
}

function refuse({ group }: TokenExample, index: number, why: string, hint: string, code?: string): never {
  const name = group.length > 60 ? `${group.slice(0, 60)}…` : group;
  throw new InputError(`example ${index} (group ${JSON.stringify(name)}): ${why}`, {
    hint,
    code: code ?? "bad-example",
  });
}
