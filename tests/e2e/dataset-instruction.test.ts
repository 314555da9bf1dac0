/** @file A dataset's instruction at the command line: imported, shown, and told to the executor with every item. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { useCliHost } from "../support/cli-host.js";
import { type FakeOpenAI, faults, startFakeOpenAI } from "../support/fake-openai-server.js";
import { sharedPath } from "../support/shared.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const folder = useTemporaryFolder();
const runCli = useCliHost();
let servers: FakeOpenAI[] = [];
afterEach(async () => {
  await Promise.all(servers.map((server) => server.close()));
  servers = [];
});

/** Label of a ticket by a word of its text. */
const LABELS: Readonly<Record<string, string>> = {
  invoice: "billing",
  crashes: "bug",
  "opening hours": "other",
};
const told = (labels: readonly string[]) =>
  `Sort the ticket. Answer with one label and nothing else: ${labels.join(", ")}`;

function ownTickets(): string {
  const path = join(folder(), "tickets.csv");
  const rows = Object.entries(LABELS).flatMap(([word, label]) =>
    Array.from({ length: 10 }, (_, i) => `Ticket ${i} about ${word}.,${label}`),
  );
  writeFileSync(path, `text,label\n${rows.join("\n")}\n`);
  return path;
}

type Request = { body: { messages: { content: string }[] } };

/** Knows the labels only where it was told all of them; else it talks. */
async function start(answers: ReadonlyMap<string, string>, isWithoutSystem = false): Promise<FakeOpenAI> {
  const labels = [...new Set(answers.values())];
  const server = await startFakeOpenAI({
    reply: (request) => {
      const text = (request as Request).body.messages.map(({ content }) => content).join("\n");
      const [, label] = [...answers].find(([question]) => text.includes(question)) ?? [];
      const isTold = labels.every((one) => new RegExp(`\\b${one}\\b`).test(text));
      return isTold ? label! : "This customer needs some help from us, soon.";
    },
    intercept: (request) => {
      const messages = (request as { body?: { messages?: { role: string }[] } }).body?.messages ?? [];
      return isWithoutSystem && messages.some(({ role }) => role === "system")
        ? faults.status(400, { error: { message: "System role not supported" } })
        : undefined;
    },
  });
  servers.push(server);
  return server;
}

async function scoreOf(csv: string, instruction: string | undefined, isWithoutSystem = false) {
  const task = join(folder(), `tickets-${instruction === undefined ? "plain" : "told"}`);
  const imported = await runCli([
    ...["data", "import", csv, task, "--kind", "text", "--field", "question=text", "--field", "answer=label"],
    ...(instruction === undefined ? [] : ["--instruction", instruction]),
  ]);
  expect(imported).toMatchObject({ code: 0 });
  const shown = await runCli(["data", "validate", task]);
  expect(shown.stdout.includes(`instruction: ${JSON.stringify(instruction)}`)).toBe(
    instruction !== undefined,
  );
  const items = ["train", "validation", "test"].flatMap((split) =>
    readFileSync(join(task, `${split}.jsonl`), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { question: string; answer: string }),
  );
  const server = await start(
    new Map(items.map(({ question, answer }) => [question, answer])),
    isWithoutSystem,
  );
  const workflow = join(folder(), "ask.js");
  writeFileSync(
    workflow,
    "export default async (agent, task) => (await agent.text(task.question, { role: 'a clerk' }))[0];\n",
  );
  const run = await runCli(
    [
      ...["eval", workflow, "--task", task, "--baselines", "direct", "--json", "--weak", "none"],
      ...["--executor", `openai:${server.baseUrl}`, "--executor-model", "fake-model"],
    ],
    { cwd: folder() },
  );
  expect(run, run.stderr).toMatchObject({ code: 0 });
  const rows = JSON.parse(run.stdout).rows as { accuracy: number }[];
  expect(rows).toHaveLength(2);
  return rows.map(({ accuracy }) => accuracy);
}

describe("tickets with an instruction that names the labels", () => {
  it("are answered by a server that knows labels only when it was told them", async () => {
    expect(await scoreOf(ownTickets(), told(Object.values(LABELS)))).toEqual([1, 1]);
  });

  it("are not answered without the instruction", async () => {
    expect(await scoreOf(ownTickets(), undefined)).toEqual([0, 0]);
  });

  it("are answered by a server that refuses the system role too", async () => {
    expect(await scoreOf(ownTickets(), told(Object.values(LABELS)), true)).toEqual([1, 1]);
  });

  it("works on somebody's own file", async ({ skip }) => {
    const csv = sharedPath("newcomer", "tickets.csv");
    if (csv === undefined) return skip("the shared tickets are absent");
    const labels = [
      ...new Set([...readFileSync(csv, "utf8").matchAll(/,(\w+)\r?$/gm)].map(([, one]) => one!)),
    ];
    expect(await scoreOf(csv, told(labels.filter((one) => one !== "label")))).toEqual([1, 1]);
  });
});

it("refuses an instruction that is empty or longer than 2,000 characters", async () => {
  const csv = ownTickets();
  const args = ["data", "import", csv, join(folder(), "t"), "--kind", "text"];
  const fields = ["--field", "question=text", "--field", "answer=label"];
  for (const [text, why] of [
    [" ", "not empty"],
    ["x".repeat(2001), "at most 2000 characters"],
  ] as const) {
    const refused = await runCli([...args, ...fields, "--instruction", text]);
    expect(refused).toMatchObject({ code: 3 });
    expect(refused.stderr).toContain("instruction");
    expect(refused.stderr).toContain(why);
  }
});
