/** @file Own words for tiny designers: written once by the executor, stored with the run, found in its workflows. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readInstructionRecord } from "../../src/records/instruction-record.js";
import { readRunReport } from "../../src/report/run-report.js";
import { useCliHost } from "../support/cli-host.js";
import { type FakeOpenAI, startFakeOpenAI } from "../support/fake-openai-server.js";
import { withoutPrograms } from "../support/no-programs.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const folder = useTemporaryFolder();
const runCli = useCliHost();
const OWN = "Write down every price before you add.";
const isWriting = (prompt: string) => prompt.startsWith("You write instructions");

let server: FakeOpenAI;

beforeAll(async () => {
  server = await startFakeOpenAI({
    reply: ({ prompt }) => (isWriting(prompt) ? JSON.stringify([OWN]) : "The answer is 7."),
  });
});
afterAll(() => server.close());

function optimize(run: string, ...more: string[]) {
  return runCli([
    ...[
      "optimize",
      "--task",
      "shopping",
      "--designer",
      "random",
      "--run",
      run,
      "--episodes",
      "2",
      "--turns",
      "2",
    ],
    ...[
      "--candidates",
      "6",
      "--screen",
      "0",
      "--validation-limit",
      "2",
      "--test-limit",
      "0",
      "--weak",
      "none",
    ],
    ...["--executor", `openai:${server.baseUrl}`, "--executor-model", "fake-model", "--baselines", "direct"],
    ...["--price-input", "1", "--price-output", "1", ...withoutPrograms(folder()), ...more],
  ]);
}

const trajectories = (run: string) => readFileSync(join(run, "trajectories.jsonl"), "utf8");

it("are written once, stand in workflows, and are found again without a call", async () => {
  const run = join(folder(), "run");
  // Until the first workflows are written: the direct baseline on two items, then eight train items and the request.
  const first = await optimize(run, "--max-calls", "12");
  expect(`${first.code} ${first.stderr}`).toMatch(/^8 /);
  expect(first.stderr).toMatch(/shopping: 1 instruction written by openai:\S+ \(9 calls, \d+ tokens, \$/);
  expect(readInstructionRecord(run, "shopping")).toMatchObject({ texts: [OWN], calls: 9 });
  const second = await optimize(run, "--max-calls", "1000");
  expect(`${second.code} ${second.stderr}`).toMatch(/^0 /);
  expect(second.stderr).toContain("1 instruction from the last session");
  expect(server.chats.filter(({ prompt }) => isWriting(prompt))).toHaveLength(1);
  expect(trajectories(run)).toContain(OWN);
  expect(server.chats.some(({ prompt }) => prompt.includes(OWN) && !isWriting(prompt))).toBe(true);
  const { ledger } = await readRunReport(run);
  expect(ledger.find(({ role }) => role === "instructions")).toMatchObject({ calls: 1 });
});

it("--instructions 0 asks nothing", async () => {
  const run = join(folder(), "run");
  const before = server.chats.length;
  const { code, stderr } = await optimize(run, "--instructions", "0");
  expect(`${code} ${stderr}`).toMatch(/^0 /);
  expect(server.chats.slice(before).filter(({ prompt }) => isWriting(prompt))).toEqual([]);
  expect(trajectories(run)).not.toContain(OWN);
  expect(readInstructionRecord(run, "shopping")).toBeUndefined();
});

it("a writer that is no model of the run, or a simulated one, is refused before anything is paid", async () => {
  const run = join(folder(), "run");
  const before = server.requests.length;
  const unknown = await optimize(run, "--instructions-by", "nobody");
  expect(unknown.code).toBe(2);
  expect(unknown.stderr).toContain('instructions: no model is called "nobody" here');
  const simulated = await runCli([
    ...["optimize", "--task", "shopping", "--designer", "random", "--executor", "simulated", "--run", run],
    ...["--instructions", "2"],
  ]);
  expect(simulated.code).toBe(2);
  expect(simulated.stderr).toContain("the simulated executor cannot write");
  expect(server.requests.length).toBe(before);
});
