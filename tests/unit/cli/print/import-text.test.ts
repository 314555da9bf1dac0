/** @file What an import shows before it writes. */
import { expect, it } from "vitest";
import { planText } from "../../../../src/cli/print/import-text.js";

it("shows form, fields, options, three records, what is not used and what was found, on lines that cannot steer a terminal", () => {
  const text = planText({
    form: "CSV, separator semicolon",
    records: 60,
    fields: { question: "text", answer: "label", choices: ["a", "b"], meta: ["who"] },
    labels: ["bug", "other"],
    unused: ["ticket_id", "ti\u001btle"],
    notes: ["answers are numbers"],
    first: [
      { question: "x".repeat(99), answer: "bug" },
      { question: "line\nbreak" },
      { context: undefined, answer: 3 },
    ],
  });
  expect(text.split("\n")).toEqual([
    "read as CSV, separator semicolon: 60 records",
    "fields (--field OURS=NAME sets one): question ← text, answer ← label, choices ← a + b",
    "options of every item (2): bug, other",
    `  1  question "${"x".repeat(60)}…"  answer "bug"`,
    '  2  question "line\\nbreak"',
    '  3  answer "3"',
    "kept in meta: who",
    "not used: ticket_id, ti\\x1btle (--meta-field NAME keeps one)",
    "note: answers are numbers",
  ]);
});
