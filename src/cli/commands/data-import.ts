/** @file `w4s data import`: a file of one's own, or a benchmark as published, to a dataset folder. */
import { Command, Option } from "commander";
import type { ImportOptions } from "../../commands.js";
import { type ActionBody, complete } from "../action.js";
import { EXIT } from "../exit-code.js";
import { flagOf, repeated } from "../flag-values.js";
import { planText, writeImported } from "../print/import-text.js";
import { writeErr, writeJson } from "../print/output.js";

const EXAMPLES = `
Examples:
  $ w4s data import problems.jsonl datasets/mine --kind math
  $ w4s data import tickets.csv datasets/tickets --kind choice --choices-from label
  $ w4s data import squad.json datasets/squad --kind qa --field answer=answers.text
  $ w4s data import quiz.csv datasets/quiz --kind choice --field question=Frage \\
      --choice-field A --choice-field B --choice-field C --field answer=Right --split validation=50 --split test=100
  $ w4s data import datasets/parts --kind qa --train a.parquet --validation b.parquet --test c.parquet
  $ w4s data import mgsm/ datasets/mgsm --benchmark mgsm --split validation=20 --split test=200

Separator, encoding (UTF-8, UTF-16) and fields are guessed and shown; --dry-run shows them and writes nothing.
Fields of ours: question, answer, context, choices, id, solution, split. See docs/datasets.md.`;

export function importCommand(): Command {
  const imports = new Command("import")
    .description(
      "Makes a dataset folder from a JSONL, JSON, CSV, TSV or Parquet file (text also as .gz), or from a folder of such.",
    )
    .argument("<source>", "file or folder of records (left out with --train)")
    .argument("[directory]", "folder to write")
    .addOption(
      new Option("--kind <kind>", "what is asked (not with --benchmark)").choices([
        "math",
        "qa",
        "choice",
        "text",
      ]),
    )
    .option(
      "--field <ours=theirs>",
      "field of the source for a field of ours, nothing for none; repeat it",
      repeated,
      [],
    )
    .option("--choices <a,b,c>", "the same options for every item")
    .option("--choices-from <field>", "the values of this field are the options of every item")
    .option("--choice-field <name>", "field with one option; repeat it", repeated, [])
    .option("--meta-field <name>", "field to keep, never shown to a model; repeat it", repeated, [])
    .option(
      "--instruction <text>",
      "what every model that answers is told with each item, such as the labels to choose from",
    )
    .option(
      "--description <text>",
      "one or two sentences for the meta-agent: what is asked, what an answer looks like",
    )
    .option(
      "--split <name=size>",
      "train, validation or test with a share or a count; repeat it",
      repeated,
      [],
    )
    .option("--seed <n>", "draws the splits", "0")
    .option("--train <file>", "file of the train split, in place of <source>")
    .option("--validation <file>", "file of the validation split")
    .option("--test <file>", "file of the test split")
    .option("--format <name>", "jsonl, json, csv, tsv or parquet (default: by ending and content)")
    .option(
      "--separator <character>",
      "of a table: one character, or comma, semicolon, tab, pipe (default: guessed)",
    )
    .option(
      "--encoding <name>",
      "of text, such as latin1 or utf-16le (default: UTF-8, or UTF-16 where certain)",
    )
    .option("--decimal-comma", "numbers are written 1.234,50")
    .option("--answer-after <mark>", "keep only what follows the last such mark in an answer")
    .option("--answer-index-from <n>", "0 or 1: answers are option numbers counted from there")
    .option("--drop-duplicates", "keep the first of equal items instead of refusing the file")
    .option("--skip-bad", "leave out records that cannot be read instead of refusing the file")
    .option(
      "--metric <name>",
      "exact-number, expression, choice, f1, exact-match or regex (default: the usual one of the kind)",
    )
    .option(
      "--benchmark <name>",
      "the source is a file, or a folder of files, of this benchmark as published: gsm8k, gsm-hard, mgsm, math-500, drop, strategyqa, commonsenseqa or bbh",
    )
    .option("--name <name>", "name of the dataset (default: that of the folder)")
    .option("--title <text>", "readable title")
    .option("--license <name>", "licence of the data")
    .option("--homepage <url>", "where the data come from")
    .option("--dry-run", "show how the file is read, and write nothing")
    .option("--overwrite", "replace an existing dataset folder");
  return complete(imports, importAction, { examples: EXAMPLES, hasConfig: false });
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
  separator?: string | undefined;
  encoding?: string | undefined;
  decimalComma?: boolean | undefined;
  field: string[];
  choices?: string | undefined;
  choicesFrom?: string | undefined;
  choiceField: string[];
  metaField: string[];
  split: string[];
  seed: string;
  train?: string | undefined;
  validation?: string | undefined;
  test?: string | undefined;
  answerAfter?: string | undefined;
  answerIndexFrom?: string | undefined;
  dropDuplicates?: boolean | undefined;
  skipBad?: boolean | undefined;
  dryRun?: boolean | undefined;
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
const FORMATS = ["jsonl", "json", "csv", "tsv", "parquet"] as const;

const importAction: ActionBody = async ({ isJson, command }, first = "", second = "") => {
  const api = await import("../../commands.js");
  const flags = command.opts<ImportFlags>();
  const refuse = (message: string, hint: string): never => {
    throw new api.ConfigError(message, { hint });
  };
  /** "a=b" with a name of ours on the left. */
  const pair = <N extends string>(flag: string, text: string, names: readonly N[]): [N, string] => {
    const at = text.indexOf("=");
    const name = names.find((known) => known === text.slice(0, at));
    const isEmpty =
      at === text.length - 1 && (flag !== "--field" || name === "question" || name === "answer");
    return name === undefined || isEmpty
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
  const files = Object.fromEntries(
    SPLITS.flatMap((split) => (flags[split] === undefined ? [] : [[split, flags[split]]])),
  );
  const hasFiles = Object.keys(files).length > 0;
  if (hasFiles && second !== "")
    refuse(`${first} and --${Object.keys(files)[0]} both name the source`, "leave one of them out");
  if (!hasFiles && second === "")
    refuse("the folder to write is missing", `w4s data import ${first} datasets/NAME --kind KIND`);
  const directory = hasFiles ? first : second;
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
      source: first,
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
    return refuse(
      "what kind of task is it?",
      "give --kind math (answers are numbers), choice (options or labels), qa or text (short texts), or --benchmark NAME",
    );
  const hasSet = flags.choices !== undefined || flags.choicesFrom !== undefined;
  if (hasSet && kind !== "choice")
    refuse(`--choices are for --kind choice, not ${kind}`, "pass --kind choice");
  if (flags.choices !== undefined && flags.choicesFrom !== undefined)
    refuse("--choices and --choices-from both give the options", "leave one of them out");
  const report = await api.importDataset({
    source: hasFiles ? files : first,
    directory,
    kind,
    fields: {
      ...Object.fromEntries(flags.field.map((text) => pair("--field", text, OUR_FIELDS))),
      ...(flags.choiceField.length > 0 ? { choices: flags.choiceField } : {}),
      ...(flags.metaField.length > 0 ? { meta: flags.metaField } : {}),
    },
    choices: flags.choices
      ?.split(",")
      .map((choice) => choice.trim())
      .filter((choice) => choice !== ""),
    choicesFrom: flags.choicesFrom,
    seed,
    dropDuplicates: flags.dropDuplicates ?? false,
    skipBad: flags.skipBad ?? false,
    isDryRun: flags.dryRun ?? false,
    overwrite,
    splits,
    metric: oneOf("--metric", flags.metric, METRICS),
    format: oneOf("--format", flags.format, FORMATS),
    separator: flags.separator === undefined ? undefined : api.separatorOf(flags.separator),
    encoding: flags.encoding,
    decimalComma: flags.decimalComma ?? false,
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
    onPlan: (plan) => {
      if (!isJson) writeErr(planText(plan));
    },
  });
  if (isJson) writeJson(report);
  else writeImported(report);
  return EXIT.done;
};
