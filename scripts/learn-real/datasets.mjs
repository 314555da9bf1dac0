/** @file Folders of tasks: a published file of BIG-Bench Hard cut into splits, a dataset by its name, or its train split alone. */
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

const TRAIN_ONLY = "-train";

/**
 * @param {string} name - of a family or dataset, or `NAME-train` for one of nothing but the train split of dataset NAME
 * @returns {Promise<string>} what --task takes
 */
export async function trainedDataset(name, root) {
  if (!name.endsWith(TRAIN_ONLY)) return name;
  const source = (await listDatasets()).find((entry) => entry.name === name.slice(0, -TRAIN_ONLY.length));
  if (!source)
    throw new Error(
      `${name}: no dataset ${name.slice(0, -TRAIN_ONLY.length)} in the folders of W4S_DATASETS`,
    );
  const folder = join(root, "datasets", name);
  if (existsSync(join(folder, "dataset.json"))) return folder;
  const { splits, ...manifest } = await datasetNamed(source.directory);
  const items = new Random(1).shuffle(linesOf(source.directory, splits.train));
  const [train, validation, test] = [
    items.slice(2 * VALIDATION),
    items.slice(0, VALIDATION),
    items.slice(VALIDATION, 2 * VALIDATION),
  ];
  await writeDataset(folder, { manifest: { ...manifest, name }, splits: { train, validation, test } });
  return folder;
}

const linesOf = (folder, { file }) =>
  readFileSync(join(folder, file), "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));

/** One task of the dataset `bbh`; its few validation items are filled up from train. */
async function cutOut(name, from, to) {
  const { splits, ...manifest } = await datasetNamed(from);
  const own = (split) => linesOf(from, splits[split]).filter(({ meta }) => meta.task === name);
  const test = own("test");
  const others = new Random(1).shuffle([...own("validation"), ...own("train")]);
  if (test.length === 0) throw new Error(`${name}: neither a dataset nor a task of ${from}`);
  const parts = { train: others.slice(VALIDATION), validation: others.slice(0, VALIDATION), test };
  await writeDataset(to, { manifest: { ...manifest, name }, splits: parts });
}
