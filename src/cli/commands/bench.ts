/** @file `w4s bench`: measured tables of this machine, and how they compare with earlier ones. */
import { spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Command, Option } from "commander";
import { formatDuration, formatMeasured } from "../../core/figure-format.js";
import { packageFile } from "../../core/package-file.js";
import { type ActionBody, complete } from "../action.js";
import { type BenchChange, compareBenches, readBenchFile } from "../bench-file.js";
import { BENCHES, type Bench, type BenchScope } from "../bench-list.js";
import { EXIT } from "../exit-code.js";
import { writeErr, writeJson, writeOut, writeProse } from "../print/output.js";
import { table } from "../print/tables.js";

const FOLDER = packageFile("bench");

const EXAMPLES = `
Examples:
  $ w4s bench                                # all usual tables, within ten minutes on two cores
  $ w4s bench --quick                        # the embedded model only, within two minutes
  $ w4s bench train forward --out now.json
  $ w4s bench train --compare now.json       # beside an earlier result
  $ w4s bench --from new.json --compare old.json

Medians of repetitions after a warm-up. Compare on one idle machine; "same" means within two standard errors.
Rows about models that are not downloaded are left out and named (w4s models pull).`;

interface BenchFlags {
  quick?: boolean | undefined;
  full?: boolean | undefined;
  list?: boolean | undefined;
  out?: string | undefined;
  compare?: string | undefined;
  from?: string | undefined;
}

export function command(): Command {
  const command = new Command("bench")
    .description(
      "Measures this machine: start, sandbox, generation, forward pass, training, a round, export.",
    )
    .argument("[names...]", "tables to measure (--list names them)")
    .option("--quick", "the embedded model only, few repetitions")
    .addOption(
      new Option("--full", "also long rows: 2,048 tokens, 1.5 B, PyTorch where Python has it").conflicts(
        "quick",
      ),
    )
    .option("--list", "name the tables and what they show")
    .option("--out <file>", "keep the figures as JSON")
    .option("--compare <file>", "figures of an earlier --out to compare with")
    .option("--from <file>", "measure nothing: take the figures from this file");
  return complete(command, benchAction, { examples: EXAMPLES, hasConfig: false });
}

const benchAction: ActionBody = async ({ isJson, watch, command }, ...names) => {
  const flags = command.opts<BenchFlags>();
  if (flags.list) {
    if (isJson) writeJson({ benches: BENCHES.map(({ name, shows }) => ({ name, shows })) });
    else
      writeOut(
        table(
          ["table", "shows"],
          BENCHES.map(({ name, shows }) => [name, shows]),
        ),
      );
    return EXIT.done;
  }
  const scope: BenchScope = flags.full ? "full" : flags.quick ? "quick" : "usual";
  const chosen = await choose(names, scope);
  const earlier = flags.compare === undefined ? undefined : await readBenchFile(flags.compare);
  const folder = mkdtempSync(join(tmpdir(), "w4s-bench-"));
  try {
    const resultPath = flags.from ?? join(folder, "results.json");
    const skipped: string[] = [];
    const failed: string[] = [];
    if (flags.from === undefined) {
      for (const bench of chosen) {
        if (watch.signal.aborted) break;
        const { left, hasFailed } = await measure(bench, scope, { resultPath, isJson, signal: watch.signal });
        if (hasFailed) failed.push(bench.name);
        if (left === undefined) continue;
        skipped.push(`${bench.name}: ${left}`);
        writeErr(`${bench.name}: ${left}`);
      }
    }
    watch.signal.throwIfAborted();
    const { InputError, InternalError } = await import("../../commands.js");
    const failure = () => new InternalError(`failed: ${failed.join(", ")}; what they printed stands above`);
    if (!existsSync(resultPath) && flags.from === undefined) {
      if (failed.length > 0) throw failure();
      throw new InputError("nothing was measured", {
        hint: skipped[0] ?? "w4s bench --list names the tables",
      });
    }
    const results = await readBenchFile(resultPath);
    if (flags.out !== undefined && flags.from === undefined) {
      mkdirSync(dirname(flags.out), { recursive: true });
      copyFileSync(resultPath, flags.out);
    }
    const changes = earlier === undefined ? undefined : compareBenches(earlier, results);
    if (isJson) writeJson({ ...results, skipped, changes });
    else {
      writeProse(machineLine(results.machine));
      if (changes) printChanges(changes, earlier?.machine ?? {}, results.machine);
    }
    return failed.length > 0 ? { failure: failure() } : EXIT.done;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

async function choose(names: readonly string[], scope: BenchScope): Promise<Bench[]> {
  const { ConfigError } = await import("../../commands.js");
  const unknown = names.find((name) => !BENCHES.some((bench) => bench.name === name));
  if (unknown !== undefined) {
    throw new ConfigError(`there is no table ${JSON.stringify(unknown)}`, {
      hint: `known: ${BENCHES.map(({ name }) => name).join(", ")}`,
    });
  }
  if (names.length > 0) return BENCHES.filter(({ name }) => names.includes(name));
  return BENCHES.filter(({ args }) => args[scope] !== undefined);
}

/** Runs one script. @returns why it, or a part of it, was not measured */
async function measure(
  bench: Bench,
  scope: BenchScope,
  { resultPath, isJson, signal }: { resultPath: string; isJson: boolean; signal: AbortSignal },
): Promise<{ left?: string; hasFailed?: boolean }> {
  const { resolveModel, messageOf } = await import("../../commands.js");
  // What is no part of this scope runs in full when it is named.
  const form = bench.args[scope] === undefined ? "full" : scope;
  const wanted = bench.models?.[form] ?? [];
  const present: string[] = [];
  const missing: string[] = [];
  for (const model of wanted) {
    try {
      await resolveModel(model);
      present.push(model);
    } catch (error) {
      missing.push(messageOf(error));
    }
  }
  if (wanted.length > 0 && present.length === 0) return { left: `left out: ${missing.join("; ")}` };
  const words = [
    join(FOLDER, `${bench.script ?? bench.name}.mjs`),
    ...(wanted.length > 0 ? ["--models", present.join(",")] : []),
    ...(bench.args[form] ?? "").split(" ").filter(Boolean),
    ...["--table", bench.name, "--json", resultPath],
  ];
  const limit = bench.limitSeconds[form];
  // Tables are results: stdout, unless one JSON object is to be all that stands there.
  const child = spawn(process.execPath, words, { stdio: ["ignore", isJson ? 2 : "inherit", "inherit"] });
  const stop = () => child.kill("SIGTERM");
  signal.addEventListener("abort", stop, { once: true });
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    child.kill("SIGKILL");
  }, limit * 1000);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("exit", resolve);
    child.once("error", reject);
  });
  clearTimeout(timer);
  signal.removeEventListener("abort", stop);
  if (signal.aborted) return {};
  if (isLate) return { left: `ended after its limit of ${formatDuration(limit * 1000)}`, hasFailed: true };
  if (code !== 0) return { left: `ended with code ${code}`, hasFailed: true };
  return missing.length > 0 ? { left: `rows left out: ${missing.join("; ")}` } : {};
}

function machineLine(machine: Record<string, string | number>): string {
  const { cpu, threads, memoryGiB, node, platform, date } = machine;
  return `measured on ${threads} threads of ${cpu}, ${memoryGiB} GiB, Node ${node}, ${platform}, ${date}`;
}

function printChanges(
  changes: readonly BenchChange[],
  before: Record<string, string | number>,
  after: Record<string, string | number>,
): void {
  if (before.cpu !== after.cpu || before.threads !== after.threads)
    writeProse(`\nThe earlier figures are of another machine: ${machineLine(before)}`);
  writeOut(
    `\n${table(
      ["table", "row", "before", "after", "unit", "after / before", "noise", ""],
      changes.map(({ table: name, name: row, before: old, after: now, unit, ratio, noise, verdict }) => [
        name,
        row,
        formatMeasured(old),
        formatMeasured(now),
        unit,
        ratio === null ? "–" : ratio.toFixed(2),
        noise === null ? "unknown" : `± ${noise.toFixed(2)}`,
        verdict === "same" ? "" : verdict,
      ]),
    )}`,
  );
  if (changes.length === 0) writeOut("no row is in both files");
}
