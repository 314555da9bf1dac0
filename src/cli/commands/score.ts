/** @file `w4s score`: log-probabilities and perplexity of a text under a model, by our own forward pass. */
import { readFileSync } from "node:fs";
import { Command, InvalidArgumentError } from "commander";
import type { ChatMessage, TextScore } from "../../commands.js";
import { type ActionBody, complete } from "../action.js";
import { EXIT } from "../exit-code.js";
import { weightsOption } from "../flag-values.js";
import { writeErr, writeJson, writeOut } from "../print/output.js";
import { pairs } from "../print/tables.js";

const EXAMPLES = `
Examples:
  $ w4s score smollm2-135m --text README.md
  $ w4s score model.gguf --text - --compare < essay.txt
  $ w4s score model.gguf --messages chat.json --json

The trainer computes with the same forward pass. --compare runs llama.cpp on the same tokens: its CPU kernels
quantise activations, so that a quantised file gives slightly other numbers there; on F32 files both agree.
Families: those that can be trained (docs/families.md). Other models end with exit code 3 before anything is loaded.`;

interface ScoreFlags {
  text?: string | undefined;
  messages?: string | undefined;
  maxTokens?: number | undefined;
  weights: "auto" | "f32" | "f16" | "streamed";
  threads?: number | undefined;
  compare?: boolean | undefined;
}

export function command(): Command {
  const score = new Command("score")
    .description("Prints log-probabilities and perplexity of a text under a GGUF model.")
    .argument("<model>", "GGUF file, or a name of `w4s models list`")
    .option("--text <file>", "a text file; - reads stdin")
    .option(
      "--messages <file>",
      "a JSON list of {role, content}, put through the model's chat template; - reads stdin",
    )
    .option("--max-tokens <n>", "score at most this many tokens (default: 4096)", positiveInteger)
    .addOption(weightsOption("weights"))
    .option("--threads <n>", "CPU threads (default: the cores, at most 8)", positiveInteger)
    .option("--compare", "score the same tokens with llama.cpp too");
  return complete(score, scoreAction, { examples: EXAMPLES, hasConfig: false });
}

const scoreAction: ActionBody = async ({ isJson, watch, command }, model = "") => {
  const api = await import("../../commands.js");
  const flags = command.opts<ScoreFlags>();
  if ((flags.text === undefined) === (flags.messages === undefined)) {
    throw new api.ConfigError("give either --text or --messages", { hint: "w4s score MODEL --text FILE" });
  }
  const text = flags.text === undefined ? readMessages(api, flags.messages ?? "") : readText(api, flags.text);
  const score = await api.scoreText({
    modelPath: await api.resolveModel(model),
    text,
    weights: flags.weights,
    compare: flags.compare ?? false,
    onPlan: (line) => writeErr(line),
    signal: watch.signal,
    maxTokens: flags.maxTokens,
    threads: flags.threads,
  });
  if (isJson) writeJson(score);
  else printScore(score);
  return EXIT.done;
};

type Api = typeof import("../../commands.js");

/** The figures of a text on stdout. */
export function printScore(score: TextScore): void {
  const { tokens, perplexity, forwardMs, omittedTokens, llama } = score;
  const cut = omittedTokens === 0 ? "" : `, ${omittedTokens} more left out (--max-tokens)`;
  const mean = -Math.log(perplexity);
  writeOut(
    pairs([
      ["tokens", `${tokens.length}${cut}`],
      ["perplexity", perplexity.toFixed(4)],
      ["mean log-probability", mean.toFixed(6)],
      ["time", `${(forwardMs / 1000).toFixed(2)} s, weights read included`],
      ...(llama === undefined
        ? []
        : ([
            [
              "llama.cpp perplexity",
              `${llama.perplexity.toFixed(4)} (ours / llama.cpp ${(perplexity / llama.perplexity).toFixed(5)})`,
            ],
            [
              "|Δ log-probability|",
              `mean ${llama.meanDifference.toExponential(2)}, largest ${llama.largestDifference.toExponential(2)}`,
            ],
          ] as [string, string][])),
    ]),
  );
}

function readText(api: Api, path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path === "-" ? 0 : path));
  } catch (error) {
    throw new api.InputError(`cannot read ${path === "-" ? "stdin" : path}: ${api.messageOf(error)}`, {
      hint: "name a UTF-8 text file",
      cause: error,
    });
  }
}

function readMessages(api: Api, path: string): ChatMessage[] {
  const where = path === "-" ? "stdin" : path;
  const hint = 'expected [{"role": "user", "content": "…"}, …]';
  let value: unknown;
  try {
    value = JSON.parse(readText(api, path));
  } catch (error) {
    if (error instanceof api.InputError) throw error;
    throw new api.InputError(`${where} is not JSON: ${api.messageOf(error)}`, { hint });
  }
  const roles = new Set(["system", "user", "assistant"]);
  const isMessage = (item: unknown) => {
    const { role, content } = (item ?? {}) as { role?: unknown; content?: unknown };
    return typeof role === "string" && roles.has(role) && typeof content === "string";
  };
  if (!Array.isArray(value) || value.length === 0)
    throw new api.InputError(`${where} holds no messages`, { hint });
  const bad = value.findIndex((item) => !isMessage(item));
  if (bad >= 0) throw new api.InputError(`${where}: message ${bad} has no valid role and content`, { hint });
  return value as ChatMessage[];
}

function positiveInteger(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError("must be a whole number above 0");
  return Number(text);
}
