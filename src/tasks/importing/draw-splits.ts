/** @file Items dealt out to splits by seed. */
import { ConfigError } from "../../core/errors.js";
import { Random } from "../../core/random.js";
import { SPLIT_NAMES, type SplitName } from "../task.js";

export type SplitSizes = Partial<Record<SplitName, number>>;

const DEFAULT_SPLITS = { train: 0.6, validation: 0.2, test: 0.2 } as const;
const EXAMPLE = "such as --split train=0.6 --split validation=0.2 --split test=0.2";

/**
 * Deals rows out to splits in a random order that only the seed and the number of rows decide.
 * @param wanted - shares that sum to at most 1, or counts. Default train 0.6, validation 0.2, test 0.2
 * @throws {ConfigError} on sizes that make no sense or do not fit.
 */
export function drawSplits<T>(
  rows: readonly T[],
  wanted: SplitSizes = DEFAULT_SPLITS,
  seed = 0,
): Partial<Record<SplitName, T[]>> {
  const sizes = SPLIT_NAMES.map((split) => wanted[split] ?? 0);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const isShares = total <= 1 + 1e-9 || sizes.some((size) => !Number.isInteger(size));
  if (
    sizes.some((size) => !(size >= 0) || (!isShares && !Number.isInteger(size))) ||
    sizes.every((size) => size === 0)
  ) {
    throw new ConfigError(`split sizes must be shares from 0 to 1 or whole counts; got ${sizes.join(", ")}`, {
      hint: EXAMPLE,
    });
  }
  if (isShares ? total > 1 + 1e-9 : total > rows.length) {
    throw new ConfigError(
      `the splits ask for ${isShares ? `${total} of all items` : `${total} items`}, but there are ${rows.length}`,
      { hint: isShares ? EXAMPLE : `such as ${exampleFor(rows.length)}` },
    );
  }
  const order = new Random(seed).derive("import").shuffle(rows);
  const groups: Partial<Record<SplitName, T[]>> = {};
  let share = 0;
  let from = 0;
  for (const [index, split] of SPLIT_NAMES.entries()) {
    share += sizes[index]!;
    const to = isShares ? Math.round(share * rows.length) : share;
    groups[split] = order.slice(from, to);
    from = to;
    if (sizes[index]! > 0 && groups[split].length === 0) {
      throw new ConfigError(`${rows.length} items are too few for a ${split} split`, {
        hint: exampleFor(rows.length),
      });
    }
  }
  return groups;
}

/** Sizes that fit a few items. */
function exampleFor(count: number): string {
  if (count < 2)
    return "add items: every split needs some of its own, such as 30 for train, 10 for validation, 20 for test";
  if (count === 2)
    return "give counts: --split train=1 --split validation=1; a test split needs a third item";
  const part = Math.max(1, Math.floor(count / 5));
  return `give counts: --split train=${count - 2 * part} --split validation=${part} --split test=${part}`;
}
