/** @file A reply of the designer's grammar, drawn without a model. */
import type { Random } from "../core/random.js";
import { Gbnf } from "../workflow/gbnf.js";

/** Parts of a reply that are no technique: one is said plainly, words the designer has none of its own. */
const WRITTEN = { analysis: "The techniques are drawn at random.", free: "" };

/**
 * A reply drawn uniformly from a grammar of workflows.
 * @param sentences - instructions written for the task, as the grammar offers them; the optional place for one is filled in
 *   every second reply
 */
export function drawSentence(grammar: string, random: Random, sentences: readonly string[] = []): string {
  const written = sentences.length > 0 ? { ...WRITTEN, own: random.pick(sentences) } : WRITTEN;
  return new Gbnf(grammar).sample(random, written);
}
