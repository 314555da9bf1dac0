/** @file `dataset.json`, the description of a dataset folder. */
import { join } from "node:path";
import { z } from "zod";
import { InputError } from "../core/errors.js";
import { memberAt } from "../core/issue-line.js";
import { nearNames } from "../core/near-names.js";
import { decodeUtf8 } from "./reading/decode-utf8.js";
import { JsonTextError, parseJsonLine } from "./reading/parse-json-line.js";
import { printable } from "./reading/printable.js";
import { TextFile } from "./reading/text-file.js";
import { METRICS, type MetricName, SPLIT_NAMES, TASK_KINDS, type TaskKind } from "./task.js";

const MAX_MANIFEST_BYTES = 1024 * 1024;

/** Options of a metric; which fields mean something depends on the metric. */
const metricOptionsSchema = z.strictObject({
  /** exact-number: largest relative difference where the expected number is not an integer. 0–0.1. */
  tolerance: z.number().min(0).max(0.1).optional(),
  /** exact-match: "words" drops case, punctuation and articles; "spaces" only folds white space. */
  normalize: z.enum(["words", "spaces"]).optional(),
  /** exact-match with "spaces", and regex. */
  ignoreCase: z.boolean().optional(),
  /** regex: the pattern may match anywhere in the answer instead of the whole of it. */
  partial: z.boolean().optional(),
});
export type MetricOptions = z.infer<typeof metricOptionsSchema>;

const splitSchema = z.strictObject({
  file: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/, "expected the name of a file in the same folder"),
  count: z.int().min(0).optional(),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, "expected 64 hex digits")
    .optional(),
});
export type SplitEntry = z.infer<typeof splitSchema>;

const text = z.string().max(10_000);

/** Longest instruction in characters: it stands in every prompt. */
const MAX_INSTRUCTION = 2000;

const manifestSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,99}$/i, "expected letters, digits, dots and dashes, at most 100"),
  title: text.optional(),
  description: text.optional(),
  /** What every model that answers an item is told with it, such as the labels to choose from. */
  instruction: z
    .string()
    .max(MAX_INSTRUCTION, `expected at most ${MAX_INSTRUCTION} characters`)
    .refine((value) => value.trim() !== "", "expected text that is not empty")
    .optional(),
  kind: z.enum(TASK_KINDS),
  metric: z.enum(METRICS),
  metricOptions: metricOptionsSchema.optional(),
  homepage: text.optional(),
  license: text.optional(),
  citation: text.optional(),
  notes: text.optional(),
  family: text.optional(),
  generator: z
    .strictObject({
      version: z.int().min(1),
      seed: z.int(),
      difficulty: z.union([z.number(), z.tuple([z.number(), z.number()])]),
    })
    .optional(),
  /** Record of how `data import` made the dataset. */
  source: z
    .custom<Record<string, unknown>>((value) => typeof value === "object" && value !== null)
    .optional(),
  splits: z.strictObject({
    train: splitSchema.optional(),
    validation: splitSchema.optional(),
    test: splitSchema.optional(),
  }),
});
export type DatasetManifest = z.infer<typeof manifestSchema>;

/** Metrics that make sense for a kind of task; the first is the usual one. */
export const KIND_METRICS: Readonly<Record<TaskKind, readonly MetricName[]>> = {
  math: ["exact-number", "expression"],
  code: ["tests"],
  qa: ["f1", "exact-match", "regex", "judge"],
  choice: ["choice"],
  text: ["exact-match", "f1", "regex", "writing", "judge"],
  robot: ["robot"],
};

/** @throws {InputError} naming the field. */
export async function readManifest(directory: string): Promise<DatasetManifest> {
  const path = join(directory, "dataset.json");
  const pieces: Buffer[] = [];
  const limits = { lineBytes: MAX_MANIFEST_BYTES, fileBytes: MAX_MANIFEST_BYTES };
  for await (const batch of (await TextFile.open(path, limits)).lines()) {
    for (const line of batch) pieces.push(line.bytes, Buffer.from("\n"));
  }
  const decoded = decodeUtf8(Buffer.concat(pieces));
  if ("badAt" in decoded) throw badManifest(path, `not UTF-8 at byte ${decoded.badAt}`);
  let value: unknown;
  try {
    value = parseJsonLine(decoded.text);
  } catch (error) {
    if (!(error instanceof JsonTextError)) throw error;
    const before = decoded.text.slice(0, error.column - 1).split("\n");
    throw badManifest(path, `line ${before.length}, column ${before.at(-1)!.length + 1}: ${error.message}`);
  }
  return checkManifest(value, path);
}

/** @throws {InputError} naming the field and `path`. */
export function checkManifest(value: unknown, path: string): DatasetManifest {
  const parsed = manifestSchema.safeParse(value);
  if (!parsed.success)
    throw badManifest(path, issueText(parsed.error.issues[0]!, manifestSchema.shape, value));
  const manifest = parsed.data;
  if (Object.keys(manifest.splits).length === 0) throw badManifest(path, 'field "splits" names no split');
  const metrics = KIND_METRICS[manifest.kind];
  if (!metrics.includes(manifest.metric)) {
    throw badManifest(
      path,
      `metric "${manifest.metric}" does not fit kind "${manifest.kind}"; use ${metrics.join(", ")}`,
    );
  }
  const files = SPLIT_NAMES.flatMap((split) => manifest.splits[split]?.file ?? []);
  if (new Set(files).size < files.length) throw badManifest(path, "two splits name the same file");
  return manifest;
}

/** One line for a zod issue: the field, what was expected, and for an unknown key what may have been meant. */
export function issueText(issue: z.core.$ZodIssue, knownFields: object, value: unknown): string {
  if (issue.code === "unrecognized_keys") {
    const key = issue.keys[0]!;
    const near = nearNames(key, issue.path.length === 0 ? Object.keys(knownFields) : []);
    const hint = near.length > 0 ? `; did you mean "${near[0]}"?` : "";
    const place = issue.path.length === 0 ? "" : ` in "${issue.path.join(".")}"`;
    return `unknown field ${printable(key)}${place}${hint}`;
  }
  const field = issue.path.join(".");
  if (issue.path.length > 0 && memberAt(value, issue.path) === undefined)
    return `field "${field}" is missing`;
  return `field "${field}" is wrong: ${issue.message.replace(/^Invalid (?:input|option): /, "")}`;
}

function badManifest(path: string, reason: string): InputError {
  return new InputError(`${path}: ${reason}`, {
    code: "bad-dataset",
    hint: "see docs/datasets.md for the fields of dataset.json",
  });
}
