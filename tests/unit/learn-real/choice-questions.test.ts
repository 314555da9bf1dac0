/** @file Multiple choice that learn-real trains on: whole, repeatable, and no letter is always right. */
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CHOICE_FAMILIES, choiceQuestions } from "../../../scripts/learn-real/choice-questions.mjs";
import { loadTask } from "../../../src/tasks/load-task.js";
import { writeDataset } from "../../../src/tasks/write-dataset.js";

const SIZES = { train: 60, validation: 20, test: 20 };

describe.each(CHOICE_FAMILIES)("made-up multiple choice: %s", (name) => {
  it("is a dataset that loads, with nothing in two splits", async () => {
    const folder = join(await mkdtemp(join(tmpdir(), "choice-")), name);
    await writeDataset(folder, choiceQuestions(name, SIZES));
    const task = await loadTask(folder);
    expect(task.kind).toBe("choice");
    const asked = Object.values(choiceQuestions(name, SIZES).splits).flatMap((items) =>
      items.map(({ question, choices }) => `${question} ${choices}`),
    );
    expect(new Set(asked).size).toBe(100);
  });

  it("gives the same items again, and right options of all letters", () => {
    const { splits } = choiceQuestions(name, SIZES);
    expect(choiceQuestions(name, SIZES).splits).toEqual(splits);
    const [first] = splits.train ?? [];
    const letters = "ABCD".slice(0, first?.choices?.length);
    expect(new Set(splits.train?.map(({ answer }) => answer))).toEqual(new Set(letters));
  });
});
