/** @file Hierarchical intervals of paired differences: tasks are drawn, then their seeds, episodes and items. */
import { Random } from "../../dist/core/random.js";
import { mean } from "../../dist/core/statistics.js";

const RESAMPLES = 2000;

/** @typedef {number | Tree[]} Tree - a difference, or the branches below it; branches of one node count alike */

/** @param {Tree} tree @returns {number} */
export const treeMean = (tree) => (typeof tree === "number" ? tree : mean(tree.map(treeMean)));

/**
 * 95 % bootstrap interval of the mean of a tree, drawn level by level; a level with one branch is not drawn from.
 * @param {Tree} tree
 * @param {number} seed
 */
export function nestedInterval(tree, seed = 1) {
  const random = new Random(seed);
  const draw = (node) => {
    if (typeof node === "number") return node;
    let sum = 0;
    for (let i = 0; i < node.length; i++) sum += draw(node[random.integer(0, node.length - 1)]);
    return sum / node.length;
  };
  const means = Array.from({ length: RESAMPLES }, () => draw(tree)).sort((a, b) => a - b);
  return {
    mean: treeMean(tree),
    low: means[Math.floor(0.025 * RESAMPLES)],
    high: means[Math.floor(0.975 * RESAMPLES)],
  };
}
