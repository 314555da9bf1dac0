/** @file A dataset folder or name to a Task; splits are read when they are asked for, test never before. */
import { join } from "node:path";
import { InputError } from "../core/errors.js";
import { hashJson } from "../core/hash.js";
import type { TextEmbedder } from "../core/text-embedder.js";
import { type DatasetManifest, readManifest } from "./dataset-manifest.js";
import { findDataset } from "./find-dataset.js";
import { makeScorer, type ScorerTools } from "./make-scorer.js";
import { problemText, readSplit } from "./read-split.js";
import { type FileLimits, TextFile } from "./reading/text-file.js";
import { findOverlap, overlapText } from "./sample-key.js";
import { type Sample, type Scorer, SPLIT_NAMES, type SplitName, type Task, type TaskKind } from "./task.js";

/** Where datasets are looked for, what is let through, and what some metrics need. */
export interface LoadTaskOptions extends ScorerTools {
  /** Folders searched for a name. Default: see `defaultDatasetRoots()`. */
  datasetRoots?: readonly string[] | undefined;
  /** Accept items that two splits share; recorded in `notices`. Default false. */
  allowOverlap?: boolean | undefined;
  /** Leave bad lines out; counted and listed in `notices`. Default false. */
  skipBad?: boolean | undefined;
  /** Asked only for a metric that uses embeddings, and only where no `embedder` is given. */
  openEmbedder?: (() => Promise<TextEmbedder | undefined>) | undefined;
  /** Caps for tests. */
  limits?: Partial<FileLimits> | undefined;
}

/** Skipped lines listed in one notice. */
const MAX_LISTED_PROBLEMS = 5;

const NO_EMBEDDINGS =
  "there is no embedding model, so scores come from constraints alone; for coherence and relevance run: w4s models pull all-minilm-l6-v2";

/**
 * Task from a dataset by folder or name. Only `dataset.json` is parsed now; a split that has no sha256 there is hashed
 * (test is not: it may be absent or unreadable while a workflow is searched).
 * @throws {InputError} when there is no such dataset or its description is wrong.
 * @throws {ConfigError} when its metric is not available.
 */
export async function loadTask(nameOrDirectory: string, options: LoadTaskOptions = {}): Promise<Task> {
  const directory = findDataset(nameOrDirectory, options.datasetRoots);
  const manifest = await readManifest(directory);
  const isWriting = manifest.metric === "writing";
  const embedder = options.embedder ?? (isWriting ? await options.openEmbedder?.() : undefined);
  const scorer = makeScorer(manifest.metric, manifest.metricOptions, { ...options, embedder });
  const hash = hashJson([await withHashes(directory, manifest), options.skipBad ?? false]);
  const task = datasetTask(directory, manifest, scorer, hash, options);
  if (isWriting && !embedder) task.notices.push(NO_EMBEDDINGS);
  return task;
}

/** The manifest as it counts for the task's hash: every split but test with the hash of its bytes. */
async function withHashes(directory: string, manifest: DatasetManifest): Promise<DatasetManifest> {
  const splits = { ...manifest.splits };
  for (const name of SPLIT_NAMES) {
    const entry = splits[name];
    if (!entry || entry.sha256 !== undefined || name === "test") continue;
    splits[name] = { ...entry, sha256: await (await TextFile.open(join(directory, entry.file))).drain() };
  }
  return { ...manifest, splits };
}

function datasetTask(
  directory: string,
  manifest: DatasetManifest,
  scorer: Scorer,
  hash: string,
  options: LoadTaskOptions,
): Task & { notices: string[] } {
  const {
    name,
    title = name,
    kind,
    metric,
    description = describe(manifest),
    instruction,
    family,
  } = manifest;
  const splits = SPLIT_NAMES.filter((split) => manifest.splits[split] !== undefined);
  const notices: string[] = [];
  const known = new Map<SplitName, Promise<Sample[]>>();
  const opened = new Set<SplitName>();
  const compared = new Set<string>();

  const readFile = async (split: SplitName): Promise<Sample[]> => {
    const entry = manifest.splits[split]!;
    const { samples, problems } = await readSplit(join(directory, entry.file), entry, manifest, {
      collectProblems: options.skipBad ?? false,
      limits: options.limits,
    });
    if (problems.length > 0) {
      const listed = problems.slice(0, MAX_LISTED_PROBLEMS).map(problemText).join("; ");
      const rest = problems.length > MAX_LISTED_PROBLEMS ? "; …" : "";
      notices.push(`${entry.file}: ${problems.length} bad lines left out: ${listed}${rest}`);
    }
    // An item without one has no such field: ids of stored results are hashes of items.
    return instruction === undefined ? samples : samples.map((sample) => ({ ...sample, instruction }));
  };

  const samplesOf = (split: SplitName): Promise<Sample[]> => {
    const reading = known.get(split) ?? readFile(split);
    if (!known.has(split)) {
      known.set(split, reading);
      // A file that could not be read may be mended meanwhile.
      reading.catch(() => known.delete(split));
    }
    return reading;
  };

  const compare = async (one: SplitName, other: SplitName): Promise<void> => {
    const pair = [one, other].sort().join("+");
    if (compared.has(pair)) return;
    const [first, second] = await Promise.all([samplesOf(one), samplesOf(other)]);
    const overlap = findOverlap([one, first], [other, second]);
    if (overlap && !options.allowOverlap) {
      throw new InputError(`${directory}: ${overlapText(overlap)}`, {
        code: "split-overlap",
        hint: "remove the shared items from one split, or pass --allow-overlap (it is recorded)",
      });
    }
    if (compared.has(pair)) return;
    compared.add(pair);
    if (overlap) notices.push(`allowed: ${overlapText(overlap)}`);
  };

  const load = async (split: SplitName): Promise<Sample[]> => {
    if (!splits.includes(split)) {
      throw new InputError(`dataset ${name} has no ${split} split, only ${splits.join(" and ")}`, {
        code: "no-such-split",
        hint: "choose another split, or add the file to dataset.json",
      });
    }
    const samples = await samplesOf(split);
    opened.add(split);
    // Whoever loads train or validation must not touch test.
    for (const other of splits) if (other !== split && other !== "test") await compare(split, other);
    return [...samples];
  };

  return {
    name,
    title,
    kind,
    metric,
    description,
    instruction,
    scorer,
    metricOptions: manifest.metricOptions ?? {},
    hash,
    family,
    splits,
    counts: Object.fromEntries(splits.map((split) => [split, manifest.splits[split]?.count])),
    opened,
    notices,
    load,
  };
}

const KIND_WORDS: Readonly<Record<TaskKind, string>> = {
  math: "Math problems; the answer is a number.",
  code: "Programming problems; the answer is a Python program.",
  qa: "Questions about a passage; the answer is a short text taken or computed from it.",
  choice: "Multiple-choice questions; the answer is the letter of one option.",
  text: "Short tasks; the answer is a short text.",
  robot: "Robot runs, one call for every control step; the answer is the next command, such as east 3.",
};

function describe({ title, name, kind }: DatasetManifest): string {
  return `${title ?? name}. ${KIND_WORDS[kind]}`;
}
