/** @file Replies of a reasoning model that are no use are billed: ledger, budget and the end line say so. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type FakeOpenAI, type Fault, startFakeOpenAI } from "../support/fake-openai-server.js";
import { runCli } from "../support/run-cli.js";

/** What gpt-5 costs in models/prices.json, dollars per million. */
const PRICE = { input: 1.25, output: 10 };

let folder: string;
let server: FakeOpenAI;
const billed = { tokens: 0, dollars: 0, dearest: 0 };

const json =
  (status: number, body: object): Fault =>
  ({ response }) => {
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(body));
  };
const refused = (param: string) =>
  json(400, {
    error: {
      message: `Unsupported parameter: '${param}' is not supported with this model.`,
      type: "invalid_request_error",
      param,
      code: "unsupported_parameter",
    },
  });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "w4s-billed-"));
  server = await startFakeOpenAI({
    models: ["gpt-5"],
    intercept: ({ path, body }) => {
      if (!path.endsWith("/chat/completions")) return undefined;
      if (body.max_tokens !== undefined) return refused("max_tokens");
      if (body.temperature !== undefined) return refused("temperature");
      const completionTokens = (body.n ?? 1) * body.max_completion_tokens;
      const dollars = (100 * PRICE.input + completionTokens * PRICE.output) / 1e6;
      billed.tokens += 100 + completionTokens;
      billed.dollars += dollars;
      billed.dearest = Math.max(billed.dearest, dollars);
      return json(200, {
        id: "x",
        object: "chat.completion",
        model: "gpt-5",
        choices: Array.from({ length: body.n ?? 1 }, (_, index) => ({
          index,
          finish_reason: "length",
          message: { role: "assistant", content: "" },
        })),
        usage: {
          prompt_tokens: 100,
          completion_tokens: completionTokens,
          total_tokens: 100 + completionTokens,
        },
      });
    },
  });
});

afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

it("a model that thinks until its limit spends what it bills, and no more than the budget and one call", async () => {
  const { code, stdout } = await runCli([
    ...["eval", "--task", "word-problems", "--executor", `openai:${server.baseUrl}`],
    ...["--executor-model", "gpt-5", "--weak", "none", "--validation-limit", "12"],
    ...["--reply-tokens", "512", "--max-dollars", "0.1"],
    ...["--runs-root", join(folder, "runs"), "--run", "thinking"],
  ]);
  expect(code).not.toBe(0);
  const summary = JSON.parse(readFileSync(join(folder, "runs/thinking/summary.json"), "utf8"));
  const [spent] = Object.values(summary.spent) as { calls: number; tokens: number; dollars: number }[];
  expect(spent?.tokens).toBe(billed.tokens);
  expect(billed.tokens).toBeGreaterThan(0);
  expect(spent?.dollars).toBeCloseTo(billed.dollars, 9);
  // One call asks again with more room, and in another draw.
  expect(billed.dollars - 0.1).toBeLessThan(3 * billed.dearest);
  expect(stdout).toMatch(/spent +\d+ calls, .* tokens, \$0\.\d+ of \$0\.100/);
});
