#!/usr/bin/env node
/**
 * @file How well a design's mean is predicted from the other designs of its task: by their mean, and by what its techniques give in
 * them. Product code on recorded runs; squared errors, items as weights.
 *
 *   node scripts/pooling-check.mjs RUN…
 */
import { basename } from "node:path";
import { pooledItemNoise } from "../dist/design/spread-posterior.js";
import { expectedRewards } from "../dist/learn/examples/expected-rewards.js";
import { trajectoryFiles } from "../dist/learn/examples/trajectory-samples.js";
import { readTrajectory } from "../dist/records/trajectory.js";
import { markdownTable } from "./learn-runs.mjs";
import "./plain-errors.mjs";

/** Of so few items a mean says nothing of itself, and what is expected of it is a prediction. */
const NO_ITEMS = 1e-9;

const runs = process.argv.slice(2);
if (runs.length === 0) throw new Error("name run directories of w4s learn or collect");

/** Distinct workflows of a task as they were measured, screened-out ones left out. */
function measuredIn(file) {
  const candidates = readTrajectory(file)
    .filter(({ kind }) => kind === "turn")
    .flatMap((turn) => turn.candidates)
    .filter(({ outcome, accuracy }) => outcome !== "invalid" && outcome !== "lost" && accuracy !== null);
  const byWorkflow = new Map(candidates.map((one) => [one.workflowHash, one]));
  return [...byWorkflow.values()].map(({ accuracy, n, techniques }) => ({ mean: accuracy, n, techniques }));
}

const rows = runs.map((run) => {
  const errors = { mean: 0, techniques: 0 };
  let [designs, items] = [0, 0];
  for (const file of trajectoryFiles(run)) {
    const measured = measuredIn(file);
    const noise = pooledItemNoise(measured);
    for (const [index, { mean, n }] of measured.entries()) {
      const held = measured.map((one, i) => (i === index ? { ...one, n: NO_ITEMS } : one));
      const plain = held.map((one) => ({ ...one, techniques: [] }));
      errors.mean += n * (expectedRewards(plain, noise)[index] - mean) ** 2;
      errors.techniques += n * (expectedRewards(held, noise)[index] - mean) ** 2;
      items += n;
    }
    designs += measured.length;
  }
  const shown = (error) => (error / items).toFixed(4);
  return [basename(run), designs, shown(errors.mean), shown(errors.techniques)].join(" | ");
});
process.stdout.write(`${markdownTable("run | designs | mean of the task | techniques", rows)}\n`);
