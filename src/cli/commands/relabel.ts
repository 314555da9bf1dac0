/** @file `w4s relabel`: rewards computed anew from what a run has recorded. */
import { Command, Option } from "commander";
import type { RewardName } from "../../commands.js";
import { type ActionBody, complete } from "../action.js";
import { EXIT } from "../exit-code.js";
import { writeJson, writeOut } from "../print/output.js";
import { table } from "../print/tables.js";

const EXAMPLES = `
Examples:
  $ w4s relabel runs/RUN --reward relative-gain
  $ w4s relabel runs/RUN --reward composite --reward-weights accuracy=1,efficiency=0.5
  $ w4s train --model smollm2-135m --from runs/RUN/relative-gain.trajectories.jsonl --out adapters/gain

No model is called, and what was recorded stays as it is. w4s train --reward does the same on the way.`;

export function command(): Command {
  const command = new Command("relabel")
    .description("Computes the rewards of recorded candidates anew and writes them beside the recorded ones.")
    .argument("<run>", "run directory of w4s learn, collect or optimize, or a trajectories.jsonl")
    .addOption(
      new Option("--reward <name>", "reward to compute")
        .choices(["discrete", "relative-gain", "accuracy", "composite"])
        .makeOptionMandatory(),
    )
    .option("--reward-weights <list>", "of composite (default: accuracy=1,efficiency=0.2)");
  return complete(command, relabelAction, { examples: EXAMPLES, hasConfig: false });
}

const relabelAction: ActionBody = async ({ isJson, command }, run = "") => {
  const api = await import("../../commands.js");
  const { reward, rewardWeights } = command.opts<{ reward: RewardName; rewardWeights?: string }>();
  const weights = api.chosenRewardWeights(reward, rewardWeights);
  const files = await api.relabel(run, reward, weights);
  if (isJson) writeJson({ reward, weights, files });
  else {
    writeOut(
      table(
        ["file", "candidates", "changed", "mean before", "mean after"],
        files.map(({ to, candidates, changed, meanBefore, meanAfter }) => [
          to,
          candidates,
          changed,
          meanBefore.toFixed(3),
          meanAfter.toFixed(3),
        ]),
      ),
    );
  }
  return EXIT.done;
};
