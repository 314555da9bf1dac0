/** @file Runs of commands as the evidence scripts want them: one directory each, skipped when complete, a few at a time. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { comparePolicies } from "../dist/learn/compare-policies.js";

const MAIN = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));

/** What `w4s learn` says of a finished run. @param {string} folder */
export const summaryOf = (folder) => JSON.parse(readFileSync(join(folder, "summary.json"), "utf8"));

/** @see runToEnd */
export const runLearn = (root, name, words) => runToEnd("learn", root, name, words);

/**
 * Runs a command of w4s, or does nothing where the directory holds a complete run; what it printed stays there as printed.log.
 * @param {string} command @param {string} root @param {string} name - of the run directory in it @param {string[]} words
 */
export async function runToEnd(command, root, name, words) {
  const folder = join(root, name);
  if (existsSync(join(folder, "summary.json")) && summaryOf(folder).isComplete) return;
  const log = [];
  const args = [MAIN, command, ...words, "--runs-root", root, "--run", name];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => log.push(chunk));
  const code = await new Promise((resolve) => child.once("exit", resolve));
  const printed = Buffer.concat(log);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "printed.log"), printed);
  if (code !== 0) throw new Error(`${name} ended with ${code}:\n${printed.toString().slice(-2000)}`);
  process.stderr.write(`${name}: done\n`);
}

/** @param {(() => Promise<void>)[]} jobs @param {number} count - at once */
export async function inParallel(jobs, count) {
  const left = [...jobs];
  const worker = async () => {
    for (let job = left.shift(); job; job = left.shift()) await job();
  };
  await Promise.all(Array.from({ length: count }, worker));
}

/** The paired differences with their intervals, as text; a lone figure proves nothing. */
export function differences(own, other) {
  const { meanReward, best } = comparePolicies(own, other);
  const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(3)}`;
  const text = ({ mean, interval }) => `${signed(mean)} [${signed(interval.low)}, ${signed(interval.high)}]`;
  return { meanReward: text(meanReward), best: text(best) };
}

/** @param {string} head - cells divided by " | " @param {string[]} rows */
export const markdownTable = (head, rows) =>
  [
    head,
    head
      .split(" | ")
      .map(() => "---")
      .join(" | "),
    ...rows,
  ]
    .map((row) => `| ${row} |`)
    .join("\n");
