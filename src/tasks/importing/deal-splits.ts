/** @file Imported items by split: as files or a field say, drawn by seed, or both. */
import { ConfigError } from "../../core/errors.js";
import { SPLIT_NAMES, type SplitName } from "../task.js";
import { drawSplits, type SplitSizes } from "./draw-splits.js";
import type { ImportedRow } from "./item-of-record.js";

type Groups = Partial<Record<SplitName, ImportedRow[]>>;

/**
 * Rows by split. Where the source has splits, sizes may ask for further ones, which are drawn from train.
 * @throws {ConfigError} on sizes for a split that the source has, and on those that do not fit.
 */
export function dealSplits(
  rows: readonly ImportedRow[],
  sizes: SplitSizes | undefined,
  seed: number | undefined,
): Groups {
  if (rows.every(({ split }) => split === undefined)) return drawSplits(rows, sizes, seed);
  const groups: Groups = {};
  for (const name of SPLIT_NAMES) groups[name] = rows.filter(({ split }) => split === name);
  if (!sizes) return groups;
  const twice = SPLIT_NAMES.find((name) => sizes[name] !== undefined && groups[name]!.length > 0);
  if (twice !== undefined || sizes.train !== undefined)
    throw new ConfigError(
      `the source has a ${twice ?? "train"} split of its own: give splits or sizes, not both`,
      {
        hint: "leave --split out; a split that is missing may be drawn from train, such as --split validation=0.2",
      },
    );
  const total = Object.values(sizes).reduce((sum, size) => sum + size, 0);
  const rest = total < 1 ? 1 - total : groups.train!.length - total;
  return { ...groups, ...drawnFrom(groups.train!, { ...sizes, train: rest }, seed) };
}

function drawnFrom(train: readonly ImportedRow[], sizes: SplitSizes, seed: number | undefined): Groups {
  const drawn = drawSplits(train, sizes, seed);
  return Object.fromEntries(Object.entries(drawn).filter(([name]) => sizes[name as SplitName] !== undefined));
}
