/** @file A part of the examples kept back, to see when more training does not help. */
import { Random } from "../../core/random.js";
import type { TokenExample } from "./example.js";

/**
 * Whole groups are kept back: candidates of one episode are too alike to judge each other. Of a single group none is: what
 * was collected and paid for is trained on all the same.
 * @param share of the groups, 0 to 0.5; 0 keeps nothing back
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
  if (groups.length < 2) return { kept: [...examples], heldOut: [] };
  const chosen = new Set(groups.slice(0, Math.max(1, Math.floor(share * groups.length))));
  const isHeldOut = ({ group }: TokenExample) => chosen.has(group);
  return { kept: examples.filter((one) => !isHeldOut(one)), heldOut: examples.filter(isHeldOut) };
}
