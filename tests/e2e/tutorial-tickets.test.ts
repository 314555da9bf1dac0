/** @file The tutorial on tickets as it is printed: from a table to a workflow, against a server that knows labels only when it was told them. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { useCliHost } from "../support/cli-host.js";
import { type FakeOpenAI, startFakeOpenAI } from "../support/fake-openai-server.js";
import { ROOT } from "../support/run-cli.js";
import { sharedPath } from "../support/shared.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const folder = useTemporaryFolder();
const w4s = useCliHost();
let server: FakeOpenAI | undefined;
afterAll(() => server?.close());

/** A word of each ticket, and its label. */
const LABELS: Readonly<Record<string, string>> = {
  password: "account",
  charged: "billing",
  "opening hours": "other",
  parcel: "shipping",
  crashes: "technical",
};

function ownTickets(): string {
  const rows = Object.entries(LABELS).flatMap(([word, label], kind) =>
    Array.from(
      { length: 8 },
      (_, i) => `T${kind}${i},"Hello, number ${i} here: ${word}, please help.",${label}`,
    ),
  );
  return `ticket_id,text,label\r\n${rows.join("\r\n")}\r\n`;
}

/** The label of a ticket in the prompt, but only beside all of the labels; else talk. */
function reply(text: string): string {
  const isTold = Object.values(LABELS).every((label) => new RegExp(`\\b${label}\\b`).test(text));
  const [, label] = Object.entries(LABELS).find(([word]) => text.includes(word)) ?? [];
  return isTold && label ? label : "This customer needs some help from us, soon.";
}

/** The commands of the tutorial, as lists of words. */
function commands(): string[][] {
  const page = readFileSync(join(ROOT, "docs/tutorials/tickets.md"), "utf8");
  return [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block = ""]) =>
    [...block.trim().matchAll(/"([^"]*)"|\S+/g)].map(([word, quoted]) => quoted ?? word),
  );
}

it("leads in five commands to a design that is right for nine tickets of ten", async () => {
  const started = await startFakeOpenAI({
    models: ["my-model"],
    reply: ({ body }) =>
      reply((body.messages as { content: string }[]).map(({ content }) => content).join("\n")),
  });
  server = started;
  const cwd = folder();
  writeFileSync(join(cwd, "tickets.csv"), ownTickets());
  const lines = commands();
  expect(lines.length).toBeLessThanOrEqual(5);
  const outputs: string[] = [];
  for (const [program, ...words] of lines) {
    expect(program).toBe("w4s");
    const real = words.map((word) => word.replace("http://127.0.0.1:8080/v1", started.baseUrl));
    // A smaller run of the same kind: one baseline, and no model beside the executor.
    const result = await w4s(real, { cwd, env: { W4S_BASELINES: "direct", W4S_WEAK: "none" } });
    expect(result, `${words.join(" ")}\n${result.stdout}${result.stderr}`).toMatchObject({ code: 0 });
    outputs.push(result.stdout);
    if (words[0] === "init") expect(result.stdout).toContain("next: w4s optimize --dry-run");
    if (words.includes("--dry-run")) expect(started.chats).toHaveLength(0);
  }
  const summary = JSON.parse(readFileSync(join(cwd, "runs/tickets/summary.json"), "utf8")) as {
    pareto: { points: { title: string; accuracy: number }[] };
  };
  const designed = summary.pareto.points.filter(({ title }) => title.includes("candidate"));
  expect(Math.max(...designed.map(({ accuracy }) => accuracy))).toBeGreaterThanOrEqual(0.9);
  expect(outputs.at(-1)!.trim()).toBe("D");
});

it("imports the newcomer's tickets as they are", async ({ skip }) => {
  const csv = sharedPath("newcomer", "tickets.csv");
  if (csv === undefined) return skip("the shared tickets are absent");
  const result = await w4s([
    "data",
    "import",
    csv,
    join(folder(), "t"),
    "--kind",
    "choice",
    "--choices-from",
    "label",
  ]);
  expect(result).toMatchObject({ code: 0, stderr: expect.stringContaining("not used: ticket_id") });
  expect(result.stderr).toContain("account, billing, other, shipping, technical");
});
