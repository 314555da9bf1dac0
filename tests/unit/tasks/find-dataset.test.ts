/** @file Names and paths of datasets. */
import { mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { expect, test } from "vitest";
import { InputError } from "../../../src/core/errors.js";
import { editDistance, nearNames } from "../../../src/core/near-names.js";
import { defaultDatasetRoots, findDataset } from "../../../src/tasks/find-dataset.js";
import { listDatasets } from "../../../src/tasks/list-datasets.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const folder = useTemporaryFolder();

function root(...names: string[]): string {
  const directory = folder();
  for (const name of names) {
    mkdirSync(join(directory, name));
    const manifest = {
      name,
      kind: "qa",
      metric: "f1",
      splits: { test: { file: "t.jsonl", count: 3 }, train: { file: "u.jsonl" } },
    };
    writeFileSync(join(directory, name, "dataset.json"), JSON.stringify(manifest));
  }
  return directory;
}

test("a path, its dataset.json, then the roots in order", () => {
  const [first, second] = [root("gsm8k"), root("gsm8k", "drop")];
  expect(findDataset("gsm8k", [first, second])).toBe(join(first, "gsm8k"));
  expect(findDataset("drop", [first, second])).toBe(join(second, "drop"));
  expect(findDataset(join(second, "drop"), [])).toBe(join(second, "drop"));
  expect(findDataset(join(second, "drop", "dataset.json"), [])).toBe(join(second, "drop"));
});

test("an unknown name: near names and the places looked at", () => {
  const roots = [root("gsm8k", "drop"), root("mgsm")];
  const error = thrown(() => findDataset("gms8k", roots));
  expect(error).toBeInstanceOf(InputError);
  expect(error.message).toBe(`unknown dataset "gms8k"; looked in ${roots.join(", ")}`);
  expect(error.hint).toMatch(/did you mean gsm8k/);
  expect(thrown(() => findDataset("zzzzzz", roots)).hint).toContain("w4s data list");
});

test("other things that are no dataset", () => {
  const directory = root();
  writeFileSync(join(directory, "x.jsonl"), "");
  expect(thrown(() => findDataset(directory, [])).message).toContain("has no dataset.json");
  expect(thrown(() => findDataset(join(directory, "x.jsonl"), [])).hint).toContain("w4s data import");
  expect(thrown(() => findDataset(join(directory, "nowhere"), [])).message).toContain("no dataset folder at");
  expect(thrown(() => findDataset("", [directory])).message).toContain("unknown dataset");
  expect(thrown(() => findDataset("a\0b", [directory])).message).toContain('"a\\x00b"');
  // A name never leaves its root.
  expect(thrown(() => findDataset("..", [join(directory, "sub")])).message).toMatch(/no dataset/);
});

test("the default roots", () => {
  const roots = defaultDatasetRoots({ W4S_DATASETS: ["/a", "", "/b", "/a"].join(delimiter) }, "/work-here");
  expect(roots[0]).toBe("/work-here/datasets");
  expect(roots[1]).toMatch(/datasets$/);
  expect(roots.slice(2)).toEqual(["/a", "/b"]);
});

test("listing", async () => {
  const [first, second] = [root("b", "a"), root("a", "broken")];
  writeFileSync(join(second, "broken", "dataset.json"), "{");
  const entries = await listDatasets([first, join(first, "absent"), second]);
  expect(entries.map(({ name, isHidden, error }) => [name, isHidden, error === undefined])).toEqual([
    ["a", false, true],
    ["b", false, true],
    ["a", true, true],
    ["broken", false, false],
  ]);
  expect(entries[0]).toMatchObject({ kind: "qa", metric: "f1", splits: { train: null, test: 3 } });
});

test("the families of this package are found by name", async () => {
  const entries = await listDatasets();
  expect(entries.filter(({ family }) => family !== undefined).length).toBeGreaterThanOrEqual(8);
});

test("edit distance", () => {
  expect(editDistance("kitten", "sitting")).toBe(3);
  expect(editDistance("", "abc")).toBe(3);
  expect(editDistance("gms", "gsm")).toBe(1);
  expect(nearNames("shoping", ["shopping", "swaps", "sequences"])).toEqual(["shopping"]);
});

function thrown(action: () => unknown): InputError {
  try {
    action();
  } catch (error) {
    return error as InputError;
  }
  throw new Error("nothing was thrown");
}
