/** @file `w4s collect`: play episodes and record them. */
import { Command } from "commander";
import { complete } from "../action.js";
import { addRunFlags, DATASET_FLAGS, MODEL_FLAGS, QUEUE_FLAGS, SEARCH_FLAGS } from "../run-flags.js";
import { searchAction } from "../search-action.js";

const EXAMPLES = `
Examples:
  $ w4s collect --task gsm8k --model qwen2.5-coder-0.5b --executor openai:http://127.0.0.1:8080/v1 \\
      --executor-model qwen2.5-coder-1.5b --episodes 16 --turns 3 --max-minutes 60
  $ w4s inspect runs/RUN/trajectories.jsonl
  $ w4s collect --task gsm8k --replay runs/RUN --episodes 16 --turns 3   # no model, no network

Collect never opens the test split. Each episode ends up in trajectories.jsonl with the token ids that were sampled.`;

export function command(): Command {
  const collect = new Command("collect").description(
    "Plays episodes of the weak model on a task and records prompts, workflows, scores and rewards.",
  );
  const dataset = DATASET_FLAGS.filter((path) => path !== "testLimit");
  addRunFlags(collect, [...dataset, ...MODEL_FLAGS, ...SEARCH_FLAGS, ...QUEUE_FLAGS]);
  collect.option("--replay <run>", "evaluate the recorded workflows of a run anew, from its stored replies");
  return complete(collect, searchAction("collect"), { examples: EXAMPLES });
}
