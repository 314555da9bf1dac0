/** @file A part of the examples kept back, to see when more training does not help. */
import { InputError } from "../../core/errors.js";
import { Random } from "../../core/random.js";
import type { TokenExample } from "./example.js";

/**
 * Whole groups are kept back: candidates of one episode are too alike to judge each other.
 * @param share of the groups, 0 to 0.5; 0 keeps nothing back
 * @throws {InputError} when there are not two groups to divide
 */
export function holdOut(
  examples: readonly TokenExample[],
  share: number,
  seed: number,
): { kept: TokenExample[]; heldOut: TokenExample[] } {
  if (share === 0) return { kept: [...examples], heldOut: [] };
  const groups = new Random(seed)
    .derive("hold-out")
    .shuffle([...new Set(examples.map(({ group }) => group))]);
  if (groups.length < 2) {
    throw new InputError(`all examples are of one group (${groups[0]}): none can be held out`, {
      hint: "collect more episodes, or hold nothing out",
    });
  }
  const chosen = new Set(groups.slice(0, Math.max(1, Math.floor(share * groups.length))));
  const isHeldOut = ({ group }: TokenExample) => chosen.has(group);
  return { kept: examples.filter((one) => !isHeldOut(one)), heldOut: examples.filter(isHeldOut) };
}
