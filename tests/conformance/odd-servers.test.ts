/** @file What odd servers answer, played on loopback to `w4s run`: the answer, whose fault, what it cost, how often it was asked. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { CallStore } from "../../src/llm/call-store.js";
import { useCliHost } from "../support/cli-host.js";
import { type OddCase, startOddServer } from "../support/odd-server.js";
import { sharedPath } from "../support/shared.js";

const folder = mkdtempSync(join(tmpdir(), "w4s-test-"));
/** As many at once as tests run at once: they wait for servers more than they compute. */
const runCli = useCliHost(10);
afterAll(() => rmSync(folder, { recursive: true }));
const WORKFLOWS: Record<OddCase["workflow"], string> = {
  number: "number((await agent.text(task.question))[0])",
  votes: "vote((await agent.text(task.question, { n: 3 })).map((reply) => number(reply)))",
  json: '(await agent.json(task.question, ["answer"])).answer',
  role: 'number((await agent.text(task.question, { role: "an expert accountant" }))[0])',
  code: "code((await agent.text(task.question))[0])",
  choice: "choice((await agent.text(task.question))[0], task.choices)",
};
const EXITS = { none: 0, workflow: 5, executor: 5, setup: 4 };

const casesOf = (path: string) => (JSON.parse(readFileSync(path, "utf8")) as { cases: OddCase[] }).cases;

async function play(one: OddCase): Promise<void> {
  const home = join(folder, one.name);
  mkdirSync(home);
  const workflow = join(home, "workflow.js");
  writeFileSync(workflow, `export default async (agent, task) => ${WORKFLOWS[one.workflow]};\n`);
  // JSON is YAML.
  writeFileSync(join(home, "w4s.config.yaml"), JSON.stringify({ params: one.params }));
  const { baseUrl, stats, close } = await startOddServer(one);
  try {
    const choices = one.workflow === "choice" ? ["17", "18", "19"].flatMap((text) => ["--choice", text]) : [];
    const { code, stdout, stderr } = await runCli(
      [
        ...["run", workflow, "--question", "What is 9 + 9?", ...choices],
        ...["--executor", `openai:${baseUrl}`, "--executor-model", "fake", "--weak", "none"],
        ...["--cache", join(home, "cache")],
      ],
      { cwd: home },
    );
    const { must } = one;
    const answer = stdout === "" ? null : stdout.replace(/\n$/, "");
    expect({ code, answer, stderr }).toEqual({
      code: must.exit ?? EXITS[must.fault],
      answer: must.answer,
      stderr: expect.any(String),
    });
    if (must.requests !== undefined) expect(stats.bodies.length).toBeLessThanOrEqual(must.requests);
    if (must.billed) {
      const calls = join(home, "cache", "calls.db");
      expect(existsSync(calls)).toBe(true);
      using store = CallStore.open(calls);
      const { promptTokens, completionTokens } = store.ledgerTotals()[0] ?? {};
      expect({ promptTokens, completionTokens }).toEqual({
        promptTokens: stats.promptTokens,
        completionTokens: stats.completionTokens,
      });
    }
    if (must.waitsMs !== undefined)
      expect((stats.at[1] ?? 0) - (stats.at[0] ?? 0)).toBeGreaterThanOrEqual(must.waitsMs);
    if (must.says !== undefined)
      expect(stderr.trim().split("\n").at(-1)?.toLowerCase()).toContain(must.says.toLowerCase());
  } finally {
    await close();
  }
}

const shared = sharedPath("odd", "servers.json");
describe.skipIf(shared === undefined)(
  "the shared table (skipped where $W4S_SHARED has no odd/servers.json)",
  () => {
    test.concurrent.each(shared === undefined ? [] : casesOf(shared))("$name", async (one) => play(one));
  },
);

describe("our own table", () => {
  const own = casesOf(new URL("../fixtures/odd-servers.json", import.meta.url).pathname);
  test("has at least twenty cases", () => expect(own.length).toBeGreaterThanOrEqual(20));
  test.concurrent.each(own)("$name", async (one) => play(one));
});
