/** @file Rows and script for another trainer: what is written, and that the script reads what the rows have. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/core/errors.js";
import { exportForTrainer } from "../../../src/learn/hand-over.js";
import { findPython } from "../../support/exported-workflows.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const newFolder = useTemporaryFolder();
const RUN = fileURLToPath(new URL("../../fixtures/runs-0.1/collect", import.meta.url));

const python = findPython();

describe.skipIf(python === undefined)("handing over to another trainer (needs Python)", () => {
  it.each(["trl", "mlx"] as const)("%s: weighted rows and a script that is Python", async (trainer) => {
    const folder = join(newFolder(), "hand-over");
    const weighting = { kind: "uniform" } as const;
    const { rows, paths } = await exportForTrainer(RUN, folder, { trainer, weighting });
    expect(paths).toEqual([join(folder, "rows.jsonl"), join(folder, "train.py")]);
    const lines = readFileSync(join(folder, "rows.jsonl"), "utf8").trimEnd().split("\n");
    expect(lines).toHaveLength(rows);
    for (const line of lines) {
      const { messages, weight } = JSON.parse(line);
      expect(weight).toBe(1);
      expect(messages.at(-1).role).toBe("assistant");
    }
    const script = join(folder, "train.py");
    const parse = "import ast, sys; tree = ast.parse(open(sys.argv[1]).read()); print(len(tree.body))";
    expect(
      Number(execFileSync(python?.command ?? "", ["-c", parse, script], { encoding: "utf8" })),
    ).toBeGreaterThan(8);
    expect(readFileSync(script, "utf8").split("\n").length).toBeLessThanOrEqual(120);
    const again = exportForTrainer(RUN, folder, { trainer, weighting });
    await expect(again).rejects.toThrow(ConfigError);
    expect(await exportForTrainer(RUN, folder, { trainer, weighting, force: true })).toEqual({ rows, paths });
  });
});
