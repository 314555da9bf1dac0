/**
 * @file Fixed workflows with programs and examples beside direct answers, with a real executor, task by task.
 * node scripts/programs-check.mjs [--executor local:qwen2.5-coder-1.5b] [--threads N] [--bbh DIR] [--items 40] [--root DIR] [--tasks a,b] [--out FILE]
 * A served executor: --executor openai:URL --executor-model NAME. DIR holds BIG-Bench Hard's files as published
 * (word_sorting.json, …); the other tasks are datasets in W4S_DATASETS. Goes on where it was stopped. Run after `make build`.
 */
import { execFileSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { markdownTable, runToEnd, summaryOf } from "./learn-runs.mjs";
import "./plain-errors.mjs";

const MAIN = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const BBH = ["word_sorting", "multistep_arithmetic_two", "object_counting", "dyck_languages"];
/** Tasks without a train split have no examples. */
const WITHOUT_TRAIN = new Set(["gsm-hard"]);
const ROWS = ["direct", "code-then-words", "few-shot-5"];

const { values } = parseArgs({
  options: {
    executor: { type: "string", default: "local:qwen2.5-coder-1.5b" },
    "executor-model": { type: "string" },
    threads: { type: "string" },
    bbh: { type: "string" },
    items: { type: "string", default: "40" },
    root: { type: "string", default: "runs/programs-check" },
    tasks: { type: "string", default: [...BBH, "gsm-hard", "commonsenseqa", "strategyqa"].join(",") },
    out: { type: "string" },
  },
});

/** Folder of a dataset, made of a published file where it is one of BIG-Bench Hard's. */
function datasetOf(name) {
  if (!BBH.includes(name)) return name;
  const folder = join(values.root, "datasets", name);
  if (existsSync(folder)) return folder;
  const file = join(values.bbh ?? "", `${name}.json`);
  if (!existsSync(file)) throw new Error(`no ${file}: name the folder of the published files with --bbh`);
  const splits = ["train=0.4", "validation=0.1", "test=0.5"].flatMap((split) => ["--split", split]);
  const words = ["data", "import", file, folder, "--benchmark", "bbh", ...splits];
  execFileSync(process.execPath, [MAIN, ...words], { stdio: ["ignore", "ignore", "inherit"] });
  return folder;
}

const rows = [];
for (const name of values.tasks.split(",")) {
  const baselines = ROWS.filter((row) => row !== "few-shot-5" || !WITHOUT_TRAIN.has(name));
  const words = ["--task", datasetOf(name), "--split", "test", "--test-limit", values.items];
  words.push("--executor", values.executor);
  for (const flag of ["executor-model", "threads"])
    if (values[flag] !== undefined) words.push(`--${flag}`, values[flag]);
  words.push(
    "--price-input",
    "0",
    "--price-output",
    "0",
    "--weak",
    "none",
    "--baselines",
    baselines.join(","),
  );
  // A slow executor is no fault of a workflow; as many samples at once as it has lanes.
  words.push("--reply-tokens", "512", "--concurrency", "32", "--sample-ms", "1800000");
  await runToEnd("eval", values.root, name, words);
  const summary = summaryOf(join(values.root, name));
  const direct = summary.rows[0];
  for (const row of summary.rows) {
    const difference = summary.differences.find((one) => one.name === row.name);
    const signed = (share) => `${share < 0 ? "−" : "+"}${Math.abs(share * 100).toFixed(1)}`;
    const against = difference
      ? `${signed(difference.difference)} [${signed(difference.low)}, ${signed(difference.high)}]`
      : "";
    rows.push(
      [
        row === direct ? name : "",
        row.name,
        `${(row.accuracy * 100).toFixed(1)}%`,
        against,
        row.n,
        row.errors,
        row.byCode === undefined ? "" : `${Math.round(row.byCode * 100)}%`,
        row.callsPerSample.toFixed(1),
        row.tokensPerSample.toFixed(0),
      ].join(" | "),
    );
  }
}
const head = "task | workflow | accuracy | difference to direct [95 %] | n | lost | by code | calls | tokens";
const table = markdownTable(head, rows);
console.log(table);
if (values.out !== undefined) writeFileSync(values.out, `${table}\n`);
