#!/usr/bin/env node
/**
 * @file The simulated executor against a real one: ten workflows on the same items of generated families, side by side.
 * --executor local:NAME runs the real one here; scripts/simulated-check.sh starts a server for it. --out keeps the table. Stored
 * replies are not asked again.
 */
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { programBaselines } from "../dist/evaluate/baselines/program-baselines.js";
import { answerKind, usualBaselines } from "../dist/evaluate/baselines/usual-baselines.js";
import { evaluate, parseRunConfig } from "../dist/index.js";
import { loadTask } from "../dist/tasks/load-task.js";
import { problemTemplate, READ_REPLY, STATE_FORMAT } from "../dist/workflow/answer-kind.js";
import "./plain-errors.mjs";

const { values: flags } = parseArgs({
  options: {
    executor: { type: "string", default: "openai:http://127.0.0.1:18431/v1" },
    model: { type: "string", default: "qwen2.5-coder-1.5b" },
    threads: { type: "string" },
    tasks: { type: "string", default: "shopping,counting,unit-conversion,ordering,swaps,string-transform" },
    items: { type: "string", default: "16" },
    "simulated-items": { type: "string", default: "40" },
    "reply-tokens": { type: "string", default: "384" },
    "runs-root": { type: "string", default: "runs/simulated-check" },
    out: { type: "string" },
  },
});

const isLocal = flags.executor.startsWith("local:");
const REAL = {
  executor: flags.executor,
  price: { inputPerMillion: 0, outputPerMillion: 0 },
  // A slow model is no fault of a workflow.
  limits: { wallMs: 1_800_000 },
  ...(isLocal
    ? { gpu: "off", concurrency: 32, ...(flags.threads ? { threads: Number(flags.threads) } : {}) }
    : { executorModel: flags.model }),
};

/** The ten workflows for a kind of answer, plainest first. */
function workflowsFor(kind) {
  const problem = problemTemplate(kind, false);
  const one = (instruction, options = "") => `export default async function workflow(agent, task) {
  const [reply] = await agent.text(\`${problem}${instruction === "" ? "" : `\\n\\n${instruction}`}\`${options});
  return ${READ_REPLY[kind]};
}
`;
  const steps = `Think step by step. ${STATE_FORMAT[kind]}`;
  const check = `export default async function workflow(agent, task) {
  const [draft] = await agent.text(\`${problem}\\n\\n${steps}\`);
  const [reply] = await agent.text(\`${problem}\\n\\nDraft:\\n\${draft}\\n\\nCheck this draft for mistakes and correct it. ${STATE_FORMAT[kind]}\`);
  return ${READ_REPLY[kind]};
}
`;
  const named = new Map(
    [...usualBaselines(kind, false), ...programBaselines(kind, false)].map(({ name, source }) => [
      name,
      source,
    ]),
  );
  return [
    { name: "no form stated", source: one("") },
    { name: "direct", source: named.get("direct") },
    { name: "steps", source: named.get("chain-of-thought") },
    { name: "expert, steps", source: one(steps, ', { role: "a careful expert" }') },
    { name: "plan, then steps", source: one(`First make a short plan, then carry it out. ${steps}`) },
    { name: "facts, then steps", source: one(`First list the facts that matter. ${steps}`) },
    { name: "steps, then check", source: check },
    { name: "five votes", source: named.get("self-consistency") },
    { name: "program", source: named.get("always-code") },
    { name: "program, else words", source: named.get("code-then-words") },
  ];
}

/** @param {string} task @param {boolean} isReal */
async function rowsOf(task, isReal) {
  const items = Number(isReal ? flags.items : flags["simulated-items"]);
  const config = parseRunConfig({
    ...{ task, weak: "none", validationLimit: items, seed: 0, concurrency: 4, baselines: "direct" },
    ...(isReal ? REAL : { executor: "simulated" }),
    maxTokens: Number(flags["reply-tokens"]),
    run: join(flags["runs-root"], `${isReal ? "real" : "simulated"}-${task}`),
  });
  const workflows = workflowsFor(answerKind(await loadTask(task)));
  const { rows } = await evaluate(config, { workflows, split: "validation", limit: items });
  return workflows.map(({ name }) => rows.find((row) => row.name === name));
}

/**
 * Kendall's τ-b of two lists: 1 = the same order, −1 = the reverse; pairs that are equal in one list count half.
 * @source Kendall 1945, The treatment of ties in ranking problems. @param {number[]} a @param {number[]} b
 */
function kendall(a, b) {
  let [sum, untiedA, untiedB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    for (let j = 0; j < i; j++) {
      const [x, y] = [Math.sign(a[i] - a[j]), Math.sign(b[i] - b[j])];
      sum += x * y;
      untiedA += x * x;
      untiedB += y * y;
    }
  }
  return untiedA === 0 || untiedB === 0 ? 0 : sum / Math.sqrt(untiedA * untiedB);
}

const startedAt = Date.now();
const lines = [];
const taus = [];
for (const task of flags.tasks.split(",")) {
  const simulated = await rowsOf(task, false);
  const real = await rowsOf(task, true);
  const percent = ({ accuracy, interval: { low, high }, n, errors }) =>
    `${(accuracy * 100).toFixed(0)} % [${(low * 100).toFixed(0)}, ${(high * 100).toFixed(0)}], n = ${n}${errors > 0 ? `, ${errors} lost` : ""}`;
  for (const [i, row] of real.entries())
    lines.push(`| ${i === 0 ? task : ""} | ${row.name} | ${percent(row)} | ${percent(simulated[i])} |`);
  const [a, b] = [real, simulated].map((rows) => rows.map(({ accuracy }) => accuracy));
  taus.push(kendall(a, b));
  lines.push(`| | _Kendall's τ of the order_ | ${taus.at(-1).toFixed(2)} | |`);
}
const mean = taus.reduce((sum, tau) => sum + tau, 0) / taus.length;
const text = `# The simulated executor beside a real one

\`\`\`
${isLocal ? "node scripts/simulated-check.mjs" : "scripts/simulated-check.sh"} ${process.argv
  .slice(2)
  // By the last name of its path: the page is kept, and folders of this machine say nothing to others.
  .map((word) => word.replace(/^(local:)?\/(?:.*\/)?([^/]+)$/, "$1$2"))
  .join(" ")}
\`\`\`

Ten workflows on the same validation items of generated families: ${flags.model} ${isLocal ? "as local: executor" : "behind llama.cpp's real HTTP server"}, at most ${flags["reply-tokens"]} tokens a
reply, beside the **simulated** executor (docs/simulated-executor.md). Its accuracies are its own; what is checked is the order.
**Kendall's τ in the mean of ${taus.length} families: ${mean.toFixed(2)}.**

| family | workflow | ${flags.model}, real | simulated |
| --- | --- | --- | --- |
${lines.join("\n")}

Machine: ${cpus().length} × ${cpus()[0]?.model.trim()}; ${Math.round((Date.now() - startedAt) / 60_000)} minutes for what was not stored yet.
`;
process.stdout.write(text);
if (flags.out) writeFileSync(flags.out, text);
