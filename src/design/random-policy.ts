/** @file The designer without a model: draws workflows of the grammar at random, the control for every claim that a model designs. */
import { Random } from "../core/random.js";
import { canForce, type SubsetOptions, subsetGrammar } from "../workflow/subset-grammar.js";
import { techniqueNames } from "../workflow/techniques.js";
import { drawForcedTechniques, PLAIN } from "./draw-forced-techniques.js";
import { drawSentence } from "./draw-sentence.js";
import { type Action, type ActOptions, type CandidateDraw, grammarSpace, type Policy } from "./policy.js";

/**
 * Policy that sees neither prompt nor scores: every candidate uses one to three techniques drawn uniformly (those that are
 * forced, where there are any) and what these need, now and then none; of their phrases each is as likely. Instructions written
 * for the task stand in about half of the workflows.
 */
export class RandomPolicy implements Policy {
  readonly info = {
    ...{ id: "random", modelHash: "", tokenizerHash: "", templateHash: "" },
    ...{ adapterHash: null, device: "cpu" },
  };
  readonly style = "compact";
  readonly canForce = true;
  readonly drawsForced = true;
  readonly isBlind = true;

  async act(
    _prompt: unknown,
    draws: readonly CandidateDraw[],
    options: ActOptions,
  ): Promise<{ promptTokens: number[]; actions: Action[] }> {
    const space = grammarSpace(options);
    const sentences = (await options.sentences?.()) ?? [];
    return {
      promptTokens: [],
      actions: draws.map(({ seed, forced, isPlain = false }) => {
        const random = new Random(seed);
        const names = forced.length > 0 || isPlain ? forced : drawTechniques(random, space);
        const grammar = subsetGrammar({ ...space, forced: names, sentences, sparse: true });
        const text = drawSentence(grammar, random, sentences);
        return { text, tokens: [], finishReason: "stop" };
      }),
    };
  }
}

function drawTechniques(random: Random, space: SubsetOptions): readonly string[] {
  const isCompatible = (names: readonly string[]) => canForce(names, space);
  const names = techniqueNames(space);
  const lead = random.pick([...names, PLAIN]);
  return drawForcedTechniques(random, [lead], names, 1, isCompatible)[0] ?? [];
}
