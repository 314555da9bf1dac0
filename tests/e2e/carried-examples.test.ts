/** @file Examples end to end: shown while a workflow is searched, written beside the best one, and used without the dataset. */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { useCliHost } from "../support/cli-host.js";
import { type FakeOpenAI, startFakeOpenAI } from "../support/fake-openai-server.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const folder = useTemporaryFolder();
const runCli = useCliHost();
let server: FakeOpenAI | undefined;
afterEach(async () => {
  await server?.close();
});

const WORDS = ["invoice", "crash", "hours"];
const LABELS: Readonly<Record<string, string>> = { invoice: "K-17", crash: "K-23", hours: "K-42" };
/** Invented labels: only examples can teach them. */
const lines = (split: string, mark = "") =>
  Array.from({ length: 12 }, (_, i) => {
    const word = WORDS[i % 3]!;
    const question = `${mark}Ticket ${split} ${i} about ${word}`;
    return `${JSON.stringify({ id: `${split}/${i}`, question, answer: LABELS[word] })}\n`;
  }).join("");

it("a workflow of a search answers elsewhere with the examples it carries, and no validation or test item is among them", async () => {
  const root = folder();
  const task = join(root, "tickets");
  mkdirSync(task);
  const marks = { train: "", validation: "VMARK ", test: "TMARK " };
  for (const [split, mark] of Object.entries(marks))
    writeFileSync(join(task, `${split}.jsonl`), lines(split, mark));
  const splits = Object.fromEntries(Object.keys(marks).map((split) => [split, { file: `${split}.jsonl` }]));
  const about = { name: "tickets", kind: "text", metric: "exact-match", splits };
  writeFileSync(join(task, "dataset.json"), JSON.stringify(about));
  // Answers what an example with the same word was answered with.
  server = await startFakeOpenAI({
    reply: ({ prompt }) => {
      const word = WORDS.find((one) => new RegExp(`about ${one}(?![\\s\\S]*about )`).test(prompt));
      const shown = new RegExp(`about ${word}\\n(?:Solution: .*\\n)?Answer: (\\S+)`).exec(prompt)?.[1];
      return `<answer>${shown ?? "unknown"}</answer>`;
    },
  });
  const models = [
    "--executor",
    `openai:${server.baseUrl}`,
    "--executor-model",
    "fake-model",
    "--weak",
    "none",
  ];
  const run = join(root, "run");
  const searched = await runCli(
    [
      ...[
        "optimize",
        "--task",
        task,
        "--run",
        run,
        "--designer",
        "random",
        "--baselines",
        "direct,few-shot-5",
      ],
      ...["--episodes", "1", "--turns", "1", "--candidates", "1", "--json", ...models],
    ],
    { cwd: root },
  );
  expect(searched, searched.stderr).toMatchObject({ code: 0 });
  expect(JSON.parse(searched.stdout).best).toMatchObject({ title: "executor with five examples" });
  for (const { prompt } of server.chats) {
    // The item at hand, and no other: one of train, where the designer is shown how a workflow fails.
    expect((prompt.match(/VMARK|TMARK/g) ?? []).length).toBeLessThanOrEqual(1);
  }
  const parts = readFileSync(join(run, "best-workflow.json"), "utf8");
  expect(JSON.parse(parts)).toMatchObject({ format: "w4s-workflow", version: 1 });
  expect(JSON.parse(parts).examples).toHaveLength(12);
  expect(parts).not.toMatch(/VMARK|TMARK/);

  const elsewhere = join(root, "elsewhere");
  mkdirSync(elsewhere);
  for (const name of ["best-workflow.js", "best-workflow.json"])
    cpSync(join(run, name), join(elsewhere, name));
  rmSync(task, { recursive: true });
  const ask = () =>
    runCli(["run", "best-workflow.js", "--question", "A new ticket about invoice", ...models], {
      cwd: elsewhere,
    });
  const answered = await ask();
  expect(answered, answered.stderr).toMatchObject({ code: 0 });
  expect(answered.stdout.trim()).toBe("K-17");
  rmSync(join(elsewhere, "best-workflow.json"));
  const missing = await ask();
  expect(missing.code).toBe(2);
  expect(missing.stderr).toContain("keep best-workflow.json beside best-workflow.js");
  expect(existsSync(join(elsewhere, "best-workflow.json"))).toBe(false);
});
