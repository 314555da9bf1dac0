/** @file `w4s import`: an adapter of another tool as a GGUF adapter to train on from. */
import { Command } from "commander";
import { type ActionBody, complete } from "../action.js";
import { EXIT } from "../exit-code.js";
import { writeJson, writeOut } from "../print/output.js";

const EXAMPLES = `
Examples:
  $ w4s import peft/ --base smollm2-135m --out adapter.gguf
  $ w4s train --model smollm2-135m --continue adapter.gguf --from runs/RUN --out adapters/second

LoRA on the layers' matrices, of PEFT (with rsLoRA, ranks and alphas by pattern) or mlx-lm; DoRA is refused by name.`;

interface ImportFlags {
  base: string;
  out: string;
  force?: boolean | undefined;
}

export function command(): Command {
  const command = new Command("import")
    .description(
      "Turns an adapter of PEFT, mlx-lm or llama.cpp into a GGUF adapter that training can go on from.",
    )
    .argument("<path>", "PEFT directory, folder of mlx-lm, or GGUF adapter")
    .requiredOption("--base <model>", "GGUF file or name of the model it was trained on")
    .requiredOption("--out <file>", "GGUF file to write")
    .option("--force", "write over what is there");
  return complete(command, importAction, { examples: EXAMPLES, hasConfig: false });
}

const importAction: ActionBody = async ({ isJson, command }, path = "") => {
  const api = await import("../../commands.js");
  const { base, out, force = false } = command.opts<ImportFlags>();
  const { config, pairs, addedPairs } = await api.importAdapter({
    path,
    basePath: await api.resolveModel(base),
    outPath: out,
    force,
  });
  const { rank, alpha, targets } = config;
  if (isJson) writeJson({ path: out, rank, alpha, targets, pairs: pairs.size, addedPairs });
  else {
    const added = addedPairs === 0 ? "" : `, ${addedPairs} of them added as zeros where it has none,`;
    writeOut(`${out}: rank ${rank}, alpha ${alpha}, ${pairs.size} pairs${added} on ${targets.join(", ")}`);
  }
  return EXIT.done;
};
