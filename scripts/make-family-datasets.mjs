/** @file Writes the frozen samples of all generated families into datasets/. Run after `make build`. */
import { fileURLToPath } from "node:url";
import { FAMILIES, FROZEN_SAMPLE, generateFamily, ROBOT_FAMILIES } from "../dist/tasks/families.js";
import { writeDataset } from "../dist/tasks/write-dataset.js";

for (const { name } of [...FAMILIES, ...ROBOT_FAMILIES]) {
  const directory = fileURLToPath(new URL(`../datasets/${name}`, import.meta.url));
  await writeDataset(directory, generateFamily(name, FROZEN_SAMPLE), { overwrite: true });
}
