/** @file The page as text: policy, escapes, sampling, and the same numbers as the tables for terminals. */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { escapeHtml, shown } from "../../../src/report/html.js";
import { htmlReport } from "../../../src/report/html-report.js";
import { PAGE_STYLE } from "../../../src/report/page/page-style.js";
import type { PageData } from "../../../src/report/page/page-types.js";
import { cellText } from "../../../src/report/report-table.js";
import { type RunReport, readRunReport } from "../../../src/report/run-report.js";
import { textReport } from "../../../src/report/text-report.js";
import { writeReport } from "../../../src/report/write-report.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";
import { addRounds, makeLearnRun, makeRun } from "./made-run.js";
import { XSS_STRINGS } from "./xss-strings.js";

const folder = useTemporaryFolder();

async function made(options: Parameters<typeof makeRun>[1] = {}, name = "run"): Promise<RunReport> {
  const run = join(folder(), name);
  makeRun(run, options);
  addRounds(run, options.text);
  return await readRunReport(run);
}

function dataOf(page: string): PageData {
  const json = /<script type="application\/json" id="report-data">(.*?)<\/script>/s.exec(page)?.[1];
  return JSON.parse(json ?? "null") as PageData;
}

/** Contents of all elements of a name, of our own markup. */
const contents = (page: string, name: string) =>
  [...page.matchAll(new RegExp(`<${name}>(.*?)</${name}>`, "gs"))].map((match) => match[1] as string);

describe("htmlReport", () => {
  let report: RunReport;
  let page: string;
  beforeAll(async () => {
    report = await made({ episodes: 3 });
    page = htmlReport(report);
  });

  it("allows nothing but its own two scripts and styles, by their hashes", () => {
    const policy = /<meta http-equiv="Content-Security-Policy" content="([^"]*)">/.exec(page)?.[1] ?? "";
    const hashes = (name: string) =>
      contents(page, name).map((text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`);
    expect(policy.split("; ")).toEqual([
      "default-src 'none'",
      `script-src ${hashes("script").join(" ")}`,
      `style-src ${hashes("style").join(" ")}`,
      "img-src data:",
      "base-uri 'none'",
      "form-action 'none'",
      "require-trusted-types-for 'script'",
      "trusted-types 'none'",
    ]);
    expect(hashes("script")).toHaveLength(2);
    expect(page.indexOf("Content-Security-Policy")).toBeLessThan(page.indexOf("<style"));
    expect(page).not.toMatch(/\s(style|on\w+)=["']/);
  });

  it("asks for nothing from elsewhere", () => {
    const own = contents(page, "script").concat(contents(page, "style"));
    const rest = own.reduce((text, part) => text.replace(part, ""), page);
    const links = [...rest.matchAll(/(?:href|src|action|srcset|data)="([^"]*)"/g)].map(
      (match) => match[1] as string,
    );
    expect(links.length).toBeGreaterThan(5);
    expect(links.filter((link) => !/^(#|data:,$)/.test(link))).toEqual([]);
    expect(own.join("")).not.toMatch(/@import|url\(|fetch\(|XMLHttpRequest|innerHTML|eval\(/);
  });

  it("says the same as the tables for terminals", () => {
    const text = textReport(report);
    expect(text.tables.length).toBeGreaterThan(12);
    for (const table of text.tables) {
      expect(page).toContain(escapeHtml(table.title));
      for (const cell of table.rows.flat()) expect(page).toContain(escapeHtml(cellText(cell)));
    }
    for (const { label, value, detail } of text.keyFigures)
      for (const part of [label, value, detail]) expect(page).toContain(escapeHtml(part));
    expect(JSON.parse(JSON.stringify(text.json)).figures.candidates.count).toBe(18);
  });

  it("says what was simulated, in the page and in the text", () => {
    expect(page).toContain("What was simulated");
    expect(textReport(report).notices[0]).toContain("simulated");
    const real = {
      ...report,
      isSimulated: false,
      rows: report.rows.map((row) => ({ ...row, isSimulated: false })),
    };
    expect(htmlReport(real)).not.toContain("What was simulated");
  });

  it("is the same, byte for byte, for the same run", async () => {
    expect(htmlReport(report)).toBe(page);
    expect(htmlReport(await made({ episodes: 3 }, "again/run"))).toBe(page);
  });

  it("links to candidates that are in the page, and to no others", () => {
    const small = htmlReport(report, { maxDetailBytes: 4000 });
    for (const one of [page, small]) {
      const known = new Set(dataOf(one).candidates.map(({ id }) => id));
      const linked = [...one.matchAll(/class="chip[^"]*" href="#([^"]+)"/g)].map(
        (match) => match[1] as string,
      );
      expect(linked.length).toBeGreaterThan(0);
      expect(linked.filter((id) => !known.has(id))).toEqual([]);
    }
  });

  it("holds all of a small run, with parents to compare with", () => {
    const data = dataOf(page);
    expect(data.total).toBe(18);
    expect(data.candidates).toHaveLength(18);
    const second = data.candidates.filter(({ id }) => id.includes(".t2."));
    const sources = report.turns.flatMap((turn) => turn.candidates);
    for (const candidate of second) {
      const turn = report.turns.find(({ candidates }) => candidates.some(({ id }) => id === candidate.id));
      const parent = sources.find(({ workflowHash }) => workflowHash === turn?.parentHash);
      expect(data.texts[candidate.parent]).toBe(parent?.source ?? undefined);
    }
    expect(second.some(({ parent }) => parent >= 0)).toBe(true);
  });

  it("draws the details by seed where there are too many, kept candidates first, and says so", async () => {
    const big = await made({ episodes: 12, candidates: 6, tokens: 1 }, "big");
    const limit = 40_000;
    const draw = (seed: number) => htmlReport(big, { seed, maxDetailBytes: limit });
    const [zero, again, one] = [draw(0), draw(0), draw(1)];
    const ids = (text: string) => dataOf(text).candidates.map(({ id }) => id);
    expect(again).toBe(zero);
    expect(ids(one)).not.toEqual(ids(zero));
    expect(zero).toMatch(/The page holds \d+ of 144 candidates.*seed 0/);
    const kept = big.turns.flatMap(({ candidates, kept: index }) =>
      candidates.filter((one) => one.index === index),
    );
    expect(ids(zero).length).toBeGreaterThan(kept.length);
    expect(ids(zero).length).toBeLessThan(144);
    expect(kept.filter(({ id }) => !ids(zero).includes(id))).toEqual([]);
    const { texts, candidates } = dataOf(zero);
    expect(JSON.stringify({ texts, candidates }).length).toBeLessThan(limit * 1.05);
    // Tables count every candidate all the same.
    expect(zero).toContain("144");
  });

  it("cuts a text that is too long, and says how long it was", async () => {
    const long = await made(
      { episodes: 1, turns: 1, text: (place) => `${place} ${"<x>".repeat(20_000)}` },
      "long",
    );
    const longest = Math.max(...dataOf(htmlReport(long)).texts.map((text) => text.length));
    expect(longest).toBeLessThan(20_100);
    expect(htmlReport(long)).toContain("characters in all");
  });

  it("shows two runs beside each other, with what keeps them from being compared", async () => {
    const other = await made({ seed: 5, text: (place) => `other ${place}` }, "other");
    const both = htmlReport(report, { compare: [other] });
    expect(both).toContain('id="comparison"');
    expect(both).toContain("The runs are on different tasks: plain 0 and other 0.");
    expect(both).toContain("seed differs, so the samples differ.");
    expect(page).not.toContain('id="comparison"');
    const [table] = textReport(report, { compare: [report] }).tables;
    // Against itself: the same rows, no difference, and a name of its own.
    expect(table?.rows.map((row) => cellText(row[4] ?? ""))).toEqual(["+0.0", "+0.0", "+0.0", "+0.0"]);
    expect(table?.head.slice(2, 4)).toEqual(["run", "run (2)"]);
  });

  it("shows as many runs beside it as are asked for, and names each in what keeps them apart", async () => {
    const others = [
      await made({ seed: 5 }, "second"),
      await made({ seed: 6 }, "third"),
      { ...(await made({}, "fourth")), rows: [] },
    ];
    const { tables, notices, json } = textReport(report, { compare: others });
    const [rows, search, settings] = tables;
    expect(rows?.head).toEqual([
      ...["workflow", "split", "run"],
      ...["second", "third", "fourth"].flatMap((name) => [name, "difference", "95 % interval"]),
    ]);
    // The last one has no such rows.
    for (const row of rows?.rows ?? []) expect(row.slice(9)).toEqual(["none", "–", "–"]);
    expect(search?.head).toEqual(["figure", "run", "second", "third", "fourth"]);
    expect(settings?.rows.find(([name]) => name === "seed")).toHaveLength(5);
    expect(notices).toContain("third: seed differs, so the samples differ.");
    expect(json.compared.map(({ run }) => run)).toEqual(["second", "third", "fourth"]);
    const page = htmlReport(report, { compare: others });
    expect(page).toContain("in the charts (dashed, those of second and third)");
    const accuracy = dataOf(page).charts.find(({ id }) => id === "chart-accuracy");
    const looks =
      accuracy?.lines.map(({ colour, isDashed }) => `${colour}${isDashed ? " dashed" : ""}`) ?? [];
    expect(new Set(looks).size).toBe(6);
  });

  it("puts the interval of a difference together from both intervals", () => {
    const row = report.rows[1];
    if (!row) throw new Error("no row");
    const one = { ...report, rows: [{ ...row, accuracy: 0.8, interval: { low: 0.7, high: 0.9 } }] };
    const other = { ...report, rows: [{ ...row, accuracy: 0.5, interval: { low: 0.4, high: 0.6 } }] };
    const [table] = textReport(one, { compare: [other] }).tables;
    // 0.3 ± √(0.1² + 0.1²)
    expect(table?.rows[0]?.slice(4).map(cellText)).toEqual(["+30.0", "+15.9 to +44.1"]);
  });
});

/** Names of elements and of attributes, the page's own scripts, styles and data left out. */
function markupNames(page: string): Set<string> {
  const own = [...contents(page, "script"), ...contents(page, "style")];
  const bare = own
    .reduce((left, part) => left.replace(part, ""), page)
    .replace(/(<script type="application\/json"[^>]*>).*?(<\/script>)/s, "$1$2")
    .replace(/="[^"]*"/g, "=");
  return new Set(
    [...bare.matchAll(/<[^>]*>/g)].flatMap(([tag]) =>
      tag
        .toLowerCase()
        .split(/[\s<>/]+/)
        .filter(Boolean),
    ),
  );
}

describe("texts of others", () => {
  it.each(XSS_STRINGS.map((text) => [text]))("%j stays text wherever a run holds it", async (text) => {
    const hostile = await made({ episodes: 6, text: () => text }, "hostile");
    const learnRun = join(folder(), "learn");
    makeLearnRun(learnRun, { episodes: 6, text: () => text });
    const learned = await readRunReport(learnRun);
    const page = htmlReport(hostile, { compare: [learned] });
    expect(contents(page, "script")).toHaveLength(2);
    expect(contents(page, "style")).toHaveLength(2);
    // No element and no attribute that a page without such texts does not have.
    const plain = await made({ episodes: 6 }, "harmless");
    const known = markupNames(htmlReport(plain, { compare: [plain] }));
    expect(known.size).toBeGreaterThan(40);
    for (const one of [page, htmlReport(learned)]) {
      expect([...markupNames(one)].filter((name) => !known.has(name))).toEqual([]);
      if (/[<>"'`]/.test(text)) expect(one.replace(/<script.*?<\/script>/gs, "")).not.toContain(text);
    }
    // It is there, though, to be read.
    expect(dataOf(page).texts.join("\n")).toContain(shown(text));
  });
});

describe("a run of learn", () => {
  it("shows base and trained model, decisions and lineage", async () => {
    const run = join(folder(), "learn");
    makeLearnRun(run);
    const report = await readRunReport(run);
    const { tables, keyFigures } = textReport(report);
    const table = (id: string) =>
      tables.find((one) => one.id === id)?.rows.map((row) => row.map(cellText)) ?? [];
    expect(table("policy-table").map((row) => row.slice(0, 3))).toEqual([
      ["base", "30.0%", "75.0%"],
      ["trained", "45.0%", "75.0%"],
      ["trained − base, points", "+15.0", "+15.0"],
    ]);
    expect(table("judgement-table").map((row) => [row[2], ...row.slice(6)])).toEqual([
      ["accepted: not worse", "+15.0", "+15.0", "4"],
      ["refused: plain 22", "−20.0 [−25.0, −15.0]", "−35.0 [−40.0, −30.0]", "8"],
    ]);
    // Four pairs are too few for an interval and a colour, eight are enough.
    const judged = tables.find((one) => one.id === "judgement-table")?.rows ?? [];
    expect(judged.map((row) => (row[6] as { tone?: string }).tone)).toEqual([undefined, "bad"]);
    expect(
      table("lineage-table")
        .filter(([name]) => name?.startsWith("adapter of round"))
        .map((row) => row[1]),
    ).toEqual([
      "111111111111, trained on from the base, accepted: rounds/01/plain 21.gguf",
      "222222222222, trained on from adapter 111111111111, refused: rounds/02/plain 21.gguf",
    ]);
    expect(keyFigures).toContainEqual({
      label: "Trained model against the base, simulated",
      value: "+15.0 points",
      detail: "mean accuracy of its designs, too few for an interval, 4 pairs of episodes",
    });
    const data = dataOf(htmlReport(report));
    expect(data.charts.map(({ id }) => id)).toEqual([
      "chart-judged",
      "chart-accuracy",
      "chart-reward",
      "chart-loss",
    ]);
    expect(data.charts[3]?.lines.map(({ values }) => values)).toEqual([
      [1.8, 1.6, 1.4, 1.2, null, null, null, null],
      [null, null, null, null, 1.8, 1.6, 1.4, 1.2],
    ]);
  });
});

describe("colours", () => {
  /** WCAG 2: 4.5 for text. */
  const TEXT_CONTRAST = 4.5;
  const style = PAGE_STYLE;
  const themes = [...style.matchAll(/\{\s*(--paper:[^}]*?)color-scheme: (light|dark)/g)].map((match) => ({
    name: match[2] as string,
    colours: Object.fromEntries(
      [...(match[1] as string).matchAll(/--([\w-]+): (#[0-9a-f]{6})/g)].map(
        (pair) => [pair[1], pair[2]] as const,
      ),
    ),
  }));
  const luminance = (hex: string) => {
    const [r = 0, g = 0, b = 0] = [1, 3, 5]
      .map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255)
      .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a: string, b: string) => {
    const [light = 0, dark = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (light + 0.05) / (dark + 0.05);
  };
  const pairs = [
    ...["ink", "muted", "accent", "good", "bad"].flatMap((name) => [
      `${name} on surface`,
      `${name} on paper`,
    ]),
    ...["keyword", "string", "comment", "number", "call"].map((name) => `${name} on paper`),
    ...[
      "good on good-soft",
      "bad on bad-soft",
      "ink on soft",
      "ink on warn-soft",
      "ink on good-soft",
      "ink on bad-soft",
    ],
    ...["accent on soft", "bad on surface"],
  ];

  it("are there in light, dark and print", () => {
    expect(themes.map(({ name }) => name)).toEqual(["light", "dark", "dark", "light"]);
  });

  it.each(pairs)("%s can be read in every theme", (pair) => {
    const [front = "", back = ""] = pair.split(" on ");
    for (const { name, colours } of themes)
      expect(contrast(colours[front] ?? "", colours[back] ?? ""), `${name}: ${pair}`).toBeGreaterThan(
        TEXT_CONTRAST,
      );
  });
});

describe("writeReport", () => {
  it("replaces a report, and nothing else", async () => {
    const path = join(folder(), "page.html");
    const page = htmlReport(await made({}, "run"));
    await writeReport(path, page);
    await writeReport(path, page);
    expect(readFileSync(path, "utf8")).toBe(page);
    const other = join(folder(), "mine.html");
    writeFileSync(other, "<html>mine</html>");
    await expect(writeReport(other, page)).rejects.toThrow(/is no report of w4s/);
    expect(readFileSync(other, "utf8")).toBe("<html>mine</html>");
  });
});
