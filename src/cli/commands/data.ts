/** @file `w4s data`: list, check and import datasets. */
import { Command, Option } from "commander";
import type { DatasetReport, ImportOptions } from "../../commands.js";
import { type ActionBody, complete } from "../action.js";
import { EXIT } from "../exit-code.js";
import { flagOf, repeated } from "../flag-values.js";
import { writeErr, writeJson, writeOut } from "../print/output.js";
import { table } from "../print/tables.js";

const IMPORT_EXAMPLES = `
Examples:
  $ w4s data import problems.jsonl datasets/mine --kind math
  $ w4s data import quiz.csv datasets/quiz --kind choice --field question=Frage \\
      --choice-field A --choice-field B --choice-field C --field answer=Right --split validation=50 --split test=100
  $ w4s data import tickets.csv datasets/tickets --kind text --field question=text --field answer=label \\
      --instruction "Answer with one label: billing, bug, other"
  $ w4s data import gsm.jsonl datasets/gsm --kind math --answer-after "####"
  $ w4s data import mgsm/ datasets/mgsm --benchmark mgsm --split validation=20 --split test=200

Fields of ours: question, answer, context, choices, id, solution, split. See docs/datasets.md.`;

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
  const imports = new Command("import")
    .description("Makes a dataset folder from a JSONL, CSV or TSV file (also .gz).")
    .argument("<source>", "file of records")
    .argument("<directory>", "folder to write")
    .addOption(
      new Option("--kind <kind>", "what is asked (not with --benchmark)").choices([
        "math",
        "qa",
        "choice",
        "text",
      ]),
    )
    .option(
      "--benchmark <name>",
      "the source is a file, or a folder of files, of this benchmark as published: gsm8k, gsm-hard, mgsm, math-500, drop, strategyqa, commonsenseqa or bbh",
    )
    .option("--name <name>", "name of the dataset (default: that of the folder)")
    .option("--title <text>", "readable title")
    .option(
      "--description <text>",
      "one or two sentences for the meta-agent: what is asked, what an answer looks like",
    )
    .option(
      "--instruction <text>",
      "what every model that answers is told with each item, such as the labels to choose from",
    )
    .option("--license <name>", "licence of the data")
    .option("--homepage <url>", "where the data come from")
    .option(
      "--metric <name>",
      "exact-number, expression, choice, f1, exact-match or regex (default: the usual one of the kind)",
    )
    .option("--format <name>", "jsonl, csv or tsv (default: by the ending)")
    .option("--field <ours=theirs>", "field of the source for a field of ours; repeat it", repeated, [])
    .option("--choice-field <name>", "field with one option; repeat it", repeated, [])
    .option("--meta-field <name>", "field to keep, never shown to a model; repeat it", repeated, [])
    .option(
      "--split <name=size>",
      "train, validation or test with a share or a count; repeat it",
      repeated,
      [],
    )
    .option("--seed <n>", "draws the splits", "0")
    .option("--answer-after <mark>", "keep only what follows the last such mark in an answer")
    .option("--answer-index-from <n>", "0 or 1: answers are option numbers counted from there")
    .option("--drop-duplicates", "keep the first of equal items instead of refusing the file")
    .option("--overwrite", "replace an existing dataset folder");
  data.addCommand(complete(list, listAction, { hasConfig: false }));
  data.addCommand(complete(validate, validateAction, { hasConfig: false }));
  data.addCommand(complete(imports, importAction, { examples: IMPORT_EXAMPLES, hasConfig: false }));
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

interface ImportFlags {
  kind?: ImportOptions["kind"] | undefined;
  benchmark?: string | undefined;
  name?: string | undefined;
  title?: string | undefined;
  description?: string | undefined;
  instruction?: string | undefined;
  license?: string | undefined;
  homepage?: string | undefined;
  metric?: string | undefined;
  format?: string | undefined;
  field: string[];
  choiceField: string[];
  metaField: string[];
  split: string[];
  seed: string;
  answerAfter?: string | undefined;
  answerIndexFrom?: string | undefined;
  dropDuplicates?: boolean | undefined;
  overwrite?: boolean | undefined;
}

/** Flags that go with --benchmark; the others describe a file of one's own. */
const BENCHMARK_FLAGS = new Set([
  "benchmark",
  "name",
  "instruction",
  "split",
  "seed",
  "overwrite",
  "json",
  "debug",
]);
const OUR_FIELDS = ["question", "answer", "context", "choices", "id", "solution", "split"] as const;
const SPLITS = ["train", "validation", "test"] as const;
const METRICS = ["exact-number", "expression", "choice", "f1", "exact-match", "regex"] as const;
const FORMATS = ["jsonl", "csv", "tsv"] as const;

const importAction: ActionBody = async ({ isJson, command }, source = "", directory = "") => {
  const api = await import("../../commands.js");
  const flags = command.opts<ImportFlags>();
  const refuse = (message: string, hint: string): never => {
    throw new api.ConfigError(message, { hint });
  };
  /** "a=b" with a name of ours on the left. */
  const pair = <N extends string>(flag: string, text: string, names: readonly N[]): [N, string] => {
    const at = text.indexOf("=");
    const name = names.find((known) => known === text.slice(0, at));
    return name === undefined || at === text.length - 1
      ? refuse(`${flag}: "${text}" is not NAME=VALUE`, `NAME is one of ${names.join(", ")}`)
      : [name, text.slice(at + 1)];
  };
  const oneOf = <N extends string>(flag: string, text: string | undefined, names: readonly N[]) =>
    text === undefined
      ? undefined
      : (names.find((known) => known === text) ??
        refuse(`${flag}: "${text}" is unknown`, `use one of ${names.join(", ")}`));
  const whole = (flag: string, text: string, max: number): number =>
    /^\d+$/.test(text) && Number(text) <= max
      ? Number(text)
      : refuse(`${flag}: "${text}" must be a whole number from 0 to ${max}`, "correct it");
  const sizes = flags.split.map((text) => {
    const [name, size] = pair("--split", text, SPLITS);
    return /^(\d+\.?\d*|\.\d+)$/.test(size)
      ? ([name, Number(size)] as const)
      : refuse(`--split: "${text}" has no size`, "give a share such as 0.2, or a count such as 100");
  });
  const { kind, benchmark, name, overwrite = false } = flags;
  const splits = sizes.length === 0 ? undefined : Object.fromEntries(sizes);
  const seed = whole("--seed", flags.seed, 2 ** 31 - 1);
  if (benchmark !== undefined) {
    const given = Object.entries(flags).find(
      ([name, value]) => !BENCHMARK_FLAGS.has(name) && [value].flat().some((one) => one !== undefined),
    )?.[0];
    if (given)
      refuse(`--benchmark says what the file holds; ${flagOf(given)} cannot be given too`, "leave it out");
    const report = await api.importBenchmark({
      benchmark,
      source,
      directory,
      seed,
      overwrite,
      splits,
      name,
      instruction: flags.instruction,
    });
    if (isJson) writeJson(report);
    else {
      if (report.repeated > 0) writeErr(`left out: ${report.repeated} items that repeat an earlier one`);
      if (report.leftOut.length > 0)
        writeErr(`left out, not answered by a choice: ${report.leftOut.join(", ")}`);
      writeImported(report);
    }
    return EXIT.done;
  }
  if (kind === undefined)
    return refuse("what kind of task is it?", "give --kind math, qa, choice or text, or --benchmark NAME");
  const report = await api.importDataset({
    source,
    directory,
    kind,
    fields: {
      ...Object.fromEntries(flags.field.map((text) => pair("--field", text, OUR_FIELDS))),
      ...(flags.choiceField.length > 0 ? { choices: flags.choiceField } : {}),
      ...(flags.metaField.length > 0 ? { meta: flags.metaField } : {}),
    },
    seed,
    dropDuplicates: flags.dropDuplicates ?? false,
    overwrite,
    splits,
    metric: oneOf("--metric", flags.metric, METRICS),
    format: oneOf("--format", flags.format, FORMATS),
    answerIndexFrom:
      flags.answerIndexFrom === undefined
        ? undefined
        : (whole("--answer-index-from", flags.answerIndexFrom, 1) as 0 | 1),
    name,
    title: flags.title,
    description: flags.description,
    instruction: flags.instruction,
    license: flags.license,
    homepage: flags.homepage,
    answerAfter: flags.answerAfter,
  });
  if (isJson) writeJson(report);
  else {
    if (report.dropped.length > 0) writeErr(`left out as duplicates: lines ${report.dropped.join(", ")}`);
    writeImported(report);
  }
  return EXIT.done;
};

function writeImported({ directory, counts }: { directory: string; counts: Record<string, number> }): void {
  const sizes = Object.entries(counts).map(([split, count]) => `${split} ${count}`);
  writeOut(`wrote ${directory}: ${sizes.join(", ")}; next: w4s optimize --task ${directory} …`);
}
