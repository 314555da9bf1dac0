/** @file `w4s optimize`: design a workflow for a task. */
import { Command } from "commander";
import { complete } from "../action.js";
import { addRunFlags, DATASET_FLAGS, MODEL_FLAGS, QUEUE_FLAGS, SEARCH_FLAGS } from "../run-flags.js";
import { searchAction } from "../search-action.js";

const EXAMPLES = `
Examples:
  What would it cost?
  $ w4s optimize --task gsm8k --model qwen2.5-coder-0.5b \\
      --executor openai:https://api.openai.com/v1 --executor-model gpt-4o-mini --dry-run

  A server on this machine (llama.cpp, vLLM, Ollama), a small search:
  $ w4s optimize --task gsm8k --model smollm2-135m --executor openai:http://127.0.0.1:8080/v1 \\
      --executor-model qwen2.5-coder-1.5b --episodes 2 --turns 2 --validation-limit 10 --test-limit 30

  Without a weak model: techniques are drawn at random, a race chooses among them
  $ w4s optimize --task gsm8k --executor openai:http://127.0.0.1:8080/v1 --executor-model qwen2.5-coder-1.5b

  Without any server: a simulated executor on a generated task
  $ w4s optimize --task word-problems --model smollm2-135m --executor simulated

The same command goes on where an interrupted one stopped; nothing is paid twice.
The best workflow is chosen on validation samples; the test split is opened once, at the end.`;

export function command(): Command {
  const optimize = new Command("optimize").description(
    "A weak local model writes and refines workflows that call a strong model; the best is reported beside baselines.",
  );
  addRunFlags(optimize, [...DATASET_FLAGS, ...MODEL_FLAGS, ...SEARCH_FLAGS, ...QUEUE_FLAGS]);
  return complete(optimize, searchAction("optimize"), { examples: EXAMPLES });
}
