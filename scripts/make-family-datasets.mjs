/** @file Writes the frozen samples of all generated families into datasets/. Run after `make build`. */
import { fileURLToPath } from "node:url";
import { EPISODE_FAMILIES, FAMILIES, FROZEN_SAMPLE, generateFamily } from "../dist/tasks/families.js";
import { writeDataset } from "../dist/tasks/write-dataset.js";

for (const { name } of [...FAMILIES, ...EPISODE_FAMILIES]) {
  const directory = fileURLToPath(new URL(`../datasets/${name}`, import.meta.url));
  await writeDataset(directory, generateFamily(name, FROZEN_SAMPLE), { overwrite: true });
}
