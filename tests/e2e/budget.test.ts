/** @file What commands spend against a server that bills: its limit, its ledger, and runs that share one. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useCliHost } from "../support/cli-host.js";
import { completion, type FakeOpenAI, startFakeOpenAI } from "../support/fake-openai-server.js";

/** Tokens of one reply, of the 512 that it may have. */
const REPLY_TOKENS = 100;
const PROMPT_TOKENS = 60;
const PRICE = { input: 1, output: 10 };
const WORKFLOW = `export default async function workflow(agent, task) {
  const asked = [0, 1, 2, 3].map((i) => agent.text(i + ". " + task.question, { n: 16 }));
  return number(vote((await Promise.all(asked)).flat()));
}
`;

const runCli = useCliHost();
let folder: string;
let server: FakeOpenAI;
const billed = { calls: 0, tokens: 0, dollars: 0, dearest: 0 };

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "w4s-budget-"));
  writeFileSync(join(folder, "workflow.js"), WORKFLOW);
  server = await startFakeOpenAI({
    models: ["m", "m2", "routed"],
    intercept: ({ path, body }) => {
      if (!path.endsWith("/chat/completions")) return undefined;
      return async ({ response }) => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        const n = body.n ?? 1;
        const completionTokens = n * REPLY_TOKENS;
        const tokens = PROMPT_TOKENS + completionTokens;
        const dollars = (PROMPT_TOKENS * PRICE.input + completionTokens * PRICE.output) / 1e6;
        billed.calls++;
        billed.tokens += tokens;
        billed.dollars += dollars;
        billed.dearest = Math.max(billed.dearest, dollars);
        const usage = {
          cost: body.model === "routed" ? dollars : undefined,
          prompt_tokens: PROMPT_TOKENS,
          completion_tokens: completionTokens,
          total_tokens: tokens,
        };
        const texts = Array.from({ length: n }, () => "The answer is 41.");
        response.writeHead(200, { "content-type": "application/json" });
        response.end(JSON.stringify(completion("m", texts, { usage })));
      };
    },
  });
});

afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Spent {
  calls: number;
  tokens: number;
  dollars: number;
}

/** Evaluates the workflow on 16 items, 16 at once. */
async function evaluate(run: string, ...more: string[]) {
  Object.assign(billed, { calls: 0, tokens: 0, dollars: 0, dearest: 0 });
  const { code, stdout, stderr } = await runCli([
    ...["eval", join(folder, "workflow.js"), "--no-baselines", "--task", "word-problems", "--weak", "none"],
    ...["--executor", `openai:${server.baseUrl}`, "--executor-model", "m"],
    ...["--price-input", String(PRICE.input), "--price-output", String(PRICE.output)],
    ...["--concurrency", "16", "--validation-limit", "16", "--reply-tokens", "512"],
    ...["--runs-root", join(folder, "runs"), "--run", run, ...more],
  ]);
  const spentOf = (name: string): Spent => {
    const summary = JSON.parse(readFileSync(join(folder, "runs", name, "summary.json"), "utf8"));
    const [spent] = Object.values(summary.spent) as Spent[];
    return spent as Spent;
  };
  return { code, stdout, stderr, spentOf };
}

describe("--max-dollars", () => {
  it("is passed by one call at most, by 16 runs at once of 4 calls for 16 replies each", async () => {
    const { code, stdout, stderr, spentOf } = await evaluate("dear", "--max-dollars", "0.05");
    expect(`${code} ${stderr}`).toMatch(/^8 .*budget spent/s);
    const { calls, tokens, dollars } = spentOf("dear");
    expect({ calls, tokens }).toEqual({ calls: billed.calls, tokens: billed.tokens });
    expect(dollars).toBeCloseTo(billed.dollars, 9);
    // Four calls at $0.01606: the fourth starts at $0.04818.
    expect(billed.calls).toBe(4);
    expect(billed.dollars - 0.05).toBeLessThan(billed.dearest);
    expect(stdout).toContain("4 calls, 6.6 K tokens, $0.064 of $0.050");
  });

  it("goes on with the same sum when the run is resumed", async () => {
    const { code, spentOf } = await evaluate("dear", "--max-dollars", "0.1");
    expect(code).toBe(8);
    expect(billed.calls).toBe(3);
    expect(spentOf("dear")).toMatchObject({ calls: 7, dollars: expect.closeTo(7 * 0.01606, 9) });
  });
});

describe("runs that share", () => {
  it("one budget: what the first executor leaves is what --also may spend", async () => {
    writeFileSync(
      join(folder, "w4s.config.yaml"),
      `executors: { other: { url: "${server.baseUrl}", model: m2, inputPerMillion: 1, outputPerMillion: 10 } }`,
    );
    const also = ["--config", join(folder, "w4s.config.yaml"), "--also", "other", "--max-calls", "70"];
    const { code, stdout, spentOf } = await evaluate("both", ...also);
    expect(code).toBe(8);
    expect(billed.calls).toBe(70);
    expect(spentOf("both").calls).toBe(64);
    expect(spentOf("both-other").calls).toBe(6);
    expect(stdout).toMatch(/spent +64 calls.*spent +6 calls.*together +70 of 70 calls/s);
  });

  it("a cache: each counts its own calls alone", async () => {
    const cache = ["--cache", join(folder, "cache")];
    const first = await evaluate("first", ...cache, "--validation-limit", "4");
    expect(first.code).toBe(0);
    expect(first.spentOf("first").calls).toBe(16);
    // The 16 calls of the first are found, and are not of this budget.
    const second = await evaluate("second", ...cache, "--max-calls", "12");
    expect(second.code).toBe(8);
    expect(billed.calls).toBe(12);
    expect(second.spentOf("second").calls).toBe(12);
  });
});

describe("an unknown price", () => {
  it("of any executor refuses a limit in dollars before anything is paid", async () => {
    const unpriced = `executors: { nobody: { url: "${server.baseUrl}", model: m } }`;
    writeFileSync(join(folder, "unpriced.yaml"), unpriced);
    const also = ["--config", join(folder, "unpriced.yaml"), "--also", "nobody", "--max-dollars", "1"];
    const { code, stderr } = await evaluate("unpriced", ...also);
    expect(`${code} ${stderr}`).toMatch(/^2 .*price of nobody is unknown/s);
    expect(billed.calls).toBe(0);
  });

  it("is no hindrance where the server says what each answer cost", async () => {
    const router = ["--executor-model", "routed", "--max-dollars", "0.05"];
    const words = [
      ...["eval", join(folder, "workflow.js"), "--no-baselines", "--task", "word-problems", "--weak", "none"],
      ...["--executor", `openai:${server.baseUrl}`, ...router, "--concurrency", "16"],
      ...[
        "--validation-limit",
        "16",
        "--reply-tokens",
        "512",
        "--runs-root",
        join(folder, "runs"),
        "--run",
        "routed",
      ],
    ];
    Object.assign(billed, { calls: 0, tokens: 0, dollars: 0, dearest: 0 });
    const { code, stdout } = await runCli(words);
    expect(code).toBe(8);
    expect(stdout).toMatch(/\$0\.0[56]\d* of \$0\.05/);
    // One token was asked for before the run, to see the charge.
    const { dollars } = billed;
    expect(dollars).toBeGreaterThanOrEqual(0.05);
    expect(dollars).toBeLessThan(0.05 + 2 * billed.dearest);
    expect(stdout).not.toContain("price unknown");
    const plain = words.map((word) => (word === "routed" ? "m" : word));
    const refused = await runCli(plain);
    expect(`${refused.code} ${refused.stderr}`).toMatch(/^2 .*price of .* is unknown.*--price-input/s);
  });

  it("is said at the end, beside what was counted", async () => {
    const { code, stdout } = await runCli([
      ...["eval", join(folder, "workflow.js"), "--no-baselines", "--task", "word-problems", "--weak", "none"],
      ...["--executor", `openai:${server.baseUrl}`, "--executor-model", "m", "--validation-limit", "2"],
      ...["--runs-root", join(folder, "runs"), "--run", "unknown"],
    ]);
    expect(code).toBe(0);
    expect(stdout).toContain("8 calls, 13.3 K tokens, price unknown");
  });
});
