/** @file The card of a found workflow: what it does, how well, at what cost, with which examples, and how to run it. */
import { formatDollars } from "../core/figure-format.js";
import { hashJson } from "../core/hash.js";
import { cardContext } from "../evaluate/card-context.js";
import { cardMarkdown, workflowCard } from "../evaluate/workflow-card.js";
import { readRun, type StoredRun } from "../records/read-run.js";
import type { ResultRow } from "../records/result-row.js";
import { workflowHash } from "../workflow/workflow-hash.js";
import type { ExportedWorkflow } from "./exported-workflow.js";

/** @throws {InputError | StorageError} where the run cannot be read */
export async function cardFile(workflow: ExportedWorkflow): Promise<string> {
  const { source, config, title, parts, run: directory, settings } = workflow;
  const run = directory === undefined ? undefined : await readRun(directory);
  const card = workflowCard(source, cardContext(config));
  const name = run?.best?.title ?? title;
  const sections = [
    cardMarkdown(card, `Workflow: ${name}`).trim(),
    ...(run ? [figures(run, workflowHash(source))] : []),
    "## Examples and instruction",
    [
      examplesLine(workflow),
      parts?.instruction === undefined
        ? "- No instruction is told beside its prompts."
        : `- Told with every prompt: ${inline(parts.instruction)}`,
    ].join("\n"),
    "## Hashes",
    [
      `- Workflow: ${workflowHash(source)}`,
      ...(parts ? [`- Examples and instruction: ${hashJson(parts)}`] : []),
      ...Object.entries(run?.identity ?? {}).flatMap(([key, value]) =>
        /hash$/i.test(key) && typeof value === "string" ? [`- ${key}: ${inline(value)}`] : [],
      ),
    ].join("\n"),
    "## How to run it",
    `\`\`\`
w4s run ${directory ?? title} --question "…"
w4s serve ${directory ?? title}
w4s export ${directory ?? title} --to ts --out workflow.mjs      # without w4s
\`\`\``,
    `A run may make ${settings.modelCalls} model calls and ${settings.toolCalls} other calls; a reply has at most ${settings.maxTokens} tokens.`,
    "## Source",
    fenced(source),
  ];
  return `${sections.join("\n\n")}\n`;
}

function figures(run: StoredRun, hash: string): string {
  const rows = run.rows.filter((row) => row.workflowHash === hash);
  const lines = [
    "## Measured",
    [
      `- Task: ${inline(run.task)}`,
      `- Executor: ${inline(run.executor)}${run.isSimulated ? " (simulated: its figures say nothing about any real model)" : ""}`,
      `- Run: ${inline(run.name)} (${run.command})`,
    ].join("\n"),
  ];
  if (rows.length === 0) lines.push("The run holds no figures for it.");
  else
    lines.push(
      [
        "| split | score | 95 % interval | n | calls an item | tokens an item | cost an item |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        ...rows.map(figureLine),
      ].join("\n"),
    );
  const others = run.comparisons.map(
    ({ split, against, difference, low, high, n }) =>
      `- On ${split}, minus ${inline(against)}: ${points(difference)} (95 % interval ${points(low)} to ${points(high)}, n = ${n})`,
  );
  if (others.length > 0) lines.push(others.join("\n"));
  return lines.join("\n\n");
}

function figureLine(row: ResultRow): string {
  const { split, accuracy, interval, n, callsPerSample, tokensPerSample, dollarsPerSample } = row;
  return `| ${split} | ${accuracy.toFixed(3)} | ${interval.low.toFixed(3)} – ${interval.high.toFixed(3)} | ${n} | ${callsPerSample.toFixed(2)} | ${Math.round(tokensPerSample)} | ${formatDollars(dollarsPerSample)} |`;
}

function points(difference: number): string {
  return `${difference < 0 ? "−" : "+"}${Math.abs(difference).toFixed(3)}`;
}

function examplesLine({ parts, features }: ExportedWorkflow): string {
  if (!features.has("examples")) return "- It shows no examples.";
  const { examples = [], worked = [] } = parts ?? {};
  const solved = worked.length > 0 ? `, and ${worked.length} with a solution of the executor` : "";
  return `- It chooses from ${examples.length} items of the train split that it carries${solved}.`;
}

/** Text of a run or dataset as it is, on one line. */
function inline(text: string): string {
  return text.replace(/[\\`*_{}[\]<>#|!]/g, "\\$&").replace(/\s+/g, " ");
}

function fenced(source: string): string {
  const longest = Math.max(2, ...[...source.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}js\n${source.trimEnd()}\n${fence}`;
}
