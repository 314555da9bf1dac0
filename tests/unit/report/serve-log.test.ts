/** @file The log of a server as tables and as a page: its figures are those of its lines, and what was asked stays text. */
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cellText } from "../../../src/report/report-table.js";
import { readServeLog, serveLogFiles, serveLogTables } from "../../../src/report/server/serve-log.js";
import { serveLogPage } from "../../../src/report/server/serve-log-page.js";
import { RequestLog } from "../../../src/serve/request-log.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const folder = useTemporaryFolder();
const HOSTILE = "<script>alert(1)</script>";

/** Nine answers of 100 to 900 ms and a failure, on two days. */
function written(): string {
  const place = join(folder(), "logs");
  const log = new RequestLog(place, undefined);
  for (let i = 1; i <= 10; i++)
    log.add(i < 4 ? "2026-11-28" : "2026-11-29", {
      ...{ key: i % 2 ? "alice" : "bob", model: "tickets", workflow: "a".repeat(64), context: undefined },
      ...(i < 10 ? { answer: "billing", error: undefined } : { answer: undefined, error: "timed_out" }),
      ...{ question: i === 10 ? HOSTILE : `Ticket ${i}`, milliseconds: 100 * i },
      spent: { calls: 2, tokens: 1000, dollars: 0.01 },
    });
  log.close();
  return place;
}

const rowsOf = (place: string, id: string) =>
  serveLogTables(readServeLog(place))
    .find((table) => table.id === id)
    ?.rows.map((row) => row.map(cellText));

test("tables count what the lines say", () => {
  const place = written();
  expect(serveLogFiles(place)).toEqual([
    "answers-2026-11-28.jsonl",
    "answers-2026-11-29.jsonl",
    "failures-2026-11-28.jsonl",
    "failures-2026-11-29.jsonl",
  ]);
  expect(rowsOf(place, "workflows")).toEqual([
    ["tickets (aaaaaaaaaaaa)", "10", "1 (10.0%)", "0.60 s", "1.00 s", "20", "10.0 K", "$0.100"],
  ]);
  expect(rowsOf(place, "keys")?.map(([key, requests]) => [key, requests])).toEqual([
    ["alice", "5"],
    ["bob", "5"],
  ]);
  expect(rowsOf(place, "failures")).toEqual([["timed_out", "1", "10.0%"]]);
  expect(rowsOf(place, "slowest")?.[0]?.slice(1)).toEqual(["tickets", "1.00 s", "timed_out", HOSTILE]);
});

test("lines that were cut are counted, not read; dollars that nobody counted are no zero", () => {
  const place = written();
  appendFileSync(join(place, "answers-2026-11-29.jsonl"), '{"question":"cut');
  expect(readServeLog(place).unreadable).toBe(1);
  const log = new RequestLog(place, undefined);
  log.add("2026-11-30", {
    ...{ key: undefined, model: "other", workflow: "b".repeat(64), question: "q", context: undefined },
    ...{ answer: "a", error: undefined, milliseconds: 5, spent: { calls: 1, tokens: 10 } },
  });
  log.close();
  expect(rowsOf(place, "workflows")?.[1]?.at(-1)).toBe("none counted");
});

test("the page holds it as text, and asks for nothing", () => {
  const page = serveLogPage(readServeLog(written()));
  expect(page).toContain("10 requests");
  expect(page).toContain("&lt;script&gt;alert(1)");
  expect(page).not.toMatch(/<script| src=|href="http/);
});

test("a folder without a log is said to be none", () => {
  expect(serveLogFiles(join(folder(), "nowhere"))).toEqual([]);
  expect(() => readServeLog(folder())).toThrow(/holds no requests/);
});
