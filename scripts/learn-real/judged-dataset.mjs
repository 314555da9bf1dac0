/** @file Folders of the judged tasks: a published file of BIG-Bench Hard cut into splits, or a dataset by its name. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Random } from "../../dist/core/random.js";
import { datasetNamed, listDatasets } from "../../dist/tasks/list-datasets.js";
import { writeDataset } from "../../dist/tasks/write-dataset.js";

const MAIN = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const SPLITS = ["--split", "train=0.3", "--split", "validation=0.24", "--split", "test=0.46"];
const VALIDATION = 40;

/**
 * @param {string} name - of a published file (NAME.json), of a task within the dataset `bbh`, or of a dataset
 * @param {string | undefined} bbh - folder of the published files
 * @param {string} root - where folders are made
 * @returns {Promise<string>} what --task takes
 */
export async function judgedDataset(name, bbh, root) {
  const folder = join(root, "datasets", name);
  if (existsSync(join(folder, "dataset.json"))) return folder;
  const file = bbh && join(bbh, `${name}.json`);
  if (file && existsSync(file)) {
    const words = ["data", "import", file, folder, "--benchmark", "bbh", ...SPLITS];
    execFileSync(process.execPath, [MAIN, ...words], { stdio: ["ignore", "ignore", "inherit"] });
    return folder;
  }
  const all = await listDatasets();
  if (all.some((entry) => entry.name === name)) return name;
  const whole = all.find((entry) => entry.name === "bbh");
  if (!whole)
    throw new Error(`${name}: no ${name}.json in the folder of --bbh, and no dataset bbh that holds it`);
  await cutOut(name, whole.directory, folder);
  return folder;
}

/** One task of the dataset `bbh`; its few validation items are filled up from train. */
async function cutOut(name, from, to) {
  const { splits, ...manifest } = await datasetNamed(from);
  const linesOf = (split) =>
    readFileSync(join(from, splits[split].file), "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line))
      .filter(({ meta }) => meta.task === name);
  const test = linesOf("test");
  const others = new Random(1).shuffle([...linesOf("validation"), ...linesOf("train")]);
  if (test.length === 0) throw new Error(`${name}: neither a dataset nor a task of ${from}`);
  const parts = { train: others.slice(VALIDATION), validation: others.slice(0, VALIDATION), test };
  await writeDataset(to, { manifest: { ...manifest, name }, splits: parts });
}
