#!/usr/bin/env node
/**
 * @file The simulated executor against a real one: the same workflows on the same items of generated families, side by side.
 * Run through scripts/simulated-check.sh, which starts the real server; --out keeps the table. Stored replies are not asked again.
 */
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { evaluate, parseRunConfig } from "../dist/index.js";

const { values: flags } = parseArgs({
  options: {
    url: { type: "string", default: "http://127.0.0.1:18431/v1" },
    model: { type: "string", default: "qwen2.5-coder-1.5b" },
    tasks: { type: "string", default: "word-problems,shopping" },
    items: { type: "string", default: "15" },
    "reply-tokens": { type: "string", default: "256" },
    "runs-root": { type: "string", default: "runs/simulated-check" },
    out: { type: "string" },
  },
});

const CHECK = `export default async function workflow(agent, task) {
  const [draft] = await agent.text(\`\${task.question}\\n\\nThink step by step. State the answer as a number at the end.\`);
  const [reply] = await agent.text(
    \`\${task.question}\\n\\nDraft:\\n\${draft}\\n\\nCheck this draft for mistakes step by step and correct it. State the answer as a number at the end.\`,
  );
  return number(reply);
}
`;
const WORKFLOWS = [{ name: "step by step, then check", source: CHECK }];

/** @param {string} task @param {string} executor */
async function rowsOf(task, executor) {
  const isReal = executor !== "simulated";
  const config = parseRunConfig({
    ...{ task, executor, weak: "none", validationLimit: Number(flags.items), seed: 0, concurrency: 4 },
    maxTokens: Number(flags["reply-tokens"]),
    run: join(flags["runs-root"], `${isReal ? "real" : "simulated"}-${task}`),
    ...(isReal ? { executorModel: flags.model, price: { inputPerMillion: 0, outputPerMillion: 0 } } : {}),
  });
  const { rows } = await evaluate(config, {
    workflows: WORKFLOWS,
    split: "validation",
    limit: Number(flags.items),
  });
  return rows;
}

/** Pairs of workflows on which both agree, of those that differ on both sides. @param {number[]} a @param {number[]} b */
function agreement(a, b) {
  let same = 0;
  let all = 0;
  for (let i = 0; i < a.length; i++) {
    for (let j = 0; j < i; j++) {
      const product = (a[i] - a[j]) * (b[i] - b[j]);
      if (product === 0) continue;
      all++;
      if (product > 0) same++;
    }
  }
  return { same, all };
}

const startedAt = Date.now();
const lines = [];
for (const task of flags.tasks.split(",")) {
  const simulated = await rowsOf(task, "simulated");
  const real = await rowsOf(task, `openai:${flags.url}`);
  const percent = (row) =>
    `${(row.accuracy * 100).toFixed(1)} % [${(row.interval.low * 100).toFixed(0)}, ${(row.interval.high * 100).toFixed(0)}], n = ${row.n}`;
  for (const [i, row] of real.entries())
    lines.push(`| ${task} | ${row.name} | ${percent(row)} | ${percent(simulated[i])} |`);
  const { same, all } = agreement(
    real.map(({ accuracy }) => accuracy),
    simulated.map(({ accuracy }) => accuracy),
  );
  lines.push(`| ${task} | _pairs in the same order_ | ${same} of ${all} | |`);
}
const text = `# The simulated executor beside a real one

\`\`\`
scripts/simulated-check.sh ${process.argv.slice(2).join(" ")}
\`\`\`

The same workflows on the same validation items of generated families: ${flags.model} behind llama.cpp's real HTTP server, at most ${flags["reply-tokens"]} tokens a
reply, beside the **simulated** executor, whose effects were chosen and not fitted (docs/simulated-executor.md). Its accuracies are its own; what was to be checked is the order.

| family | workflow | ${flags.model}, real | simulated |
| --- | --- | --- | --- |
${lines.join("\n")}

Machine: ${cpus().length} × ${cpus()[0]?.model.trim()}; ${Math.round((Date.now() - startedAt) / 60_000)} minutes for what was not stored yet.
`;
process.stdout.write(text);
if (flags.out) writeFileSync(flags.out, text);
