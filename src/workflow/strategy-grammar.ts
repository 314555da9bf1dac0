/** @file GBNF for what policies tell each other: a line of techniques, or one sentence. */
import { grammarText, literal } from "./grammar/gbnf-text.js";
import { canForce, type SubsetOptions } from "./subset-grammar.js";
import { TECHNIQUES, techniqueNames } from "./techniques.js";

/** Most techniques that a workflow is forced to use. */
const MAX_TECHNIQUES = 3;

/** A sentence as the subset's analysis has it: a capital, 20 to 140 characters, a full stop. */
export const SENTENCE_GRAMMAR = `root ::= [A-Z] [a-zA-Z0-9 ,'-]{20,140} "."\n`;

/** The meanings of techniques as one line, in the order of the table. */
export function strategyLine(names: readonly string[]): string {
  return TECHNIQUES.filter(({ name }) => names.includes(name))
    .map(({ meaning }) => meaning)
    .join("; ");
}

/**
 * One to three meanings of the technique table, joined by "; ": only such that one workflow can use together. Forced
 * techniques leave one line.
 */
export function strategyGrammar(options: SubsetOptions): string {
  const { forced = [] } = options;
  if (forced.length > 0) return `root ::= ${literal(strategyLine(forced))}\n`;
  const names = techniqueNames(options);
  const further = (chosen: readonly string[], from: number): string =>
    names
      .slice(from)
      .flatMap((name, i) => {
        const all = [...chosen, name];
        if (!canForce(all, options)) return [];
        const rest = all.length < MAX_TECHNIQUES ? further(all, from + i + 1) : "";
        return [`m${names.indexOf(name)}${rest === "" ? "" : ` ("; " (${rest}))?`}`];
      })
      .join(" | ");
  const meanings = names.map((name, i) => [`m${i}`, literal(strategyLine([name]))]);
  return grammarText({ root: further([], 0), ...Object.fromEntries(meanings) });
}
