/** @file What an import shows: how the source is read before anything is written, and what became of it. */
import type { ImportPreview } from "../../commands.js";
import { visibleLine, writeErr, writeProse } from "./output.js";

/** Characters of a value in the rows that are shown. */
const MAX_VALUE = 60;
/** Labels and messages that are listed. */
const MAX_LISTED = 12;

/** The field map with three records, what is not used, and what was found rather than said. */
export function planText({ form, records, fields, labels, unused, notes, first }: ImportPreview): string {
  const { meta = [], ...ours } = fields;
  const map = Object.entries(ours).flatMap(([name, theirs]) =>
    theirs === undefined ? [] : [`${name} ← ${[theirs].flat().join(" + ")}`],
  );
  const lines = [
    `read as ${form}: ${records} ${records === 1 ? "record" : "records"}`,
    `fields (--field OURS=NAME sets one): ${map.join(", ")}`,
  ];
  if (labels) lines.push(`options of every item (${labels.length}): ${listed(labels)}`);
  for (const [index, values] of first.entries()) {
    const cells = Object.entries(values).flatMap(([name, value]) =>
      value === undefined ? [] : [`${name} ${short(value)}`],
    );
    lines.push(`  ${index + 1}  ${cells.join("  ")}`);
  }
  if (meta.length > 0) lines.push(`kept in meta: ${meta.join(", ")}`);
  if (unused.length > 0) lines.push(`not used: ${unused.join(", ")} (--meta-field NAME keeps one)`);
  for (const note of notes) lines.push(`note: ${note}`);
  return lines.map(visibleLine).join("\n");
}

interface Imported {
  directory: string;
  counts: Readonly<Record<string, number>>;
  manifest?: unknown;
  dropped?: readonly number[] | undefined;
  bad?: readonly string[] | undefined;
}

/** What was left out, what was written, and a next step that works. */
export function writeImported({ directory, counts, manifest, dropped = [], bad = [] }: Imported): void {
  if (dropped.length > 0) writeErr(`left out as duplicates: lines ${listed(dropped.map(String))}`);
  if (bad.length > 0)
    writeErr(`left out, ${bad.length} that cannot be read:\n${bad.slice(0, MAX_LISTED).join("\n")}`);
  const sizes = Object.entries(counts).map(([split, count]) => `${split} ${count}`);
  const did =
    manifest === undefined ? `nothing written (--dry-run); ${directory} would have` : `wrote ${directory}:`;
  const lacks = ["validation", "test"].filter((split) => counts[split] === undefined);
  const next =
    lacks.length > 0
      ? `a search needs ${lacks.join(" and ")} too: import again with --overwrite --split ${lacks.map((split) => `${split}=0.2`).join(" --split ")}`
      : `next: w4s init --task ${directory}, then w4s optimize`;
  writeProse(`${did} ${sizes.join(", ")}; ${next}`);
}

function listed(values: readonly string[]): string {
  return `${values.slice(0, MAX_LISTED).join(", ")}${values.length > MAX_LISTED ? `, … (${values.length} in all)` : ""}`;
}

function short(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  return JSON.stringify(text.length > MAX_VALUE ? `${text.slice(0, MAX_VALUE)}…` : text);
}
