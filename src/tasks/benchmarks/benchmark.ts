/** @file What an importer of a public benchmark is: records as their authors publish them, made into items of ours. */
import type { DatasetManifest } from "../dataset-manifest.js";
import type { DatasetLine } from "../write-dataset.js";

export interface BenchmarkItem extends Omit<DatasetLine, "id"> {
  meta: Record<string, unknown>;
  /** Items of one group stay in one split: translations of a problem, questions on a passage. Default: each its own. */
  group?: string | undefined;
}

/** A file of the benchmark, read as a whole. */
export interface BenchmarkFile {
  /** Name of the file without folder and ending. */
  name: string;
  /** JSONL: the objects; JSON: one value; TSV: lists of cells. */
  records: unknown[];
}

export interface Benchmark
  extends Pick<
    DatasetManifest,
    "title" | "description" | "instruction" | "kind" | "metric" | "metricOptions" | "license" | "homepage"
  > {
  format: "jsonl" | "json" | "tsv";
  /** Form of the benchmark that is tried where no file holds items of this kind. */
  otherwise?: Benchmark | undefined;
  /** None where the file holds no items of this kind. @throws {BadBenchmark} on a record of another form */
  toItems(file: BenchmarkFile): BenchmarkItem[];
}

/** A record that does not have the published form. */
export class BadBenchmark extends Error {}

/** A member that must be text. */
export function textOf(record: unknown, field: string, place: string): string {
  const value = (record as Record<string, unknown> | null)?.[field];
  if (typeof value === "string" && value.trim() !== "") return value;
  throw new BadBenchmark(`${place}: field "${field}" is missing or no text`);
}

/** A member that must be a list. */
export function listOf(record: unknown, field: string, place: string): unknown[] {
  const value = (record as Record<string, unknown> | null)?.[field];
  if (Array.isArray(value)) return value;
  throw new BadBenchmark(`${place}: field "${field}" is missing or no list`);
}

/** Members that are there, for `meta`. */
export function picked(record: unknown, fields: Readonly<Record<string, string>>): Record<string, unknown> {
  const source = record as Record<string, unknown>;
  return Object.fromEntries(
    Object.entries(fields).flatMap(([ours, theirs]) =>
      source[theirs] === undefined || source[theirs] === null ? [] : [[ours, source[theirs]]],
    ),
  );
}
