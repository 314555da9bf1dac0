/** @file A public benchmark as its authors publish it, to a dataset folder. */

import { readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { ConfigError, InputError } from "../core/errors.js";
import { nearHint } from "../core/near-names.js";
import { groupBy } from "../core/statistics.js";
import {
  BadBenchmark,
  type Benchmark,
  type BenchmarkFile,
  type BenchmarkItem,
} from "./benchmarks/benchmark.js";
import { gsm8k, gsmHard, math500, mgsm } from "./benchmarks/math-benchmarks.js";
import { bbh, commonsenseQa, drop, strategyQa } from "./benchmarks/qa-benchmarks.js";
import type { DatasetManifest } from "./dataset-manifest.js";
import { drawSplits } from "./importing/draw-splits.js";
import { decodeUtf8 } from "./reading/decode-utf8.js";
import { JsonTextError, parseJsonLine } from "./reading/parse-json-line.js";
import { readJsonl } from "./reading/read-records.js";
import { TextFile } from "./reading/text-file.js";
import { sampleKey } from "./sample-key.js";
import { SPLIT_NAMES, type SplitName } from "./task.js";
import { type DatasetLine, writeDataset } from "./write-dataset.js";

const BENCHMARKS: Readonly<Record<string, Benchmark>> = {
  gsm8k,
  "gsm-hard": gsmHard,
  mgsm,
  "math-500": math500,
  drop,
  strategyqa: strategyQa,
  commonsenseqa: commonsenseQa,
  bbh,
};

export const BENCHMARK_NAMES: readonly string[] = Object.keys(BENCHMARKS);

/** A JSON file of a benchmark is one value, on one line or many. */
const MAX_JSON_BYTES = 256 * 1024 * 1024;

/** Which benchmark, from where to where. */
export interface ImportBenchmarkOptions {
  /** Name: gsm8k, gsm-hard, mgsm, math-500, drop, strategyqa, commonsenseqa or bbh. */
  benchmark: string;
  /** A file as published, or a folder of them (MGSM by language, BIG-Bench Hard by task). */
  source: string;
  /** Folder of the dataset, new or empty. */
  directory: string;
  /** Default: the name of `directory`. */
  name?: string | undefined;
  /** As importDataset() takes it. Default none. */
  instruction?: string | undefined;
  /** Shares or counts, as importDataset() takes them; of groups where items belong together. Default 0.6, 0.2, 0.2. */
  splits?: Partial<Record<SplitName, number>> | undefined;
  /** Draws the splits. Default 0. */
  seed?: number | undefined;
  overwrite?: boolean | undefined;
}

export interface ImportBenchmarkReport {
  directory: string;
  manifest: DatasetManifest;
  counts: Partial<Record<SplitName, number>>;
  /** Items left out because an earlier one has the same question, passage and options. */
  repeated: number;
  /** Files left out because their answers are of another kind. */
  leftOut: string[];
}

/**
 * Writes a dataset folder from the files of a benchmark; what per-group scores need (language, subject, level, task, type of answer)
 * stays in `meta`.
 * @throws {ConfigError} on an unknown benchmark or a folder that is not empty; {InputError} on a file of another form
 */
export async function importBenchmark(options: ImportBenchmarkOptions): Promise<ImportBenchmarkReport> {
  const { source, directory, instruction, seed = 0 } = options;
  let benchmark = benchmarkOf(options.benchmark);
  const name = options.name ?? basename(directory);
  let { items, leftOut } = await readFiles(source, benchmark);
  while (items.length === 0 && benchmark.otherwise) {
    benchmark = benchmark.otherwise;
    ({ items, leftOut } = await readFiles(source, benchmark));
  }
  const kept = distinct(items);
  if (kept.length === 0) {
    throw new InputError(`0 items of ${options.benchmark} in ${source}`, {
      code: "empty-dataset",
      hint: "the files hold no records",
    });
  }
  const together = groupBy(kept, (item) => item.group ?? item);
  const groups = drawSplits([...together.values()], options.splits, seed);
  const splits: Partial<Record<SplitName, DatasetLine[]>> = {};
  const counts: Partial<Record<SplitName, number>> = {};
  for (const split of SPLIT_NAMES) {
    const lines = (groups[split] ?? []).flat();
    if (lines.length === 0) continue;
    counts[split] = lines.length;
    splits[split] = lines.map(({ group: _, ...item }, index) => ({
      id: `${name}/${split}/${String(index + 1).padStart(4, "0")}`,
      ...item,
    }));
  }
  const { format: _, toItems: __, otherwise: ___, ...about } = benchmark;
  const manifest = await writeDataset(
    directory,
    {
      manifest: {
        name,
        ...about,
        instruction: instruction ?? about.instruction,
        source: { benchmark: options.benchmark, file: basename(source), seed },
      },
      splits,
    },
    { overwrite: options.overwrite ?? false },
  );
  return { directory, manifest, counts, repeated: items.length - kept.length, leftOut };
}

function benchmarkOf(name: string): Benchmark {
  const found = Object.hasOwn(BENCHMARKS, name) ? BENCHMARKS[name] : undefined;
  if (found) return found;
  const hint = nearHint(name, BENCHMARK_NAMES);
  throw new ConfigError(`unknown benchmark ${JSON.stringify(name)}`, { hint });
}

function filesOf(source: string, { format }: Benchmark): string[] {
  const stat = statSync(source, { throwIfNoEntry: false });
  if (!stat?.isDirectory()) return [source];
  const ending = new RegExp(`\\.${format}(?:\\.gz)?$`, "i");
  const files = readdirSync(source)
    .filter((entry) => ending.test(entry))
    .sort();
  if (files.length > 0) return files.map((entry) => join(source, entry));
  throw new InputError(`${source} holds no .${format} files`, {
    hint: "name the file, or the folder it is in",
  });
}

async function readFiles(
  source: string,
  benchmark: Benchmark,
): Promise<{ items: BenchmarkItem[]; leftOut: string[] }> {
  let items: BenchmarkItem[] = [];
  const leftOut: string[] = [];
  for (const path of filesOf(source, benchmark)) {
    const found = await readItems(path, benchmark);
    if (found.length === 0) leftOut.push(basename(path));
    items = items.concat(found);
  }
  return { items, leftOut };
}

async function readItems(path: string, benchmark: Benchmark): Promise<BenchmarkItem[]> {
  const name = basename(path)
    .replace(/\.gz$/i, "")
    .replace(/\.\w+$/, "");
  try {
    return benchmark.toItems({ name, records: await recordsOf(path, benchmark.format) });
  } catch (error) {
    if (!(error instanceof BadBenchmark)) throw error;
    throw new InputError(`${path}: ${error.message}`, {
      code: "bad-benchmark",
      hint: "give the file as its authors publish it, or use w4s data import with --kind and --field",
      cause: error,
    });
  }
}

async function recordsOf(path: string, format: Benchmark["format"]): Promise<BenchmarkFile["records"]> {
  if (format === "jsonl") return (await readJsonl(path)).map(({ fields }) => fields);
  const limits = { lineBytes: MAX_JSON_BYTES, fileBytes: MAX_JSON_BYTES };
  const lines: string[] = [];
  for await (const batch of (await TextFile.open(path, limits)).lines()) {
    for (const { number, bytes } of batch) {
      const decoded = decodeUtf8(bytes);
      if ("badAt" in decoded) throw new BadBenchmark(`line ${number}: invalid UTF-8`);
      lines.push(decoded.text);
    }
  }
  if (format === "tsv") return lines.filter((line) => line.trim() !== "").map((line) => line.split("\t"));
  try {
    const value = parseJsonLine(lines.join("\n"));
    if (typeof value !== "object" || value === null) throw new BadBenchmark("it holds no object and no list");
    return [value];
  } catch (error) {
    if (error instanceof JsonTextError) throw new BadBenchmark(`not JSON: ${error.message}`);
    throw error;
  }
}

/** The first of equal items: some benchmarks repeat questions, which must not land in two splits. */
function distinct(items: readonly BenchmarkItem[]): BenchmarkItem[] {
  const seen = new Set<string>();
  return items.filter((item) => {
    const key = sampleKey(item);
    return !seen.has(key) && seen.add(key);
  });
}
