/** @file Which techniques each candidate is forced to use: designed exploration with share ε (design §5.2). */
import { seedFrom } from "../core/hash.js";
import { Random } from "../core/random.js";

const MAX_FORCED = 3;

/** Lead of a candidate that uses no technique: whether any of them pays is told by what none brings. */
export const PLAIN = "";

/**
 * For each candidate: with probability ε a random set of one to three techniques, else none.
 * A tiny model left alone copies the workflow it was shown; forced candidates spread the rewards.
 * @param leads - one per candidate: the technique that its set holds in any case, PLAIN, or undefined where all are drawn
 * @param techniques - names that the task and its models allow
 * @param share - ε in 0–1; 0 when a trained policy is judged
 * @returns one list per candidate, empty where its lead is PLAIN; undefined leaves the choice to the model
 */
export function drawForcedTechniques(
  random: Random,
  leads: readonly (string | undefined)[],
  techniques: readonly string[],
  share: number,
  isCompatible: (set: readonly string[]) => boolean = () => true,
): (string[] | undefined)[] {
  return leads.map((lead) => {
    if (techniques.length === 0 || !random.chance(share)) return undefined;
    if (lead === PLAIN) return [];
    const size = random.integer(1, Math.min(MAX_FORCED, techniques.length));
    const chosen: string[] = lead !== undefined && isCompatible([lead]) ? [lead] : [];
    for (const name of random.shuffle(techniques)) {
      if (chosen.length === size) break;
      if (!chosen.includes(name) && isCompatible([...chosen, name])) chosen.push(name);
    }
    return chosen.sort();
  });
}

/**
 * Leads of candidates, dealt from a shuffled deck that is shuffled anew when it is empty: in a task's few candidates each
 * technique is met about equally often, where independent draws leave some out.
 * @param cards - techniques, and PLAIN where a candidate may be drawn without any
 * @param from - number of the first candidate among all of its task, from 0
 * @returns one per candidate; undefined where there are no cards
 */
export function dealLeads(
  seed: number,
  from: number,
  count: number,
  cards: readonly string[],
): (string | undefined)[] {
  const { length } = cards;
  const deck = (round: number) => new Random(seedFrom(seed, "deck", round)).shuffle(cards);
  return Array.from({ length: count }, (_, i) => deck(Math.floor((from + i) / length))[(from + i) % length]);
}
