/** @file The chain of a log: over sessions and kills it holds; whatever is changed later, the first broken line is named. */
import { appendFileSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { decodeLine, encodeLine, JsonlLog } from "../../../src/core/jsonl-log.js";
import { verifyChain } from "../../../src/core/verify-chain.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const folder = useTemporaryFolder();
const GENESIS = "0".repeat(64);

/** Two sessions of three lines. */
function chained(): { path: string; head: { lines: number; hash: string } } {
  const path = join(folder(), "events.jsonl");
  let head = { lines: 0, hash: "" };
  for (const session of [0, 1]) {
    const { log } = JsonlLog.open(path, GENESIS);
    for (let n = 0; n < 3; n++) log.append({ type: "event", session, n });
    head = log.head;
    log.close();
  }
  return { path, head };
}

const linesOf = (path: string) => readFileSync(path, "utf8").trimEnd().split("\n");
const write = (path: string, lines: readonly string[]) => writeFileSync(path, `${lines.join("\n")}\n`);
/** A line as someone who knows the format would forge it: with a checksum that fits. */
const forged = (line: string, change: Record<string, unknown>) => {
  const { ...record } = decodeLine(line);
  return encodeLine({ ...record, ...change });
};

describe("verifyChain", () => {
  it("holds over sessions, and ends at the head that the log tells", () => {
    const { path, head } = chained();
    expect(head.lines).toBe(6);
    expect(verifyChain(path, GENESIS, head)).toEqual({ ...head, unchained: 0, isTorn: false });
  });

  it("holds after a kill at every byte of the last line, before and after the next session", () => {
    const { path, head } = chained();
    const whole = readFileSync(path);
    const last = Buffer.byteLength(linesOf(path).at(-1) ?? "") + 1;
    for (let cut = 1; cut < last; cut += 7) {
      writeFileSync(path, whole);
      truncateSync(path, whole.length - cut);
      const torn = verifyChain(path, GENESIS, { ...head, lines: 5, hash: verifyChain(path, GENESIS).hash });
      expect(torn).toMatchObject({ lines: 5, isTorn: true });
      expect(torn.broken).toBeUndefined();
      const { log, isTorn } = JsonlLog.open(path, GENESIS);
      expect(isTorn).toBe(true);
      log.append({ type: "event", session: 2 });
      log.close();
      const resumed = verifyChain(path, GENESIS);
      expect(resumed).toMatchObject({ lines: 6, isTorn: false });
      expect(resumed.broken).toBeUndefined();
    }
  });

  it.each<[string, (lines: string[]) => string[], number, RegExp]>([
    ["a flipped letter", (l) => l.with(2, l[2]!.replace("event", "evemt")), 3, /checksum/],
    ["a forged line", (l) => l.with(2, forged(l[2]!, { n: 9 })), 4, /hash of line 3: that was changed/],
    ["a forged first line", (l) => l.with(0, forged(l[0]!, { n: 9 })), 2, /hash of line 1/],
    ["a forged last line", (l) => l.with(5, forged(l[5]!, { n: 9 })), 6, /noted when the run ended/],
    ["a line taken out", (l) => l.toSpliced(3, 1), 4, /hash of line 3/],
    ["the first line taken out", (l) => l.slice(1), 1, /follow from run\.json/],
    ["the last lines taken out", (l) => l.slice(0, 4), 5, /missing at the end: there were 6/],
    ["two lines exchanged", (l) => l.with(1, l[2]!).with(2, l[1]!), 2, /hash of line 1/],
    [
      "a line added",
      (l) => l.toSpliced(2, 0, encodeLine({ type: "event" })),
      3,
      /no hash of the line before/,
    ],
    ["a line doubled", (l) => l.toSpliced(2, 0, l[1]!), 3, /hash of line 2/],
  ])("names the first broken line: %s", (_, change, line, reason) => {
    const { path, head } = chained();
    write(path, change(linesOf(path)));
    const { broken } = verifyChain(path, GENESIS, head);
    expect(broken).toMatchObject({ line });
    expect(broken?.reason).toMatch(reason);
  });

  it("shows what a log was begun with", () => {
    const { path, head } = chained();
    expect(verifyChain(path, "1".repeat(64), head).broken).toMatchObject({ line: 1 });
  });

  it("goes on from a log of an older version, and says how many lines have no chain", () => {
    const path = join(folder(), "events.jsonl");
    appendFileSync(path, `${encodeLine({ n: 1 })}\n${encodeLine({ n: 2 })}\n`);
    const { log } = JsonlLog.open(path, GENESIS);
    log.append({ n: 3 });
    log.append({ n: 4 });
    log.close();
    expect(verifyChain(path, GENESIS)).toMatchObject({ lines: 4, unchained: 2 });
    const lines = linesOf(path);
    write(path, lines.with(1, forged(lines[1]!, { n: 5 })));
    expect(verifyChain(path, GENESIS).broken).toMatchObject({ line: 3 });
  });

  it("leaves logs without a chain as they are", () => {
    const path = join(folder(), "plain.jsonl");
    const { log } = JsonlLog.open(path);
    log.append({ n: 1 });
    log.close();
    expect(JsonlLog.read(path).records).toEqual([{ n: 1 }]);
  });
});
