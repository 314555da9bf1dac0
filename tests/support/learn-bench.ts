/** @file A tiny model, a fake server and `w4s learn` on them: two rounds in some seconds. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type FakeOpenAI, startFakeOpenAI } from "./fake-openai-server.js";
import { withoutPrograms } from "./no-programs.js";
import { namedReply } from "./paid-calls.js";
import { makeTinyDesigner } from "./tiny-designer.js";

export interface LearnBench {
  folder: string;
  model: string;
  server: FakeOpenAI;
  /** Words of the command that plays the run `run` in the folder. */
  learn(run: string, more?: readonly string[]): string[];
  // biome-ignore lint/suspicious/noExplicitAny: tests look into arbitrary fields
  summaryOf(run: string): any;
  /** What must not depend on kills and resumes. */
  outcome(run: string): { adapterHash: string; rounds: unknown[] } & Record<string, unknown>;
}

/** The caller closes the server. */
export async function startLearnBench(folder: string): Promise<LearnBench> {
  const model = makeTinyDesigner(join(folder, "tiny.gguf"));
  const server = await startFakeOpenAI({ delayMs: 2, reply: namedReply });
  const rules = withoutPrograms(folder);
  const summaryOf = (run: string) => JSON.parse(readFileSync(join(folder, run, "summary.json"), "utf8"));
  return {
    folder,
    model,
    server,
    summaryOf,
    learn: (run, more = []) => [
      "learn",
      ...(more.includes("--task") ? [] : ["--task", "counting,shopping"]),
      ...["--held-back", "sequences", "--model", model, "--gpu", "off"],
      ...["--executor", `openai:${server.baseUrl}`, "--executor-model", "fake-model", "--threads", "1"],
      ...["--rounds", "2", "--episodes", "2", "--turns", "1", "--candidates", "2", "--eval-episodes", "1"],
      ...[
        "--max-repairs",
        "0",
        "--instructions",
        "1",
        "--screen",
        "0",
        "--validation-limit",
        "4",
        "--test-limit",
        "3",
      ],
      ...["--rank", "2", "--epochs", "1", "--batch-size", "3", "--seed", "5", "--accept", "always"],
      ...["--concurrency", "3", ...rules, "--run", join(folder, run)],
      ...more,
    ],
    outcome: (run) => {
      const { rounds, adapter, base, trained, test } = summaryOf(run);
      return {
        adapterHash: adapter.hash,
        base,
        trained,
        test,
        // Times and peaks differ, and a resumed training counts the tokens of its last process only.
        rounds: (rounds as Record<string, unknown>[]).map(({ seconds: _, training, ...round }) => {
          const {
            peakRssBytes: _peak,
            trainedTokens: _tokens,
            ...same
          } = training as Record<string, unknown>;
          return { ...round, training: same };
        }),
        best: readFileSync(join(folder, run, "best-workflow.js"), "utf8"),
      };
    },
  };
}
