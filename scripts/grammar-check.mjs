/**
 * @file Share of valid and of distinct workflows that real weak models write, with the subset grammar and in free text.
 * `node scripts/grammar-check.mjs [--candidates N] [--models a,b]` after `make build`; the executor is simulated, since
 * only "runs to an answer on one public sample" is asked here.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import Table from "cli-table3";
import { collect, parseRunConfig, resolveModel } from "../dist/index.js";
import { readTrajectory } from "../dist/records/trajectory.js";

const { values } = parseArgs({
  options: {
    candidates: { type: "string", default: "40" },
    models: { type: "string", default: "smollm2-135m,qwen2.5-coder-0.5b" },
    threads: { type: "string", default: "2" },
    seed: { type: "string", default: "1" },
  },
});
const PER_TURN = 5;
const TURNS = 2;

/** Kinds of drawing, and the share of the candidates each model gets. */
const KINDS = [
  { title: "subset grammar", grammar: "subset", explore: 0, share: 1 },
  { title: "subset grammar, half forced", grammar: "subset", explore: 0.5, share: 1 },
  { title: "free text", grammar: "none", explore: 0, share: 0.5 },
];

const head = ["model", "drawing", "n", "valid", "distinct", "tokens (mean, max)", "techniques"];
const table = new Table({ head, style: { head: [], border: [] } });
const folder = mkdtempSync(join(tmpdir(), "w4s-grammar-"));
try {
  for (const model of values.models.split(",")) {
    for (const kind of KINDS) {
      const episodes = Math.max(1, Math.round((Number(values.candidates) * kind.share) / (PER_TURN * TURNS)));
      const run = join(folder, `${model}-${kind.grammar}-${kind.explore}`);
      const config = parseRunConfig({
        task: "word-problems",
        executor: "simulated",
        model,
        weak: "none",
        gpu: "off",
        threads: Number(values.threads),
        promptStyle: "compact",
        grammar: kind.grammar,
        explore: kind.explore,
        episodes,
        turns: TURNS,
        candidates: PER_TURN,
        maxRepairs: 0,
        screen: 0,
        validationLimit: 8,
        seed: Number(values.seed),
        run,
      });
      const { candidates, stoppedBy } = await collect(config, { resolveModelFile: resolveModel });
      if (stoppedBy) throw stoppedBy;
      const actions = readTrajectory(join(run, "trajectories.jsonl")).flatMap((record) =>
        record.kind === "actions" ? record.actions : [],
      );
      const lengths = actions.map((action) => action.tokens.length);
      const mean = lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
      const used = Object.entries(candidates.techniques).sort(([, a], [, b]) => b - a);
      table.push([
        model,
        kind.title,
        candidates.count,
        percent(candidates.validShare),
        percent(candidates.distinctShare),
        `${mean.toFixed(0)}, ${Math.max(...lengths)}`,
        used.map(([name, share]) => `${name} ${percent(share)}`).join("\n"),
      ]);
      process.stderr.write(`${model}, ${kind.title}: ${percent(candidates.validShare)} valid\n`);
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.stdout.write(`${table.toString()}\n`);

function percent(share) {
  return `${Math.round(share * 100)} %`;
}
