/** @file `w4s data`: list, check and import datasets. */
import { Command } from "commander";
import type { DatasetReport } from "../../commands.js";
import { type ActionBody, complete } from "../action.js";
import { EXIT } from "../exit-code.js";
import { writeJson, writeOut } from "../print/output.js";
import { table } from "../print/tables.js";
import { importCommand } from "./data-import.js";

/** Lines listed per file; the JSON output has all. */
const MAX_LISTED = 20;

export function command(): Command {
  const data = new Command("data").description(
    "Datasets are folders: dataset.json and one JSONL file for each split.",
  );
  const list = new Command("list").description("Datasets that --task can name.");
  const validate = new Command("validate")
    .description(
      "Checks every line of every split, and that splits share no items. Exit code 3 when it fails.",
    )
    .argument("<task>", "dataset folder or name");
  data.addCommand(complete(list, listAction, { hasConfig: false }));
  data.addCommand(complete(validate, validateAction, { hasConfig: false }));
  data.addCommand(importCommand());
  return data;
}

const listAction: ActionBody = async ({ isJson }) => {
  const { listDatasets } = await import("../../commands.js");
  const entries = await listDatasets();
  if (isJson) {
    writeJson({ datasets: entries });
    return EXIT.done;
  }
  if (entries.length === 0)
    writeOut("no datasets here; w4s data import makes one, W4S_DATASETS names further folders");
  else {
    writeOut(
      table(
        ["name", "kind", "metric", "train", "validation", "test", "family", "licence"],
        entries
          .filter((entry) => !entry.isHidden)
          .map(({ name, kind, metric, splits, family, license, error }) =>
            error === undefined
              ? [
                  name,
                  kind ?? "",
                  metric ?? "",
                  ...(["train", "validation", "test"] as const).map((split) => countText(splits[split])),
                  family ?? "",
                  license ?? "",
                ]
              : [name, `refused: ${error}`, "", "", "", "", "", ""],
          ),
      ),
    );
  }
  return EXIT.done;
};

function countText(count: number | null | undefined): string {
  return count === undefined ? "" : count === null ? "?" : String(count);
}

const validateAction: ActionBody = async ({ isJson }, name = "") => {
  const api = await import("../../commands.js");
  const report = await api.validateDataset(name);
  if (isJson) writeJson(report);
  else writeOut(reportText(report));
  if (report.isValid) return EXIT.done;
  const faults = faultsOf(report);
  const failure = new api.InputError(`${report.directory}: ${faults[0] ?? "refused"}`, {
    hint:
      faults.length > 1
        ? `${faults.length - 1} more above; correct them and validate again`
        : "correct it and validate again",
  });
  return { failure };
};

function reportText(report: DatasetReport): string {
  const lines: string[] = [];
  if (report.splits.length > 0) {
    lines.push(
      table(
        ["split", "file", "items", "bad lines", "repeated", "sha256"],
        report.splits.map(({ split, file, items, problems, repeatedItems, sha256 }) => [
          split,
          file,
          items,
          problems.length,
          repeatedItems,
          sha256?.slice(0, 16) ?? "",
        ]),
      ),
    );
  }
  if (report.manifest?.instruction !== undefined)
    lines.push(`instruction: ${JSON.stringify(report.manifest.instruction)}`);
  const faults = faultsOf(report);
  for (const fault of faults.slice(0, MAX_LISTED)) lines.push(fault);
  if (faults.length > MAX_LISTED) lines.push(`… and ${faults.length - MAX_LISTED} more (--json lists all)`);
  lines.push(report.isValid ? `${report.directory} is valid` : `${report.directory} is not valid`);
  return lines.join("\n");
}

function faultsOf(report: DatasetReport): string[] {
  return [
    ...(report.error === undefined ? [] : [report.error]),
    ...report.splits.flatMap(({ file, error, problems }) => [
      ...(error === undefined ? [] : [error]),
      ...problems.map(({ line, column, id, reason }) => {
        const place = `${file}:${line}${column === undefined ? "" : `:${column}`}`;
        return `${place}: ${id === undefined ? "" : `${id}: `}${reason}`;
      }),
    ]),
    ...report.overlaps.map(
      ({ splits, count, examples }) =>
        `split overlap: ${count} items of ${splits[0]} are in ${splits[1]} too, such as ${examples[0]?.join(" and ") ?? "?"}`,
    ),
  ];
}
