/** @file The learning half of the evidence: one adapter by rewards, one by the same weights dealt out at random. */
import { spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { mean } from "../../dist/core/statistics.js";
import { isComplete } from "./plan.mjs";

const MAIN = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
/** Exit code of a run that ended at its budget. */
const STOPPED = 8;

/**
 * Trains one row, or goes on; a complete one is left alone.
 * @returns {Promise<boolean>} false where the minutes were over before the end
 */
export async function trainRow(row, settings, { folder, seed, threads, minutesLeft, families }) {
  const run = join(folder, row);
  if (isComplete(run)) return true;
  if (row === "shuffled") share(join(folder, "trained"), run);
  const left = minutesLeft();
  if (left <= 0) return false;
  const words = [
    ...["learn", "--task", families.join(","), "--held-back", settings.heldBack],
    ...["--model", settings.model, "--executor", settings.executor, "--weak", "none", "--gpu", "off"],
    ...["--rounds", settings.rounds, "--episodes", settings.episodes, "--turns", 1],
    ...["--candidates", settings.candidates, "--explore", 1, "--from-scratch", 1],
    ...["--explore-by", settings.exploreBy],
    ...[
      "--screen",
      settings.block,
      "--validation-limit",
      settings.pool,
      "--instructions",
      0,
      "--max-repairs",
      0,
    ],
    ...["--eval-episodes", 0, "--test-limit", 0, "--accept", "always", "--epochs", settings.epochs],
    ...["--reply-tokens", settings["reply-tokens"]],
    ...["--prompt-style", settings.promptStyle, "--light-share", settings["light-share"]],
    ...["--batch-size", settings["batch-size"]],
    ...["--without", settings.without.join(",")],
    ...[
      "--baselines",
      settings.baselines.join(","),
      "--weighting",
      row === "shuffled" ? "shuffled" : "advantage",
    ],
    ...["--concurrency", 32, "--sample-ms", 1_800_000, "--seed", seed, "--threads", threads],
    ...["--max-minutes", left.toFixed(2), "--runs-root", folder, "--run", row],
  ].map(String);
  const child = spawn(process.execPath, [MAIN, ...words], { stdio: ["ignore", "ignore", "inherit"] });
  const code = await new Promise((resolve) => child.once("exit", resolve));
  if (code === 0) return true;
  if (code === STOPPED) return false;
  throw new Error(`w4s learn ended with ${code} (${run})`);
}

/** The trajectories and calls of the first round, which no adapter has changed yet. */
function share(from, to) {
  if (existsSync(join(to, "rounds"))) return;
  mkdirSync(join(to, "rounds", "01"), { recursive: true });
  for (const name of readdirSync(join(from, "rounds", "01")))
    if (name.startsWith("collect-"))
      copyFileSync(join(from, "rounds", "01", name), join(to, "rounds", "01", name));
  copyFileSync(join(from, "calls.db"), join(to, "calls.db"));
}

/** Mean accuracies of the baselines over the training families, best first; titles by name. */
export function baselinesOf(folder) {
  const found = new Map();
  for (const line of readFileSync(join(folder, "trained", "events.jsonl"), "utf8").split("\n")) {
    if (!line.includes('"baseline-scored"')) continue;
    const { name, accuracy } = JSON.parse(line);
    const border = name.indexOf(", ");
    const [task, title] = [name.slice(0, border), name.slice(border + 2)];
    found.set(title, new Map(found.get(title)).set(task, accuracy));
  }
  return [...found]
    .map(([title, byTask]) => ({
      title,
      accuracy: mean([...byTask.values()]),
      tasks: Object.fromEntries(byTask),
    }))
    .sort((a, b) => b.accuracy - a.accuracy);
}
