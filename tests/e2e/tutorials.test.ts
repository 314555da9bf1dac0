/** @file The tutorials as they are printed: every block is a file or a command, and does what the page says. Tickets have a test of their own. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { afterAll, expect, it } from "vitest";
import { useCliHost } from "../support/cli-host.js";
import { type FakeOpenAI, startFakeOpenAI } from "../support/fake-openai-server.js";
import { environmentOf, ROOT } from "../support/run-cli.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const folder = useTemporaryFolder();
const w4s = useCliHost();
const servers: FakeOpenAI[] = [];
afterAll(async () => {
  for (const server of servers) await server.close();
});

/** Searches of the same kind, only smaller. */
const SMALL = {
  W4S_BASELINES: "direct",
  W4S_WEAK: "none",
  W4S_EPISODES: "1",
  W4S_TURNS: "1",
  W4S_CANDIDATES: "1",
  W4S_MAX_REPAIRS: "0",
  W4S_VALIDATION_LIMIT: "4",
  W4S_TEST_LIMIT: "2",
  W4S_THREADS: "1",
  W4S_MAX_TOKENS: "8",
};

interface Block {
  language: string;
  /** Name behind the language: the block is this file. */
  file: string | undefined;
  text: string;
}

function blocksOf(page: string): Block[] {
  const text = readFileSync(join(ROOT, `docs/tutorials/${page}.md`), "utf8");
  return [...text.matchAll(/^```(\w+)(?: (\S+))?\n([\s\S]*?)^```$/gm)].map(
    ([, language = "", file, body = ""]) => ({ language, file, text: body }),
  );
}

/** Words of a command line behind the program's name. */
function wordsOf({ text }: Block): string[] {
  const [program, ...words] = [...text.trim().matchAll(/"([^"]*)"|\S+/g)].map(
    ([word, quoted]) => quoted ?? word,
  );
  expect(program).toBe("w4s");
  return words;
}

async function fakeServer(reply: (prompt: string) => string): Promise<FakeOpenAI> {
  const server = await startFakeOpenAI({ models: ["my-model"], reply: ({ prompt }) => reply(prompt) });
  servers.push(server);
  return server;
}

/** Writes the files of a page; what is left are commands, in their order. */
function lay(blocks: readonly Block[], cwd: string, replace: (text: string) => string): string[][] {
  for (const { file, text } of blocks) if (file !== undefined) writeFileSync(join(cwd, file), replace(text));
  return blocks.filter(({ language }) => language === "sh").map((block) => wordsOf(block).map(replace));
}

async function play(words: readonly string[], cwd: string): Promise<string> {
  // What the page says by a flag is made smaller by a flag, which the last one of a name is.
  const result = await w4s(words, { cwd, env: SMALL });
  expect(result, `${words.join(" ")}\n${result.stdout}${result.stderr}`).toMatchObject({ code: 0 });
  return result.stdout;
}

it("own tools: the workflow of the page looks up what the model cannot know", async () => {
  const cwd = folder();
  const blocks = blocksOf("own-tools");
  // The model reads the number off what it is shown, and guesses otherwise.
  const server = await fakeServer((prompt) => /"pieces":(\d+)/.exec(prompt)?.[1] ?? "1000");
  const stock = blocks.find(({ language }) => language === "json")?.text ?? "";
  writeFileSync(join(cwd, "stock.json"), stock);
  const questions = Object.entries(JSON.parse(stock) as Record<string, number>).flatMap(([article, pieces]) =>
    [
      "How many pieces of the X are in stock?",
      "Of the X there are how many?",
      "Count the pieces of the X.",
      "X: what is left?",
    ].map((question) => `${question.replace("X", article)},${pieces}`),
  );
  // The table of the page is the beginning of such a one.
  const shown =
    blocks
      .find(({ language }) => language === "csv")
      ?.text.trim()
      .split("\n")
      .slice(1) ?? [];
  expect(shown.filter((line) => !questions.includes(line))).toEqual([]);
  expect(shown).toHaveLength(2);
  writeFileSync(join(cwd, "stock.csv"), `question,answer\n${questions.join("\n")}\n`);
  const commands = lay(blocks, cwd, (text) => text.replace("http://127.0.0.1:8080/v1", server.baseUrl));
  const outputs: string[] = [];
  for (const words of commands) outputs.push(await play(words, cwd));
  const [, evaluated = "", , used = ""] = outputs;
  expect(evaluated).toMatch(/lookup\.js[^\n]*100\.0%/);
  expect(evaluated).toMatch(/direct[^\n]* 0\.0%/);
  expect(used.trim()).toBe("31");
});

it("GSM8K: every command runs, with nano in the place of the larger model", async () => {
  const cwd = folder();
  // Sums of our own, in the form of the published file.
  const lines = Array.from({ length: 30 }, (_, i) =>
    JSON.stringify({
      question: `Ann has ${i + 2} pens and buys ${i + 5} more. How many pens has she now?`,
      answer: `She has ${i + 2} + ${i + 5} pens.\n#### ${2 * i + 7}`,
    }),
  );
  writeFileSync(join(cwd, "train.jsonl"), `${lines.join("\n")}\n`);
  const sizes = new Map([
    ["--validation-limit", "2"],
    ["--test-limit", "2"],
    ["--turns", "1"],
    ["--candidates", "1"],
  ]);
  for (const words of lay(blocksOf("gsm8k"), cwd, (text) => text.replace("qwen2.5-coder-1.5b", "nano")))
    await play(
      words.map((word, at) => sizes.get(words[at - 1] ?? "") ?? word),
      cwd,
    );
  const page = readFileSync(join(cwd, "runs/gsm8k/report.html"), "utf8");
  expect(page).toContain('<section id="comparison"');
});

it("in a Node app: the server answers the client, and the app runs the workflow itself", async () => {
  const cwd = folder();
  const server = await fakeServer((prompt) => (prompt.includes("parcel") ? "shipping" : "billing"));
  const blocks = blocksOf("node-app");
  const [words = []] = lay(blocks, cwd, (text) => text.replace("http://127.0.0.1:8080/v1", server.baseUrl));
  const main = join(ROOT, "dist/cli/main.js");
  const child = spawn(process.execPath, [main, ...words, "--port", "0"], {
    cwd,
    env: environmentOf(),
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const [line] = (await once(createInterface({ input: child.stdout! }), "line")) as [string];
    const url = /^(\S+) serves sort$/.exec(line)?.[1] ?? line;
    const app = readFileSync(join(cwd, "app.mjs"), "utf8");
    expect(app).toContain("http://127.0.0.1:8484/v1");
    writeFileSync(join(cwd, "app.mjs"), app.replace("http://127.0.0.1:8484/v1", url));
    mkdirSync(join(cwd, "node_modules"));
    symlinkSync(ROOT, join(cwd, "node_modules/w4s"));
    symlinkSync(join(ROOT, "node_modules/openai"), join(cwd, "node_modules/openai"));
    for (const [file, said] of [
      ["app.mjs", "shipping 1"],
      ["inside.mjs", "ok shipping"],
    ] as const) {
      const { stdout } = await promisify(execFile)(process.execPath, [file], { cwd, env: environmentOf() });
      expect(stdout.trim()).toBe(said);
      expect(readFileSync(join(ROOT, "docs/tutorials/node-app.md"), "utf8")).toContain(
        `It prints \`${said}\``,
      );
    }
  } finally {
    child.kill("SIGTERM");
    await once(child, "exit");
  }
});
