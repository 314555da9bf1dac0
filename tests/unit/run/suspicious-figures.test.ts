/** @file Figures whose likely cause is the setup, in one sentence. */
import { describe, expect, it } from "vitest";
import { type JobResult, summarize } from "../../../src/evaluate/evaluation.js";
import { suspiciousFigures } from "../../../src/run/suspicious-figures.js";

const result = (changes: Partial<JobResult>) =>
  ({ status: "ok", score: 0, extracted: "", usage: {}, sampleId: "s/1", ...changes }) as JobResult;
const row = (results: Partial<JobResult>[]) =>
  summarize(
    "h",
    results.map((one, at) => result({ sampleId: `s/${at}`, ...one })),
    1,
    10,
  );
const candidate = { outcome: "scored", status: "ok" } as const;

describe("suspiciousFigures", () => {
  it("is silent where rows differ, where there is one row, and where there are few runs", () => {
    const mixed = [row([{ score: 1 }, {}]), row([{}, {}])];
    expect(suspiciousFigures(mixed, [candidate])).toEqual([]);
    expect(suspiciousFigures([row([{}, {}, {}, {}])], [])).toEqual([]);
    expect(suspiciousFigures([row([{}]), row([{}])], [])).toEqual([]);
    expect(suspiciousFigures([], [])).toEqual([]);
  });

  it("shows the answer that is read most often where none is right", () => {
    const rows = [
      row([{ extracted: "Rechnung" }, { extracted: "Rechnung" }]),
      row([{ extracted: "Rechnung" }, { extracted: "x" }]),
    ];
    expect(suspiciousFigures(rows, [])).toEqual([
      expect.stringMatching(
        /^no workflow answers a single item, and .* "Rechnung" \(3 of 4\).*expected one of s\/0;.*instruction/,
      ),
    ]);
  });

  it("shows a reply where nothing can be read out of any", () => {
    const rows = [row([{ answer: '"I cannot help"' }, {}]), row([{}, {}])];
    expect(suspiciousFigures(rows, [])[0]).toMatch(
      /4 of 4 answers hold nothing that the scorer reads; the first: "\\"I cannot help\\""/,
    );
  });

  it("says that items are too easy where all are answered", () => {
    const rows = [row([{ score: 1 }, { score: 1 }]), row([{ score: 1 }, { score: 1 }])];
    expect(suspiciousFigures(rows, [])[0]).toMatch(/^every workflow answers every item/);
  });

  it("names the message that every row has", () => {
    const threw = { status: "threw", message: "agent.text: the model refused" } as const;
    const rows = [row([threw, threw, {}]), row([threw, threw, threw])];
    expect(suspiciousFigures(rows, [])).toEqual([
      expect.stringMatching(/^every workflow fails with the same message.*"agent.text: the model refused"$/),
    ]);
    const other = row([{ status: "threw", message: "another" }, threw, {}, { score: 1 }, { score: 1 }]);
    expect(suspiciousFigures([row([threw, { score: 1 }]), other], [])).toEqual([]);
  });

  it("does not count what the executor lost", () => {
    const lost = { status: "error", message: "no answer" } as const;
    expect(suspiciousFigures([row([lost, lost, lost]), row([lost, lost])], [])).toEqual([]);
  });

  it("tells why no candidate can be used", () => {
    const invalid = { outcome: "invalid", status: "extract-failed", message: "no code block" } as const;
    expect(suspiciousFigures([], [invalid, invalid, { ...invalid, message: "cut" }])[0]).toMatch(
      /^none of 3 candidates can be used, most often \(2\) because of "extract-failed: no code block"; .*--grammar subset/,
    );
    expect(suspiciousFigures([], [invalid, candidate])).toEqual([]);
  });
});
