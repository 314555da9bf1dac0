/** @file Which techniques each candidate is forced to use: designed exploration with share ε (design §5.2). */
import type { Random } from "../core/random.js";

const MAX_FORCED = 3;

/**
 * For each of m candidates: with probability ε a random set of one to three techniques, else none.
 * A tiny model left alone copies the workflow it was shown; forced candidates spread the rewards.
 * @param techniques - names that the task and its models allow
 * @param share - ε in 0–1; 0 when a trained policy is judged
 * @returns one list per candidate; an empty one leaves the choice to the model
 */
export function drawForcedTechniques(
  random: Random,
  count: number,
  techniques: readonly string[],
  share: number,
  isCompatible: (set: readonly string[]) => boolean = () => true,
): string[][] {
  return Array.from({ length: count }, () => {
    if (techniques.length === 0 || !random.chance(share)) return [];
    const size = random.integer(1, Math.min(MAX_FORCED, techniques.length));
    const chosen: string[] = [];
    for (const name of random.shuffle(techniques)) {
      if (chosen.length === size) break;
      if (isCompatible([...chosen, name])) chosen.push(name);
    }
    return chosen.sort();
  });
}
