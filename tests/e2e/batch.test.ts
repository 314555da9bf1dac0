/** @file `w4s eval --batch`: the results of direct calls, at half the price, each call paid once whatever kills the command. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { FakeBatches, type FakeBatchesOptions } from "../support/fake-batches.js";
import { startFakeOpenAI } from "../support/fake-openai-server.js";
import { dyingAt, killAtEach } from "../support/kill-moments.js";
import { namedReply } from "../support/paid-calls.js";
import { runCli } from "../support/run-cli.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const newFolder = useTemporaryFolder();
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** Its second call depends on the first: another wave. */
const TWO_STEPS = `export default async function workflow(agent, task) {
  const drafts = await Promise.all(["a", "b"].map((way) => agent.text(way + ": " + task.question)));
  const [reply] = await agent.text("Which is right? " + drafts.flat().join(" or "));
  return number(reply);
}
`;

async function serve(options: FakeBatchesOptions = {}) {
  const batches = new FakeBatches({ reply: namedReply, ...options });
  const server = await startFakeOpenAI({ reply: namedReply, intercept: batches.intercept });
  closers.push(() => server.close());
  const folder = newFolder();
  writeFileSync(join(folder, "two-steps.js"), TWO_STEPS);
  const command = (run: string, ...more: string[]) => [
    ...[
      "eval",
      join(folder, "two-steps.js"),
      "--task",
      "word-problems",
      "--validation-limit",
      "4",
      "--seed",
      "5",
      "--weak",
      "none",
    ],
    ...["--baselines", "direct", "--executor", `openai:${server.baseUrl}`],
    ...["--executor-model", "fake-model", "--price-input", "1", "--price-output", "1"],
    ...["--run", join(folder, run), "--json", ...more],
  ];
  return { server, batches, folder, command };
}

/** In the order of their coming: while a batch is planned, uploaded, made, and read. */
const MOMENTS = [
  "after batches.jsonl:1",
  "after call 1",
  "after call 2",
  "after batches.jsonl:7",
  "before batches.jsonl:8",
];

it("ends as direct calls do after kills at every step of a batch, and pays each call once", async () => {
  const { server, batches, folder, command } = await serve();
  const direct = await runCli(command("direct"));
  expect(direct.code, direct.stderr).toBe(0);
  const chats = server.chats.length;
  const run = join(folder, "killed");
  const { died, last } = await killAtEach(
    MOMENTS.map((moment) => ({ moment })),
    (left) => runCli(command("killed", "--batch"), { env: dyingAt(run, left) }),
  );
  expect(died.map(({ moment }) => moment)).toEqual(MOMENTS);
  expect(last.code, last.stderr).toBe(0);
  const [expected, found] = [direct, last].map(({ stdout }) => JSON.parse(stdout));
  expect(found.resultHash).toBe(expected.resultHash);
  expect(server.chats).toHaveLength(chats);
  expect([...new Set(batches.paid.values())]).toEqual([1]);
  expect(batches.paid.size).toBe(chats);
  // First questions of all rows are one wave, and what depends on them comes later; a busy machine may send that in two.
  const [first, ...later] = batches.batches.map(({ requests }) => requests.length);
  expect(first).toBe(12);
  expect(later.reduce((sum, count) => sum + count, 0)).toBe(4);
  const dollars = (result: { spent: Record<string, { dollars: number }> }) =>
    Object.values(result.spent)[0]?.dollars ?? Number.NaN;
  expect(dollars(found)).toBeCloseTo(dollars(expected) / 2, 9);
});

it("Ctrl-C leaves the batch at the server, and only --batch goes on with it", async () => {
  const { batches, command } = await serve({ isHeld: () => true });
  const stopped = await runCli(command("stopped", "--batch"), {
    onStart: (started) => {
      started.stderr?.on("data", (text: Buffer) => {
        if (text.includes("batch batch-0: in progress")) started.kill("SIGINT");
      });
    },
  });
  expect(stopped.code).toBe(130);
  expect(stopped.stderr).toMatch(/batch batch-0 \(\d+ requests\) goes on at the server/);
  const without = await runCli(command("stopped"));
  expect(without.code).toBe(2);
  expect(without.stdout).toMatch(/calls of this run are in batches that were not read \(batch-0\)/);
  expect(batches.batches).toHaveLength(1);
});
