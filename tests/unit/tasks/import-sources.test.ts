/** @file Files as people have them: other separators, encodings, field names, wrappings, folders, Parquet. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { ConfigError, W4sError } from "../../../src/core/errors.js";
import { type ImportOptions, type ImportReport, importDataset } from "../../../src/tasks/import-dataset.js";
import { sharedPath } from "../../support/shared.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const folder = useTemporaryFolder();

/** @param home - folder for several files. Default: one of its own */
function put(name: string, content: string | Buffer, home = folder()): string {
  const path = join(home, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

const five = [1, 2, 3, 4, 5];
/** Table of five sums. */
const table = (separator: string, head = ["question", "answer"], end = "\n") =>
  [head, ...five.map((i) => [`What is ${i} plus 1?`, String(i + 1)])]
    .map((cells) => cells.join(separator))
    .join(end) + end;

interface Line {
  id: string;
  question: string;
  answer: string | string[];
  context?: string;
  choices?: string[];
}

/** Everything in one split, in the order of the file. */
async function load(
  source: ImportOptions["source"],
  more: Partial<ImportOptions> = {},
): Promise<{ items: Line[]; report: ImportReport }> {
  const directory = join(folder(), "out");
  const report = await importDataset({ source, directory, kind: "math", overwrite: true, ...more });
  const items = Object.keys(report.counts).flatMap((split) =>
    readFileSync(join(directory, `${split}.jsonl`), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Line & { meta: { sourceLine: number } }),
  );
  return { items: items.sort((a, b) => a.meta.sourceLine - b.meta.sourceLine), report };
}

const answersOf = ({ items }: { items: Line[] }) => items.map(({ answer }) => answer);
const sums = five.map((i) => String(i + 1));

async function refusal(
  source: ImportOptions["source"],
  more: Partial<ImportOptions> = {},
): Promise<W4sError> {
  const error = await load(source, more).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!W4sError.is(error)) throw new Error(`not refused: ${String(error)}`);
  return error;
}

describe("tables", () => {
  test.each([
    ["semicolon", table(";")],
    ["pipe", table("|")],
    ["tab, named .csv", table("\t")],
    ["tabs with bare quotes", table("\t").replaceAll("plus", '"plus"')],
    ["sep= line", `sep=;\r\n${table(";", undefined, "\r\n")}`],
    ["the same as a spreadsheet saves it", `\ufeff"sep=;"\r\n${table(";", undefined, "\r\n")}`],
    ["semicolons with commas in the texts", table(";").replaceAll("?", ", tell me?")],
    ["commas with quoted semicolons", table(",").replace("What is 1 plus 1?", '"a; b; ""c"""')],
    ["CR alone", table(",", undefined, "\r")],
    ["empty rows", `${table(",")},\n,,\n\n`],
    ["columns without a name or value", table(",").replaceAll("\n", ",,\n")],
    ["names in capitals", table(",", ["Question", "ANSWER"])],
    ["names of another language", table(";", ["Frage", "Antwort"])],
    ["UTF-16 with a mark", Buffer.from(`\ufeff${table(";")}`, "utf16le")],
    ["UTF-16, big-endian", Buffer.from(`\ufeff${table(";")}`, "utf16le").swap16()],
    ["UTF-16 without a mark", Buffer.from(table(","), "utf16le")],
    ["UTF-8 with a mark", `\ufeff${table(",")}`],
  ])("%s", async (_name, content) => {
    expect(answersOf(await load(put("t.csv", content)))).toEqual(sums);
  });

  test("a separator that is named", async () => {
    expect(answersOf(await load(put("t.txt", table("~")), { separator: "~", format: "csv" }))).toEqual(sums);
  });

  test("Latin-1 is hinted at, and read where it is named", async () => {
    const path = put(
      "t.csv",
      Buffer.from(
        table(",")
          .replace("What", "Größe, was")
          .replace(/^Gr.*\?/m, '"$&"'),
        "latin1",
      ),
    );
    expect(await refusal(path)).toMatchObject({
      message: expect.stringMatching(/line 2: invalid UTF-8 at byte \d+/),
      hint: expect.stringMatching(/Größe.*--encoding latin1/),
    });
    const { items } = await load(path, { encoding: "latin1" });
    expect(items[0]!.question).toBe("Größe, was is 1 plus 1?");
    await expect(load(path, { encoding: "latin-77" })).rejects.toThrow(ConfigError);
  });

  test("numbers of accountants, with decimal commas only where asked for", async () => {
    const answers = ["(12)", "$(1,234.50)", "($3)", "7-", "1,234.50", "50%", "€3"];
    const csv = `question,answer\n${answers.map((answer, i) => `q${i},"${answer}"`).join("\n")}\n`;
    expect(answersOf(await load(put("t.csv", csv)))).toEqual([
      "-12",
      "-1234.5",
      "-3",
      "-7",
      "1234.5",
      "50",
      "3",
    ]);
    const commas = put("c.csv", "question;answer\na;1.234,50\nb;3,5\nc;1 234,5\nd;7\ne;-0,25\n");
    expect((await refusal(commas)).hint).toContain("--decimal-comma");
    expect(answersOf(await load(commas, { decimalComma: true }))).toEqual([
      "1234.5",
      "3.5",
      "1234.5",
      "7",
      "-0.25",
    ]);
  });

  test("what is no table is told by what it is, with a way out", async () => {
    const kinds: [string, string | Buffer, RegExp, RegExp][] = [
      ["t.xlsx", Buffer.from("PK\x03\x04..xl/workbook.xml", "latin1"), /Excel workbook/, /CSV/],
      ["t.arrow", "ARROW1\0\0", /Arrow/, /JSONL/],
      ["t.parquet", "PAR1\0\0\0\0PAR1", /Parquet/, /JSONL/],
      ["t.csv.zst", Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0]), /zstd/, /zstd -d/],
      ["t.csv", "<!DOCTYPE html><html>", /HTML/, /raw file/],
      ["t.csv", "version https://git-lfs.github.com/spec/v1\noid", /Git LFS/, /lfs pull/],
      ["t.bin", Buffer.alloc(100), /zero bytes/, /Parquet/],
    ];
    for (const [name, content, what, hint] of kinds) {
      const error = await refusal(put(name, content));
      expect(error.message).toMatch(what);
      expect(error.hint).toMatch(hint);
    }
  });
});

describe("JSON", () => {
  const records = five.map((i) => ({ question: `What is ${i} plus 1?`, answer: i + 1 }));
  test.each<[string, string, string]>([
    ["a list", "t.json", JSON.stringify(records)],
    ["a list over many lines", "t.json", JSON.stringify(records, null, 1)],
    ["a list named .jsonl", "t.jsonl", JSON.stringify(records)],
    ["lines named .json", "t.json", records.map((one) => JSON.stringify(one)).join("\n")],
    [
      "rows of a datasets server",
      "t.json",
      JSON.stringify({
        features: [{ name: "q" }],
        rows: records.map((row, row_idx) => ({ row_idx, row, truncated_cells: [] })),
      }),
    ],
    ["the same on a line", "t.jsonl", JSON.stringify({ rows: records.map((row) => ({ row })) })],
    ["a list in a member", "t.json", JSON.stringify({ version: "1.0", data: records })],
    [
      "columns",
      "t.json",
      JSON.stringify({
        question: records.map((one) => one.question),
        answer: records.map((one) => one.answer),
      }),
    ],
    [
      "columns by row number",
      "t.json",
      JSON.stringify({
        question: { ...records.map((one) => one.question) },
        answer: { ...records.map((one) => one.answer) },
      }),
    ],
    [
      "nested fields",
      "t.json",
      JSON.stringify(
        records.map(({ question, answer }) => ({
          data: { question },
          answer: { value: answer, unit: "kg" },
        })),
      ),
    ],
    [
      "a list in a member that only its items tell",
      "t.json",
      JSON.stringify({ version: 1, results: records }),
    ],
    [
      "records by their ids",
      "t.json",
      JSON.stringify(Object.fromEntries(records.map((one, i) => [`id${i}`, one]))),
    ],
    ["one split beside a version", "t.json", JSON.stringify({ version: 1, train: records })],
    ["a list named .csv", "t.csv", JSON.stringify(records, null, 1)],
    ["lines named .tsv", "t.tsv", records.map((one) => JSON.stringify(one)).join("\n")],
    ["a table named .jsonl", "t.jsonl", table(";")],
    ["a quoted table named .json", "t.json", table(",").replace("question,answer", '"question","answer"')],
  ])("%s", async (_name, file, content) => {
    expect(answersOf(await load(put(file, content))).sort()).toEqual(sums);
  });

  test("a table whose header begins with a bracket stays one", async () => {
    expect(answersOf(await load(put("t.csv", table(",").replace("question", "[question]"))))).toEqual(sums);
  });

  test("a record with a list of its own is one record", async () => {
    const one = { ...records[0], evidence: [{ text: "a" }, { text: "b" }] };
    expect((await refusal(put("t.json", JSON.stringify(one)))).message).toMatch(/^1 items are too few/);
  });

  test.each<[string, string, string, RegExp]>([
    [
      "commas behind lines",
      "t.jsonl",
      records.map((one) => `${JSON.stringify(one)},`).join("\n"),
      /comma at the end of each line/,
    ],
    ["a comma before the bracket", "t.json", `[${JSON.stringify(records[0])},]`, /comma before the bracket/],
    [
      "values over many lines, one after the other",
      "t.json",
      records.map((one) => JSON.stringify(one, null, 1)).join("\n"),
      /jq -c/,
    ],
    ["NaN", "t.jsonl", '{"question":"q","answer":NaN}', /JSON has no NaN/],
    [
      "conversations",
      "t.jsonl",
      JSON.stringify({
        messages: [
          { role: "system", content: "s" },
          { role: "user", content: "q" },
          { role: "assistant", content: "a" },
        ],
      }),
      /--field question=messages\.1\.content/,
    ],
    ["lines above the header", "t.csv", `# exported\n${table(",")}`, /remove the lines above/],
  ])("%s: the hint says what to do", async (_name, file, content, hint) => {
    expect((await refusal(put(file, content))).hint).toMatch(hint);
  });

  test("questions within paragraphs within articles, as SQuAD is published", async () => {
    const qas = (i: number) =>
      [1, 2].map((j) => ({
        id: `${i}-${j}`,
        question: `Who ${i} ${j}?`,
        answers: [{ text: `P${i}` }, { text: `P${i}` }],
      }));
    const paragraphs = [1, 2, 3].map((i) => ({ context: `Text ${i}.`, qas: qas(i) }));
    const path = put("t.json", JSON.stringify({ version: "1.1", data: [{ title: "T", paragraphs }] }));
    const { items } = await load(path, { kind: "qa" });
    expect(items).toHaveLength(6);
    expect(items.at(-1)).toMatchObject({
      id: "3-2",
      question: "Who 3 2?",
      context: "Text 3.",
      answer: ["P3"],
    });
  });

  test("members named by split are the splits", async () => {
    const { report } = await load(
      put("t.json", JSON.stringify({ train: records.slice(0, 3), dev: [records[3]], test: [records[4]] })),
    );
    expect(report.counts).toEqual({ train: 3, validation: 1, test: 1 });
  });

  test("dotted paths, lists of answers, equal ones once", async () => {
    const lines = five.map((i) =>
      JSON.stringify({ q: { text: `q${i}` }, gold: [{ span: "x" }, { span: "x" }, { span: `y${i}` }] }),
    );
    const { items } = await load(put("t.jsonl", lines.join("\n")), {
      kind: "qa",
      fields: { question: "q.text", answer: "gold.span" },
    });
    expect(items[0]).toMatchObject({ question: "q1", answer: ["x", "y1"] });
    expect(
      await refusal(put("t.jsonl", lines.join("\n")), { kind: "qa", fields: { answer: "gold.spam" } }),
    ).toMatchObject({
      message: expect.stringContaining('no field "gold.spam"'),
      hint: expect.stringContaining("gold.span"),
    });
  });

  test("a mark before the answers is found", async () => {
    const lines = records.map(({ question, answer }) =>
      JSON.stringify({ question, answer: `3 + 4 = 7.\n#### ${answer}` }),
    );
    const { items, report } = await load(put("t.jsonl", lines.join("\n")));
    expect(items.map(({ answer }) => answer)).toEqual(sums);
    expect(report.notes.join()).toContain("####");
    const solutions = records.map(({ question, answer }) =>
      JSON.stringify({ question, solution: `So #### ${answer}` }),
    );
    expect(answersOf(await load(put("t.jsonl", solutions.join("\n"))))).toEqual(sums);
  });
});

describe("Parquet", () => {
  // Written by hyparquet-writer 0.17: question as text, answer as INT64, meta as JSON.
  const fixture = (name: string) => join(import.meta.dirname, "../../fixtures/parquet", name);

  test.each(["snappy", "gzip", "brotli"])("%s", async (compression) => {
    const { items, report } = await load(fixture(`${compression}.parquet`), { fields: { meta: ["meta"] } });
    expect(items.map(({ answer }) => answer)).toEqual(sums);
    expect(items[0]).toMatchObject({ meta: { meta: { part: 1, tags: ["a", "b"] }, sourceLine: 1 } });
    expect(report.form).toBe("Parquet");
  });

  test("a file that is cut", async () => {
    const cut = put("cut.parquet", readFileSync(fixture("snappy.parquet")).subarray(0, 300));
    expect(await refusal(cut)).toMatchObject({
      message: expect.stringContaining("damaged Parquet"),
      hint: expect.stringContaining("download it again"),
    });
  });

  // Three layouts as their writers make them: tests/fixtures/parquet/make-layouts.py.
  test("options as a struct of two lists, three row groups, dictionaries, data pages of version 2", async () => {
    const { items } = await load(fixture("pyarrow-options.parquet"), { kind: "choice" });
    expect(items).toHaveLength(12);
    expect(items[3]).toMatchObject({
      id: "q3",
      question: "Where would you keep item 3?",
      choices: ["drawer 3", "shelf 3", "garage", "attic", "cellar"],
      answer: "D",
    });
  });

  test("solutions that end in #### and a number, zstd, with lists, decimals and dates beside them", async () => {
    const { items } = await load(fixture("duckdb-solutions.parquet"), {
      kind: "math",
      fields: { meta: ["parts", "price", "day"] },
    });
    expect(items.map(({ answer }) => Number(answer))).toEqual(
      Array.from({ length: 12 }, (_, i) => (i + 1) * (i + 3)),
    );
    expect(items[1]).toMatchObject({ meta: { parts: [2, 4], price: 2.5, day: "2026-01-03T00:00:00.000Z" } });
  });

  test("passages with several right answers in a struct of lists, LZ4, large strings, a column of nulls", async () => {
    const { items } = await load(fixture("polars-passages.parquet"), { kind: "qa" });
    expect(items).toHaveLength(12);
    expect(items[11]).toMatchObject({
      context: "The river R11 rises at height 111 and is 34 km long.",
      answer: ["34 km", "34 kilometres"],
    });
  });
});

describe("fields", () => {
  const rows = five.map((i) => [`id${i}`, `Passage ${i}`, "Who was it?", `Person ${i}`, "train"]);
  const csv = (head: string[], lines = rows) => [head, ...lines].map((cells) => cells.join(",")).join("\n");

  test("names of ours are used, and what is not used is told", async () => {
    const path = put("t.csv", csv(["id", "context", "question", "answer", "topic"]));
    const { items, report } = await load(path, { kind: "qa" });
    expect(items[1]).toMatchObject({ id: "id2", context: "Passage 2", answer: "Person 2" });
    expect(report).toMatchObject({ unused: ["topic"], first: [{ context: "Passage 1" }, {}, {}] });
    const repeated = await refusal(path, { kind: "qa", fields: { id: "topic" } });
    expect(repeated.message).toMatch(/the id "train" occurs before/);
  });

  test.each([
    ["passage", "question", "answer"],
    ["Article", "Query", "Gold Answer"],
    ["text", "question", "label"],
    ["document", "prompt", "target"],
  ])("%s, %s, %s are guessed", async (context, question, answer) => {
    const { report } = await load(put("t.csv", csv(["key", context, question, answer, "x"])), { kind: "qa" });
    expect(report.fields).toEqual({ context, question, answer });
    expect(report.unused).toEqual(["key", "x"]);
  });

  test("long texts under a name that says nothing are the passage; short ones are named in the advice", async () => {
    const long = five.map((i) => [`Abschnitt ${i} `.repeat(12), "Who was it?", `P${i}`]);
    const path = put("t.csv", csv(["abschnitt", "question", "answer"], long));
    expect((await load(path, { kind: "qa" })).report.fields.context).toBe("abschnitt");
    const error = await refusal(path, { kind: "text" });
    expect(error.message).toMatch(/4 items occur more than once: lines 2 and 3/);
    expect(error.hint).toMatch(/--field context=abschnitt/);
    expect(error.hint).not.toMatch(/drop/);
  });

  test("a table without names of its columns is told to get them", async () => {
    const rows = five.map((i) => `What is ${i} plus 1?,${i + 1}`);
    expect((await refusal(put("t.csv", rows.join("\n")))).hint).toMatch(
      /first line .* must name its columns/,
    );
  });

  test("a guess is left out where it is told so", async () => {
    const lines = five.map((i) => JSON.stringify({ text: "x", id: `i${i}`, question: `q${i}`, answer: "y" }));
    const path = put("t.jsonl", lines.join("\n"));
    const { report } = await load(path, { kind: "qa", fields: { context: "", id: "" } });
    expect(report).toMatchObject({
      fields: { question: "question", answer: "answer" },
      unused: ["text", "id"],
    });
    expect(report.fields).not.toHaveProperty("context");
  });

  test("a table of one column is told of separators", async () => {
    expect((await refusal(put("t.csv", table("~")))).hint).toMatch(/--separator/);
  });

  test("without a likely name the advice is the flag to copy", async () => {
    const path = put("t.csv", csv(["key", "was", "wer", "wo", "x"]));
    expect((await refusal(path)).hint).toMatch(/--field question=wer/);
    expect((await refusal(path, { fields: { question: "wer" } })).hint).toMatch(/--field answer=x/);
  });

  test("long texts that differ are the question where no name tells; states that repeat are none", async () => {
    const tickets = Array.from({ length: 9 }, (_, i) => [
      ...[`T${i}`, `The parcel ${i} has not come yet`, "still open while we wait for the customer"],
      ["billing", "shipping"][i % 2]!,
    ]);
    const path = put("t.csv", csv(["Ticket ID", "Message Text", "State of work", "Category"], tickets));
    const { report } = await load(path, { kind: "choice", choicesFrom: "category" });
    expect(report.fields).toMatchObject({ question: "Message Text", answer: "Category" });
    expect(report.notes.join()).toMatch(/Message Text is taken for the question/);
    expect((await load(path, { kind: "text", fields: { question: "message_text" } })).items).toHaveLength(9);
  });

  test("a column of nothing but words for splits is one of splits; labels that look alike are none", async () => {
    const words = ["training", "val", "testing", "train", "dev"];
    const path = put(
      "t.csv",
      `question,answer,used_for\n${words.map((word, i) => `q${i},${i},${word}`).join("\n")}`,
    );
    expect((await load(path)).report.counts).toEqual({ train: 2, validation: 2, test: 1 });
    const labels = put("l.csv", `question,label\n${words.map((word, i) => `q${i},${word}`).join("\n")}`);
    expect((await load(labels, { kind: "text" })).report.fields).toEqual({
      question: "question",
      answer: "label",
    });
    const odd = put(
      "o.csv",
      `question,answer,data_split\n${["train", "holdout"].map((word, i) => `q${i},${i},${word}`).join("\n")}`,
    );
    expect((await refusal(odd)).message).toMatch(/"holdout" is not a split/);
  });

  test("a column of splits counts, whatever it calls them; sizes put it aside", async () => {
    const words = ["train", "Training", "dev", "TEST", "val"];
    const path = put(
      "t.csv",
      `question,answer,split\n${words.map((word, i) => `q${i},${i},${word}`).join("\n")}`,
    );
    expect((await load(path)).report.counts).toEqual({ train: 2, validation: 2, test: 1 });
    const drawn = await load(path, { splits: { train: 3, validation: 1, test: 1 } });
    expect(drawn.report).toMatchObject({ counts: { train: 3, validation: 1, test: 1 }, unused: ["split"] });
    const halves = put(
      "h.csv",
      `question,answer,split\n${five.map((i) => `q${i},${i},${i > 3 ? "test" : "train"}`).join("\n")}`,
    );
    expect((await load(halves, { splits: { validation: 1 } })).report.counts).toEqual({
      train: 2,
      validation: 1,
      test: 2,
    });
    await expect(load(halves, { splits: { test: 1 } })).rejects.toThrow(/not both/);
  });

  test("bad records are left out on request, and listed", async () => {
    const path = put("t.csv", `${table(",")}What is nothing?,\nWhat is more?,many\n`);
    expect((await refusal(path)).message).toMatch(/line 7: field "answer" is empty/);
    const { report } = await load(path, { skipBad: true });
    expect(report.bad).toEqual([expect.stringContaining("line 7"), expect.stringContaining("line 8")]);
    expect(report.counts).toEqual({ train: 3, validation: 1, test: 1 });
  });

  test("names with spaces become names; those that are given are refused with one that fits", async () => {
    const path = put("t.csv", table(","));
    const { manifest } = await importDataset({
      source: path,
      directory: join(folder(), "Meine Größen"),
      kind: "math",
    });
    expect(manifest!.name).toBe("Meine-Gro-en");
    expect(await refusal(path, { name: "Mein Datensatz" })).toMatchObject({
      message: expect.stringContaining("--name"),
      hint: expect.stringContaining("--name Mein-Datensatz"),
    });
  });

  test.each([
    [1, /add items/],
    [2, /--split train=1 --split validation=1/],
    [3, /--split train=1 --split validation=1 --split test=1/],
  ])("%d rows are too few, with an example", async (count, hint) => {
    const path = put(
      "t.csv",
      table(",")
        .split("\n")
        .slice(0, count + 1)
        .join("\n"),
    );
    expect((await refusal(path)).hint).toMatch(hint);
  });

  test("a dry run writes nothing", async () => {
    const directory = join(folder(), "dry");
    const report = await importDataset({
      source: put("t.csv", table(",")),
      directory,
      kind: "math",
      isDryRun: true,
    });
    expect(report.counts).toEqual({ train: 3, validation: 1, test: 1 });
    expect(report.manifest).toBeUndefined();
    expect(existsSync(directory)).toBe(false);
  });
});

describe("options", () => {
  const tickets =
    "ticket_id,text,label\nT1,a,bug\nT2,b,Billing\nT3,c,billing \nT4,d,other\nT5,e,bug\nT6,f,bug\nT7,g,other\nT8,h,bug\nT9,i,other";

  test("one set for all items, from a field or a list", async () => {
    const path = put("t.csv", tickets);
    const { items, report } = await load(path, { kind: "choice", choicesFrom: "label" });
    expect(report).toMatchObject({
      labels: ["Billing", "bug", "other"],
      fields: { question: "text", answer: "label" },
    });
    expect(items.map(({ answer }) => answer).join("")).toBe("BAACBBCBC");
    expect(new Set(items.map(({ choices }) => choices!.join()))).toEqual(new Set(["Billing,bug,other"]));
    const listed = await load(path, { kind: "choice", choices: ["other", "bug", "billing"] });
    expect(answersOf(listed).join("")).toBe("BCCABBABA");
    expect((await refusal(path, { kind: "choice", choices: ["bug", "other"] })).message).toMatch(
      /line 3: the answer "Billing" names none/,
    );
    expect((await refusal(path, { kind: "choice" })).hint).toMatch(/--choices-from label .*Billing/);
    expect((await load(path, { kind: "text" })).report.notes.join()).toMatch(
      /--kind choice --choices-from label/,
    );
  });

  test("too many values and a single one are no set", async () => {
    const many = `text,label\n${Array.from({ length: 30 }, (_, i) => `t${i},l${i}`).join("\n")}`;
    expect(await refusal(put("t.csv", many), { kind: "choice", choicesFrom: "label" })).toMatchObject({
      message: expect.stringContaining("30 different values"),
      hint: expect.stringContaining("--instruction"),
    });
    const one = put("o.csv", "text,label\na,x\nb,x\n");
    expect((await refusal(one, { kind: "choice", choicesFrom: "label" })).message).toMatch(
      /two options or more/,
    );
    expect((await refusal(one, { kind: "choice", choicesFrom: "lable" })).hint).toMatch(/label/);
  });

  test.each<[string, readonly unknown[], string[], RegExp?]>([
    ["numbers from 0", [0, 2, 1, 0, 2], ["A", "C", "B", "A", "C"], /counted from 0/],
    ["numbers from 1", [1, 3, 2, 1, 3], ["A", "C", "B", "A", "C"], /counted from 1/],
    ["letters and texts", ["a", "B", "(c)", "red", "C."], ["A", "B", "C", "A", "C"]],
  ])("%s as answers", async (_name, answers, letters, note = /^$/) => {
    const lines = answers.map((answer, i) =>
      JSON.stringify({ question: `q${i}`, choices: ["red", "0", "2"], answer }),
    );
    const { items, report } = await load(put("t.jsonl", lines.join("\n")), { kind: "choice" });
    expect(items.map(({ answer }) => answer)).toEqual(letters);
    expect(report.notes.join()).toMatch(note);
  });

  test("numbers that may count from 0 or 1 are asked about; digits of a table are texts where options have them", async () => {
    const lines = five.map((i) => JSON.stringify({ question: `q${i}`, choices: ["x", "y", "z"], answer: 1 }));
    expect((await refusal(put("t.jsonl", lines.join("\n")), { kind: "choice" })).hint).toMatch(
      /--answer-index-from/,
    );
    const csv = `question,option_a,option_b,answer\n${five.map((i) => `q${i},0,1,1`).join("\n")}`;
    expect(answersOf(await load(put("t.csv", csv), { kind: "choice" }))).toEqual(Array(5).fill("B"));
  });

  test("options with names of their own, in objects and in cells", async () => {
    const forms = [
      { text: ["red", "blue"], label: ["1", "2"] },
      [
        { key: "1", text: "red" },
        { key: "2", text: "blue" },
      ],
      { "1": "red", "2": "blue" },
      "['red', 'blue']",
      "red | blue",
    ];
    for (const choices of forms) {
      const answerKey = typeof choices === "string" ? "blue" : "2";
      const lines = five.map((i) => JSON.stringify({ question: { stem: `q${i}` }, choices, answerKey }));
      const { items } = await load(put("t.jsonl", lines.join("\n")), { kind: "choice" });
      expect(items[0]).toMatchObject({ choices: ["red", "blue"], answer: "B" });
    }
  });
});

describe("several files", () => {
  const part = (from: number) => table(",").replaceAll("What", `Part ${from}: what`);

  test("one for each split", async () => {
    const { report } = await load({
      train: put("a.csv", part(1)),
      validation: put("b.jsonl", '{"question":"q","answer":1}'),
      test: put("c.csv", part(3)),
    });
    expect(report.counts).toEqual({ train: 5, validation: 1, test: 5 });
    expect(report.manifest!.source).toMatchObject({ file: { train: "a.csv", validation: "b.jsonl" } });
  });

  test("a folder with files named by split, others named as not read", async () => {
    const home = folder();
    for (const name of [
      "data/train-00000-of-00002.csv",
      "data/train-00001-of-00002.csv",
      "data/valid.csv",
      "data/test.csv",
    ])
      put(name, part(name.length + (name.includes("00001") ? 100 : 0)), home);
    put("notes.json", "{}", home);
    const { report } = await load(home);
    expect(report.counts).toEqual({ train: 10, validation: 5, test: 5 });
    expect(report.notes.join()).toContain("notes.json");
  });

  test("a folder that does not say which of its files are meant", async () => {
    const home = folder();
    put("a.csv", part(1), home);
    put("b.csv", part(2), home);
    expect(await refusal(home)).toMatchObject({
      message: expect.stringContaining("a.csv, b.csv"),
      hint: expect.stringContaining("--train FILE"),
    });
  });

  test("texts in folders named by their label", async () => {
    const home = folder();
    for (const [i, label] of [...five, ...five].map(
      (n, index) => [n * 10 + index, index % 2 ? "spam" : "ham"] as const,
    ))
      put(`${label}/${i}.txt`, `Text number ${i}`, home);
    const { items, report } = await load(home, { kind: "choice", choicesFrom: "label" });
    expect(report.labels).toEqual(["ham", "spam"]);
    expect(items).toHaveLength(10);
    const flat = folder();
    put("1.txt", "no label", flat);
    expect((await refusal(flat, { kind: "text" })).hint).toMatch(/folder named by its label/);
  });
});

// Skipped where the shared files are absent.
describe.skipIf(sharedPath("newcomer") === undefined)("the newcomer's files", () => {
  test.each<
    [
      string,
      ImportOptions["kind"],
      (loaded: { items: Line[]; report: ImportReport }) => void,
      Partial<ImportOptions>?,
    ]
  >([
    [
      "tickets.csv",
      "choice",
      ({ items }) => expect(new Set(items.map(({ choices }) => choices!.length))).toEqual(new Set([5])),
      { choicesFrom: "label" },
    ],
    [
      "qa-context-dropped.csv",
      "qa",
      ({ items, report }) => {
        expect(items.every(({ id, context }) => id.startsWith("doc") && context)).toBe(true);
        expect(report).toMatchObject({ counts: { train: 4, validation: 4, test: 4 }, unused: [] });
      },
    ],
    ["long.csv", "qa", ({ report }) => expect(report.fields.context).toBe("passage")],
    ["semi.csv", "math", ({ items }) => expect(items).toHaveLength(12)],
    ["excel3.csv", "math", ({ items }) => expect(items[0]!.answer).toBe("-12")],
    [
      "choiceidx.jsonl",
      "choice",
      ({ items, report }) => {
        expect(items.every(({ answer }) => answer === "A")).toBe(true);
        expect(report.notes.join()).toContain("counted from 0");
      },
    ],
    [
      "splitcol2.jsonl",
      "math",
      ({ report }) => expect(report.counts).toEqual({ train: 4, validation: 4, test: 4 }),
    ],
    ["array.json", "math", ({ items }) => expect(items).toHaveLength(12)],
    ["squad.jsonl", "qa", ({ report }) => expect(report.fields.answer).toBe("answers.text")],
    ["gsm8k.jsonl", "math", ({ items }) => expect(items[0]!.answer).toBe("3")],
  ])("%s", async (name, kind, check, more) => {
    const path = sharedPath("newcomer", name)!;
    check(await load(path, { kind, ...more }));
  });
});
